import { computed, ref, watch, type Ref } from 'vue'

import { LoadError, type FailureKind } from '../net/errors'
import { words } from '../words'
import type { Mode } from './displayChoice'
import type { useStack } from './useStack'

interface ManifestStatus {
  preparing: Ref<boolean>
  manifestFailure: Ref<FailureKind | undefined>
}

/** What is really painted, what is on its way, what went wrong, and the words for each. */
export function useStatus(stack: ReturnType<typeof useStack>, { preparing, manifestFailure }: ManifestStatus) {
  const { choice, count, frames, index, isPictures, selectedUid, series, state } = stack
  const shown = ref<{ series: string; mode: Mode; index: number }>()
  const failure = ref<FailureKind>()
  const progress = ref<number | null>(null)

  const shownHere = computed(() => {
    const here = shown.value?.series === selectedUid.value && shown.value?.mode === choice.value.mode
    return here ? shown.value : undefined
  })
  const isShown = computed(() => shownHere.value?.index === index.value)
  const problem = computed(() => {
    if (!series.value) return words.noSeries
    // waveforms are drawn in place of the stage
    if (!isPictures.value && series.value.kind !== 'waveform') return words.notPictures[series.value.kind] || words.notPictures.other
    const kind = manifestFailure.value ?? failure.value
    if (kind === 'missing' && choice.value.mode === 'preview') return words.previewMissing
    if (kind) return words.failure[kind]
    return choice.value.mode === null ? choice.value.note : ''
  })
  const loading = computed(() => {
    if (problem.value || isShown.value || choice.value.mode === null) return ''
    if (preparing.value) return words.preparing
    if (choice.value.mode === 'dicom' && shown.value?.mode !== 'dicom') return words.opening
    return state.value ? words.loadingSlice(index.value + 1) : words.loading
  })
  // what is painted is named, not what was asked for: a number must never stand beside another picture
  const slice = computed(() => (shownHere.value && state.value ? words.slice(shownHere.value.index + 1, count.value) : ''))

  function clear(): void {
    failure.value = undefined
    progress.value = null
  }

  function show(mode: Mode, at: number): void {
    clear()
    shown.value = { series: selectedUid.value ?? '', mode, index: at }
  }

  function fail(error: unknown): void {
    clear()
    failure.value = error instanceof LoadError ? error.kind : 'broken'
  }

  function advance(fraction: number): void {
    progress.value = fraction
  }

  watch([index, selectedUid, frames], clear)
  return { advance, clear, fail, failure, isShown, loading, problem, progress, show, shownHere, slice }
}
