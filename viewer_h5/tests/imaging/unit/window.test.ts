import { describe, expect, it } from 'vitest'

import { CT_PRESETS, fullWindow, greyOf, presetsFor, windowAfterDrag, windowBounds, windowsOf, voiFunctionOf } from '@/imaging/model/window'

const ds = (...values: unknown[]) => ({ vr: 'DS', Value: values })

describe('a window 窗宽窗位', () => {
  it('clips at the bounds of PS3.3 C.11.2.1.2.1', () => {
    expect(windowBounds({ center: 40, width: 400 })).toEqual([-160, 239])
    expect(greyOf(-160, { center: 40, width: 400 })).toBe(0)
    expect(greyOf(239, { center: 40, width: 400 })).toBe(255)
    expect(greyOf(240, { center: 40, width: 400 })).toBe(255)
  })

  it('gives the standard’s own worked bounds for small widths', () => {
    // C.11.2.1.2.1, notes: c=2048, w=4096 leaves 0..4095 as they are; c=2048, w=1 is a threshold
    expect(windowBounds({ center: 2048, width: 4096 })).toEqual([0, 4095])
    expect(greyOf(2047, { center: 2048, width: 1 })).toBe(0)
    expect(greyOf(2048, { center: 2048, width: 1 })).toBe(255)
  })

  it('rounds half up, so that ties fall as on the server', () => {
    // width 511: one grey level is exactly two values, every odd value is a tie
    const window = { center: 255.5, width: 511 }
    expect(greyOf(1, window)).toBe(1)
    expect(greyOf(3, window)).toBe(2)
    expect(greyOf(2, window)).toBe(1)
  })

  it('never falls while values rise', () => {
    for (const voi of ['LINEAR', 'LINEAR_EXACT', 'SIGMOID'] as const) {
      let last = -1
      for (let value = -300; value <= 400; value += 7) {
        const grey = greyOf(value, { center: 40, width: 350 }, voi)
        expect(grey).toBeGreaterThanOrEqual(last)
        last = grey
      }
    }
  })

  it('is symmetric about the centre for LINEAR_EXACT and SIGMOID', () => {
    expect(windowBounds({ center: 10, width: 20 }, 'LINEAR_EXACT')).toEqual([0, 20])
    expect(greyOf(10, { center: 10, width: 20 }, 'SIGMOID')).toBe(128)
  })
})

describe('the windows of an instance', () => {
  it('come in pairs, a missing or meaningless width drops one', () => {
    expect(windowsOf({ '00281050': ds(40, '-600', 5), '00281051': ds('400', 1500, 0) })).toEqual([
      { center: 40, width: 400 },
      { center: -600, width: 1500 },
    ])
    expect(windowsOf({ '00281050': ds(40) })).toEqual([])
    expect(windowsOf({ '00281050': ds('abc'), '00281051': ds(400) })).toEqual([])
  })

  it('may be narrower than 1 only where the curve allows it', () => {
    const narrow = { '00281050': ds(0.5), '00281051': ds(0.5) }
    expect(windowsOf(narrow)).toEqual([])
    expect(windowsOf({ ...narrow, '00281056': { vr: 'CS', Value: ['LINEAR_EXACT '] } })).toHaveLength(1)
  })

  it('take an unknown VOI LUT function as linear', () => {
    expect(voiFunctionOf({ '00281056': { vr: 'CS', Value: ['CURVED'] } })).toBe('LINEAR')
  })
})

describe('windows by hand', () => {
  it('reach every value of a picture that brings none', () => {
    const window = fullWindow(-200, 900)
    expect(greyOf(-200, window)).toBe(0)
    expect(greyOf(900, window)).toBe(255)
    expect(greyOf(899, window)).toBeLessThan(256)
    expect(fullWindow(7, 7).width).toBe(1)
  })

  it('follow the finger: right widens, down raises the level, back is back', () => {
    const start = { center: 40, width: 400 }
    expect(windowAfterDrag(start, 64, 32)).toEqual({ center: 90, width: 500 })
    expect(windowAfterDrag(start, 0, 0)).toEqual(start)
  })

  it('never get narrower than 1', () => {
    expect(windowAfterDrag({ center: 40, width: 80 }, -10_000, 0).width).toBe(1)
  })

  it('are named for CT alone: other values are not Hounsfield units', () => {
    expect(presetsFor('CT')).toBe(CT_PRESETS)
    expect(presetsFor('MR')).toEqual([])
  })
})
