import { describe, expect, it } from 'vitest'

import { alignmentOf, answerTo, offsetBetween, type ByIndex, type ByPosition } from '@/apps/reading/alignment'
import { edgeLettersOf } from '@/imaging/model/position'
import { framesOf } from '@/imaging/model/stack'

import { axial, range, series } from './series'

const position = (...args: Parameters<typeof alignmentOf>) => {
  const found = alignmentOf(...args)
  expect(found.kind).toBe('position')
  return found as ByPosition
}

describe('two stacks of one frame of reference', () => {
  const same = { frameOfReference: 'one' }

  // every pair of thickness, order and start: what answers is never farther than half a step of the other stack
  for (const step of [0.5, 1, 1.25, 3, 5, 10]) {
    for (const otherStep of [0.625, 2.5, 7]) {
      for (const [order, otherOrder] of [[1, 1], [1, -1], [-1, 1], [-1, -1]] as const) {
        it(`answer by place: ${step * order} mm beside ${otherStep * otherOrder} mm`, () => {
          const heights = range(Math.ceil(120 / step), order > 0 ? -60 : 60, step * order)
          const others = range(Math.ceil(200 / otherStep), otherOrder > 0 ? -97 : 97, otherStep * otherOrder)
          const found = position(axial(heights, same), axial(others, same))
          expect([found.offset, found.origin]).toEqual([0, 'same-frame'])
          heights.forEach((height, i) => {
            const { index, missing } = answerTo(found, 'left', i, 0)
            expect(missing).toBeNull()
            expect(Math.abs((others[index] as number) - height)).toBeLessThanOrEqual(otherStep / 2 + 1e-9)
            expect(Math.min(...others.map((other) => Math.abs(other - height)))).toBeCloseTo(Math.abs((others[index] as number) - height), 9)
          })
        })
      }
    }
  }

  it('go there and back to where they were, where both are equally thick', () => {
    const found = position(axial(range(40, 0, 2), same), axial(range(60, 30, -2), same))
    for (let i = 0; i < 16; i++) {
      const there = answerTo(found, 'left', i, 0)
      expect(answerTo(found, 'right', there.index, 0)).toEqual({ index: i, missing: null })
    }
  })

  it('say what one does not cover, and how far its end is', () => {
    const found = position(axial(range(50, 0, 1), same), axial(range(10, 20, 1), same))
    expect(answerTo(found, 'left', 25, 0)).toEqual({ index: 5, missing: null })
    expect(answerTo(found, 'left', 0, 0)).toEqual({ index: 0, missing: 20 })
    expect(answerTo(found, 'left', 49, 0)).toEqual({ index: 9, missing: 20 })
  })

  it('say where slices of a stack are missing', () => {
    const gap = [...range(10, 0, 5), ...range(10, 100, 5)]
    const found = position(axial(range(150, 0, 1), same), axial(gap, { ...same, thickness: 5 }))
    expect(answerTo(found, 'left', 47, 0)).toEqual({ index: 9, missing: null })
    expect(answerTo(found, 'left', 70, 0)).toEqual({ index: 9, missing: 25 })
    expect(answerTo(found, 'left', 98, 0)).toEqual({ index: 10, missing: null })
  })

  it('with one slice alone', () => {
    const found = position(axial(range(20, 0, 1), same), axial([7.2], { ...same, thickness: 2 }))
    expect(answerTo(found, 'left', 7, 0)).toEqual({ index: 0, missing: null })
    expect(answerTo(found, 'left', 12, 0).missing).toBeCloseTo(4.8, 6)
    expect(answerTo(found, 'right', 0, 0)).toEqual({ index: 7, missing: null })
  })

  it('do not mind another field of view or pixel size', () => {
    const small = series({ positions: range(20, 0, 1).map((z) => [-50, -20, z] as const), size: 256, spacing: 0.4, ...same })
    const found = position(axial(range(20, 0, 1), same), small)
    range(20, 0, 1).forEach((i) => expect(answerTo(found, 'left', i, 0)).toEqual({ index: i, missing: null }))
  })

  it('with the gantry tilted 20° on one side answer by where their middles lie', () => {
    const [cos, sin] = [Math.cos(Math.PI / 9), Math.sin(Math.PI / 9)]
    // the corner moves with the tilt; the middle of every slice lies on the table's axis
    const half = (511 * 0.7) / 2
    const tilted = series({
      positions: range(40, 0, 3).map((z) => [-half, -half * cos, z + half * sin] as const),
      orientation: [1, 0, 0, 0, cos, -sin],
      ...same,
    })
    const straight = series({ positions: range(120, 0, 1).map((z) => [-half, -half, z] as const), ...same })
    const found = position(tilted, straight)
    range(40, 0, 1).forEach((i) => expect(answerTo(found, 'left', i, 0)).toEqual({ index: i * 3, missing: null }))
  })
})

