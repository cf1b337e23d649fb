import { onBeforeUnmount, shallowRef, type Ref } from 'vue'

import type { SeriesBrief } from '../contract'
import type { StudyAddresses } from '../net/addresses'
import { loadPicture, releasePicture } from '../net/previewSource'
import type { RequestQueue } from '../net/requestQueue'
import { SlidingStore, type Loaded } from '../net/slidingStore'
import type { Transport } from '../net/transport'
import { indexOfKey, type Frame } from '../model/stack'

/** Decoded JPGs, four bytes a pixel: beside the DICOM frames' own cap this stays under what phones allow. */
const CAP_BYTES = 40_000_000

/**
 * The JPGs of the series in view.
 *
 * The key picture is asked for before the manifest is known, and then handed over instead of fetched twice.
 */
export function usePreviews(queue: RequestQueue, transport: Transport, addresses: Ref<StudyAddresses>) {
  const store = shallowRef<SlidingStore<HTMLImageElement>>()
  const keyPictures = new Map<string, Promise<Loaded<HTMLImageElement>>>()
  const thumbnails = new Map<string, Promise<string>>()

  function keyPicture(series: SeriesBrief, sop: string, frameNumber: number): Promise<Loaded<HTMLImageElement>> {
    const uid = series.series_instance_uid
    const known = keyPictures.get(uid)
    if (known) return known
    const loading = loadPicture(addresses.value.preview(sop, frameNumber), transport, {})
    keyPictures.set(uid, loading)
    loading.catch(() => keyPictures.delete(uid))
    return loading
  }

  /** Show this series; without frames (no manifest yet) only its key picture. */
  function open(series: SeriesBrief, frames: readonly Frame[]): void {
    store.value?.close()
    const { key } = series
    if (frames.length === 0) {
      store.value = key
        ? new SlidingStore({
            count: 1,
            queue,
            capBytes: CAP_BYTES,
            ahead: 0,
            behind: 0,
            load: () => keyPicture(series, key.sop_instance_uid, key.frame_number),
          })
        : undefined
      return
    }
    const keyIndex = indexOfKey(frames, key)
    store.value = new SlidingStore({
      count: frames.length,
      queue,
      capBytes: CAP_BYTES,
      ahead: 16,
      behind: 6,
      load: (index, signal) => {
        const handedOver = index === keyIndex ? keyPictures.get(series.series_instance_uid) : undefined
        keyPictures.delete(series.series_instance_uid)
        const frame = frames[index] as Frame
        return handedOver ?? loadPicture(addresses.value.preview(frame.instance.sop_instance_uid, frame.frameNumber), transport, { signal })
      },
      drop: releasePicture,
    })
  }

  function close(): void {
    store.value?.close()
    store.value = undefined
  }

  function thumbnail(series: SeriesBrief): Promise<string> {
    const { key, series_instance_uid: uid } = series
    if (!key) return Promise.resolve('')
    const known = thumbnails.get(uid)
    if (known) return known
    const url = addresses.value.thumbnail(key.sop_instance_uid, key.frame_number)
    const { promise } = queue.add('thumbnail', (signal) => transport.bytes(url, { accept: 'image/jpeg', signal }))
    const address = promise.then(({ body, type }) => URL.createObjectURL(new Blob([body], { type: type || 'image/jpeg' })))
    thumbnails.set(uid, address)
    return address
  }

  onBeforeUnmount(() => {
    close()
    for (const address of thumbnails.values()) address.then(URL.revokeObjectURL, () => undefined)
  })
  return { store, open, close, thumbnail }
}
