import { computed, ref, shallowReactive, watch, type ComputedRef } from 'vue'

import type { ManifestSeries } from '@/imaging/contract'
import type { Window } from '@/imaging/model/window'
import type { Reader } from '@/imaging/stage/useReader'

import { alignmentOf, answerTo, offsetBetween, type Side } from './alignment'

const OTHER: Record<Side, Side> = { left: 'right', right: 'left' }

interface Linked {
  reader: Reader
  series: ComputedRef<ManifestSeries | undefined>
}

/** What ties two readers together: paging by place, the window. Each can be let go and taken up again. */
export function useLinks(sides: Record<Side, Linked>) {
  const paging = ref(true)
  const windows = ref(true)
  /** The side the doctor last worked on: the other one follows. */
  const lead = ref<Side>('left')
  const { left, right } = sides
  /** Offsets set by hand, kept for as long as these series are compared. */
  const byHand = shallowReactive(new Map<string, number>())

  const alignment = computed(() => alignmentOf(left.series.value, right.series.value))
  const pairKey = computed(() => `${left.series.value?.series_instance_uid} ${right.series.value?.series_instance_uid}`)
  const offset = computed(() => byHand.get(pairKey.value) ?? ('offset' in alignment.value ? alignment.value.offset : 0))
  const calibrated = computed(() => byHand.has(pairKey.value))
  const sameModality = computed(() => left.series.value?.modality === right.series.value?.modality)

  /** What the side that follows shows of the place the leading side shows; null while nothing is linked. */
  const answer = computed(() => {
    if (!paging.value || alignment.value.kind === 'none') return null
    return answerTo(alignment.value, lead.value, sides[lead.value].reader.stack.index.value, offset.value)
  })
  /** The side that has no picture there, and how far its nearest is. */
  const missing = computed(() => {
    const distance = answer.value?.missing ?? null
    return distance === null ? null : { side: OTHER[lead.value], distance }
  })

  function follow(): void {
    if (answer.value) sides[OTHER[lead.value]].reader.stack.goTo(answer.value.index)
  }

  function paged(side: Side): void {
    lead.value = side
    follow()
  }

  function togglePaging(): void {
    paging.value = !paging.value
    const { value } = alignment
    if (!paging.value || value.kind === 'none') return
    // nobody moved: the two pictures answer to each other already, and nothing was aligned by hand
    if (answer.value?.index === sides[OTHER[lead.value]].reader.stack.index.value) return
    byHand.set(pairKey.value, offsetBetween(value, left.reader.stack.index.value, right.reader.stack.index.value))
  }

  function carry(from: Side, window: Window | null): void {
    const state = sides[OTHER[from]].reader.stack.state.value
    if (!windows.value || !sameModality.value || !state) return
    state.window = window && { center: window.center, width: window.width }
    sides[OTHER[from]].reader.windowing.preset.value = sides[from].reader.windowing.preset.value
  }

  function windowed(side: Side): void {
    lead.value = side
    carry(side, sides[side].reader.stack.state.value?.window ?? null)
  }

  /** Where the leading picture has a window of its own, the other takes that. */
  function painted(side: Side, window: Window | null): void {
    if (window && side === lead.value) carry(side, window)
  }

  function toggleWindows(): void {
    windows.value = !windows.value
    carry(lead.value, sides[lead.value].reader.windowing.current.value ?? null)
  }

  // other series, or the manifests have come: both sides show one place again
  watch(alignment, follow)
  return { paging, windows, lead, alignment, offset, calibrated, sameModality, missing, paged, windowed, painted, togglePaging, toggleWindows }
}

export type Links = ReturnType<typeof useLinks>
