import { computed, ref, type ShallowRef } from 'vue'

import { hasWebGl2 } from '../capability'
import type { Manifest, SeriesBrief } from '../contract'
import { pictureSizeOf, pixelAspectOf } from '../model/geometry'
import { asOpened, clampedIndex, firstSeries, framesOf, indexOfKey } from '../model/stack'
import { FITTED } from '../model/view'
import { seriesName } from '../seriesName'
import { chooseDisplay, type Mode } from './displayChoice'
import { SeriesStates } from './seriesState'

/** Which series, which picture, shown how: all that is kept while the reader switches between tabs and modes. */
export function useStack(briefs: () => SeriesBrief[], manifest: ShallowRef<Manifest | undefined>) {
  const states = new SeriesStates()
  const asked = ref<Mode>('preview')
  const selectedUid = ref(firstSeries(briefs())?.series_instance_uid)

  const seriesList = computed<SeriesBrief[]>(() => (manifest.value ? asOpened(manifest.value.series, briefs()) : briefs()))
  const series = computed(() => seriesList.value.find((s) => s.series_instance_uid === selectedUid.value))
  const frames = computed(() => {
    const found = manifest.value?.series.find((s) => s.series_instance_uid === selectedUid.value)
    return found ? framesOf(found) : []
  })
  const state = computed(() => {
    const uid = selectedUid.value
    // before the manifest the place in the stack is not known: the key picture stands alone
    if (!uid || frames.value.length === 0) return undefined
    return states.of(uid, () => indexOfKey(frames.value, series.value?.key ?? null))
  })
  const index = computed(() => state.value?.index ?? 0)
  const count = computed(() => frames.value.length || 1)
  const view = computed(() => state.value?.view ?? FITTED)
  const isPictures = computed(() => series.value?.kind === 'image' && series.value.frame_count > 0)
  const metadata = computed(() => frames.value[index.value]?.instance.metadata)
  const choice = computed(() => {
    if (!series.value || !isPictures.value) return { mode: null, note: '' }
    return chooseDisplay(asked.value, series.value, frames.value[index.value], hasWebGl2)
  })
  const pixelAspect = computed(() => (metadata.value ? pixelAspectOf(metadata.value) : 1))
  const pictureSize = computed(() => (metadata.value ? pictureSizeOf(metadata.value) : { width: 1, height: 1 }))
  const name = computed(() => (series.value ? seriesName(series.value) : { name: '', original: '' }))

  function goTo(target: number): void {
    if (state.value) state.value.index = clampedIndex(target, count.value)
  }

  return { asked, choice, count, frames, goTo, index, isPictures, name, pictureSize, pixelAspect, selectedUid, series, seriesList, state, view }
}
