import { describe, expect, it } from 'vitest'

import { curve, HEAD_MM, pathOf, sheetMm, type Scale } from '@/imaging/waveform/ecg'

const STANDARD: Scale = { mmPerSecond: 25, mmPerMillivolt: 10 }

describe('the curve of a lead', () => {
  it('stands at 25 mm a second and 10 mm a millivolt, upwards positive', () => {
    const second = Array.from({ length: 501 }, () => 0)
    second[500] = 1000
    const points = curve(second, 500, STANDARD, 0.05)
    expect(points.at(-1)).toEqual([25, -10])
    expect(points[0]).toEqual([0, -0])
  })

  it('follows both scales', () => {
    const points = curve([0, 500], 1, { mmPerSecond: 50, mmPerMillivolt: 20 }, 0.05)
    expect(points).toEqual([[0, -0], [50, -10]])
  })

  it('loses no peak when samples share a column', () => {
    const samples = Array.from({ length: 10_000 }, (_, index) => Math.round(300 * Math.sin(index / 7)))
    samples[3333] = 2500 // a spike of one sample: a pacemaker's
    samples[7777] = -1800
    const points = curve(samples, 1000, STANDARD, 0.25)
    expect(points.length).toBeLessThan(samples.length / 2)
    expect(Math.min(...points.map(([, y]) => y))).toBe(-25)
    expect(Math.max(...points.map(([, y]) => y))).toBe(18)
    expect(points.find(([, y]) => y === -25)?.[0]).toBeCloseTo(3333 * 0.025, 6)
  })

  it('goes from left to right and ends with the last sample', () => {
    const samples = Array.from({ length: 997 }, (_, index) => (index * 7919) % 1001)
    const points = curve(samples, 1000, STANDARD, 0.25)
    expect(points.every(([x], index) => index === 0 || x > (points[index - 1]?.[0] ?? 0))).toBe(true)
    expect(points.at(-1)?.[0]).toBeCloseTo(996 * 0.025, 6)
  })

  it('of a lead without samples is no path', () => {
    expect(pathOf(curve([], 500, STANDARD, 0.25))).toBe('')
  })
})

describe('the sheet', () => {
  it('has room for every second and every lead at the chosen gain', () => {
    const ecg = { samples_per_second: 500, leads: Array.from({ length: 12 }, (_, n) => ({ name: `${n}`, microvolts: Array<number>(5000).fill(0) })) }
    expect(sheetMm(ecg, STANDARD)).toEqual({ width: HEAD_MM + 250, height: 300 })
    expect(sheetMm(ecg, { mmPerSecond: 50, mmPerMillivolt: 20 })).toEqual({ width: HEAD_MM + 500, height: 600 })
  })
})
