import { onBeforeUnmount, ref, shallowRef } from 'vue'

import type { Manifest } from '../contract'
import { StudyAddresses } from '../net/addresses'
import { isAbort, LoadError, type FailureKind } from '../net/errors'
import { loadManifest } from '../net/manifestLoader'
import type { Transport } from '../net/transport'

/** The study's manifest with what to tell the reader meanwhile; fetched on `load`, given up with the component. */
export function useStudy(apiBase: string, studyInstanceUid: string, transport: Transport) {
  const manifest = shallowRef<Manifest>()
  const preparing = ref(false)
  const failure = ref<FailureKind>()
  const controller = new AbortController()

  async function load(): Promise<void> {
    failure.value = undefined
    try {
      manifest.value = await loadManifest(new StudyAddresses(apiBase, studyInstanceUid), transport, {
        signal: controller.signal,
        onPreparing: () => {
          preparing.value = true
        },
      })
      preparing.value = false
    } catch (error) {
      if (isAbort(error)) return
      failure.value = error instanceof LoadError ? error.kind : 'broken'
    }
  }

  onBeforeUnmount(() => controller.abort())
  return { manifest, preparing, failure, load }
}
