// How the pictures of two stacks answer to each other: by place in the patient, else by number, else not at all.
import type { ManifestSeries } from '@/imaging/contract'
import { differencesOf } from '@/imaging/model/pairing'
import { commonAxis, geometryOf, middleOf, nearest, positionsAlong } from '@/imaging/model/position'
import { framesOf } from '@/imaging/model/stack'

export type Side = 'left' | 'right'

export interface ByPosition {
  kind: 'position'
  left: readonly number[]
  right: readonly number[]
  /** How far from a picture's plane it still shows the patient, mm. */
  reach: Record<Side, number>
  /** Position on the right less that on the left, as far as the files tell. */
  offset: number
  origin: 'same-frame' | 'middles'
}

export interface ByIndex {
  kind: 'index'
  left: readonly number[]
  right: readonly number[]
  offset: number
}

export type Alignment = ByPosition | ByIndex | { kind: 'none'; reason: 'plane' | 'side' | 'none' | 'waiting' }

export function alignmentOf(left: ManifestSeries | undefined, right: ManifestSeries | undefined): Alignment {
  if (!left || !right) return { kind: 'none', reason: 'waiting' }
  if (left.frame_count < 1 || right.frame_count < 1) return { kind: 'none', reason: 'none' }
  if (differencesOf(left, right).includes('side')) return { kind: 'none', reason: 'side' }
  const [a, b] = [geometryOf(framesOf(left)), geometryOf(framesOf(right))]
  if (!a || !b) return byIndex(framesOf(left).length, framesOf(right).length)
  const axis = commonAxis(a, b)
  if (!axis) return { kind: 'none', reason: 'plane' }
  const [onLeft, onRight] = [positionsAlong(a, axis), positionsAlong(b, axis)]
  const same = a.frameOfReference !== '' && a.frameOfReference === b.frameOfReference
  return {
    kind: 'position',
    left: onLeft,
    right: onRight,
    reach: { left: a.reach, right: b.reach },
    offset: same ? 0 : middleOf(onRight) - middleOf(onLeft),
    origin: same ? 'same-frame' : 'middles',
  }
}

function byIndex(left: number, right: number): ByIndex {
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
  return { kind: 'index', left: numbers(left), right: numbers(right), offset: 0 }
}

export interface Answer {
  index: number
  /** How far the nearest picture is, where none shows that place; else null. */
  missing: number | null
}

/** The picture on the other side that answers to one on this side, with the offset in force. */
export function answerTo(alignment: ByPosition | ByIndex, from: Side, index: number, offset: number): Answer {
  const to: Side = from === 'left' ? 'right' : 'left'
  const target = (alignment[from][index] ?? 0) + (from === 'left' ? offset : -offset)
  const found = nearest(alignment[to], target)
  const reach = alignment.kind === 'position' ? alignment.reach[to] : 0
  return { index: found.index, missing: found.distance > reach + 1e-6 ? found.distance : null }
}

/** The offset that makes these two pictures answer to each other. */
export function offsetBetween(alignment: ByPosition | ByIndex, left: number, right: number): number {
  return (alignment.right[right] ?? 0) - (alignment.left[left] ?? 0)
}
