import { describe, expect, it } from 'vitest'

import type { ManifestSeries } from '@/imaging/contract'
import { bestPair, differencesOf } from '@/imaging/model/pairing'

import { axial, range, series, type StackWish } from './series'

const stack = (uid: string, wish: Partial<StackWish> = {}, count = 30) => axial(range(count, 0, 1), { uid, ...wish })
const coronal = (uid: string, wish: Partial<StackWish> = {}) =>
  series({ uid, positions: range(30, 0, 1).map((y) => [0, y, 0] as const), orientation: [1, 0, 0, 0, 0, -1], ...wish })

describe('the pair', () => {
  it.each<[string, ManifestSeries[], ManifestSeries[], [string, string]]>([
    [
      'is of one modality, whatever the names say',
      [stack('a', { modality: 'MR', description: 'chest' }), stack('b', { description: 'lung' })],
      [stack('c', { description: 'chest' })],
      ['b', 'c'],
    ],
    [
      'is of one part of the body',
      [stack('a', { bodyPart: 'ABDOMEN', description: 'plain' })],
      [stack('b', { bodyPart: 'CHEST', description: 'plain' }), stack('c', { bodyPart: 'abdomen', description: 'other' })],
      ['a', 'c'],
    ],
    ['is of one plane', [coronal('a')], [stack('b'), coronal('c')], ['a', 'c']],
    [
      'is of the same reconstruction',
      [stack('a', { description: 'Lung 1.0 mm' }), stack('b', { description: 'Mediastinum 1.0 mm' })],
      [stack('c', { description: 'Mediastinum 5 mm' })],
      ['b', 'c'],
    ],
    [
      'is of the thickness most alike',
      [stack('a', { thickness: 1.25 })],
      [stack('b', { thickness: 5 }), stack('c', { thickness: 1 }), stack('d', { thickness: 0.5 })],
      ['a', 'c'],
    ],
    ['is no localizer', [axial([0], { uid: 'a' }), stack('b')], [axial([0], { uid: 'c' }), stack('d')], ['b', 'd']],
    ['reads Chinese', [stack('a', { description: '肺窗' })], [stack('b', { description: '纵隔窗' }), stack('c', { description: '肺窗' })], ['a', 'c']],
  ])('%s', (_, left, right, [a, b]) => {
    expect(bestPair(left, right)).toEqual({ left: a, right: b })
    expect(bestPair([...left].reverse(), [...right].reverse())).toEqual({ left: a, right: b })
    expect(bestPair(right, left)).toEqual({ left: b, right: a })
  })

  it.each<[string, Partial<StackWish>, Partial<StackWish>]>([
    ['of two modalities', { modality: 'CT' }, { modality: 'MR' }],
    ['of two sides by tag', { laterality: 'L' }, { laterality: 'R' }],
    ['of two sides by name', { description: 'Knee LT' }, { description: 'Right knee' }],
    ['of two sides in Chinese', { description: '左膝' }, { description: '右膝' }],
  ])('is none %s', (_, a, b) => {
    expect(bestPair([stack('a', a)], [stack('b', b)])).toBeUndefined()
  })

  it('is none of what is no picture', () => {
    const document: ManifestSeries = { ...stack('a'), kind: 'document' }
    expect(bestPair([document], [stack('b')])).toBeUndefined()
    expect(bestPair([], [stack('b')])).toBeUndefined()
    expect(bestPair([{ ...stack('a'), frame_count: 0, instances: [] }], [stack('b')])).toBeUndefined()
  })
})

it('says in what series differ', () => {
  const knee = stack('a', { modality: 'MR', bodyPart: 'KNEE', laterality: 'L', thickness: 3 })
  expect(differencesOf(knee, knee)).toEqual([])
  expect(differencesOf(knee, stack('b', { bodyPart: 'HIP', laterality: 'R', thickness: 1 }))).toEqual(['modality', 'body_part', 'side', 'thickness'])
  expect(differencesOf(stack('c'), coronal('d'))).toEqual(['plane'])
})
