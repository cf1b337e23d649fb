import { computed, ref, watch } from 'vue'

import { presetsFor, windowAfterDrag, type Window, type WindowPreset } from '../model/window'
import { words } from '../words'
import type { useStack } from './useStack'

/** The name of a window the reader made by hand. */
const BY_HAND = 'by-hand'

/** The window of the series in view: its own, a named one, or what the reader drags. */
export function useWindowing({ choice, selectedUid, series, state }: ReturnType<typeof useStack>) {
  /** What the last picture was painted with. */
  const shown = ref<Window>()
  const preset = ref('')
  let start: Window | undefined

  const current = computed(() => state.value?.window ?? shown.value)
  const presets = computed(() => presetsFor(series.value?.modality ?? ''))
  const figures = computed(() =>
    choice.value.mode === 'dicom' && current.value ? words.window(current.value.width, current.value.center) : '',
  )

  function startDrag(): void {
    start = current.value
  }

  /** `dx` and `dy` count from the drag's start. */
  function drag(dx: number, dy: number): void {
    if (choice.value.mode !== 'dicom' || !start || !state.value) return
    preset.value = BY_HAND
    state.value.window = windowAfterDrag(start, dx, dy)
  }

  /** A named window; null gives each picture its own again. */
  function choose(chosen: WindowPreset | null): void {
    preset.value = chosen?.name ?? ''
    if (state.value) state.value.window = chosen && { center: chosen.center, width: chosen.width }
  }

  watch(selectedUid, () => {
    const kept = state.value?.window
    const named = kept && presets.value.find((p) => p.center === kept.center && p.width === kept.width)
    preset.value = kept ? (named?.name ?? BY_HAND) : ''
  })
  return { choose, current, drag, figures, preset, presets, shown, startDrag }
}