describe('two studies with frames of reference of their own', () => {
  const now = axial(range(320, -342, 1), { uid: 'now' })
  const before = axial(range(256, 812.5, 1.25), { uid: 'before' })

  it('begin with the middles of their scans together, and say so', () => {
    const found = position(now, before)
    expect(found.origin).toBe('middles')
    expect(found.offset).toBeCloseTo(812.5 + 255 * 0.625 - (-342 + 319 / 2), 6)
    expect(answerTo(found, 'left', 160, found.offset).index).toBe(128)
  })

  it('keep what was aligned by hand', () => {
    const found = position(now, before)
    const offset = offsetBetween(found, 100, 90)
    expect(answerTo(found, 'left', 100, offset)).toEqual({ index: 90, missing: null })
    expect(answerTo(found, 'left', 105, offset)).toEqual({ index: 94, missing: null })
    expect(answerTo(found, 'right', 94, offset)).toEqual({ index: 105, missing: null })
  })

  it('without a name of the frame are not taken for one frame', () => {
    const nameless = { frameOfReference: '' }
    expect(position(axial(range(5, 0, 1), nameless), axial(range(5, 9, 1), nameless)).origin).toBe('middles')
  })
})

describe('stacks without place', () => {
  const stack = axial(range(10, 0, 1))

  it.each([
    ['no position', series({ positions: Array.from({ length: 6 }, () => null) })],
    ['one position missing', series({ positions: [[0, 0, 0], null, [0, 0, 2]] })],
    ['all at one place', axial([4, 4, 4])],
    ['two phases at each place', axial([0, 0, 1, 1, 2, 2])],
    ['directions that are none', axial(range(3, 0, 1), { orientation: [0, 0, 0, 0, 0, 0] })],
  ])('%s: answer by number and say when there is none', (_, other) => {
    const found = alignmentOf(stack, other) as ByIndex
    expect(found.kind).toBe('index')
    expect(answerTo(found, 'left', 1, 0)).toEqual({ index: 1, missing: null })
    expect(answerTo(found, 'left', 9, 0).missing).toBe(10 - other.frame_count)
    expect(answerTo(found, 'left', 1, offsetBetween(found, 0, 1))).toEqual({ index: 2, missing: null })
  })

  it('and frames of one instance, whose places the manifest does not tell', () => {
    const cine = axial([0])
    cine.frame_count = 8
    ;(cine.instances[0] as { frames: number }).frames = 8
    expect(alignmentOf(stack, cine).kind).toBe('index')
  })
})

describe('nothing is linked', () => {
  const stack = axial(range(10, 0, 1))
  it('between planes', () => {
    const coronal = series({ positions: range(5, 0, 1).map((y) => [0, y, 0] as const), orientation: [1, 0, 0, 0, 0, -1] })
    expect(alignmentOf(stack, coronal)).toEqual({ kind: 'none', reason: 'plane' })
  })
  it('between sides', () => {
    const [left, right] = (['L', 'R'] as const).map((laterality) => axial([1, 2, 3], { laterality }))
    expect(alignmentOf(left, right)).toEqual({ kind: 'none', reason: 'side' })
  })
  it('before both are there, and with what is no picture', () => {
    expect(alignmentOf(undefined, stack)).toEqual({ kind: 'none', reason: 'waiting' })
    expect(alignmentOf(stack, { ...stack, frame_count: 0, instances: [] })).toEqual({ kind: 'none', reason: 'none' })
  })
})

describe('letters at the edges', () => {
  const letters = (orientation: number[]) => edgeLettersOf(framesOf(axial([0], { orientation }))[0])
  it('follow the direction of the picture', () => {
    expect(letters([1, 0, 0, 0, 1, 0])).toEqual({ left: 'R', right: 'L', top: 'A', bottom: 'P' })
    expect(letters([-1, 0, 0, 0, 1, 0])).toEqual({ left: 'L', right: 'R', top: 'A', bottom: 'P' })
    expect(letters([0, 1, 0, 0, 0, -1])).toEqual({ left: 'A', right: 'P', top: 'H', bottom: 'F' })
    expect(letters([0.8, 0.6, 0, 0, 0, -1])).toEqual({ left: 'RA', right: 'LP', top: 'H', bottom: 'F' })
  })
  it('are none where the picture does not say', () => {
    expect(edgeLettersOf(framesOf(series({ positions: [null] }))[0])).toBeUndefined()
    expect(edgeLettersOf(undefined)).toBeUndefined()
  })
})
