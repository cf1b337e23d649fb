import type { Measured } from '@/api/laboratory'

export interface Point {
  at: number
  value: number
}

// "<0.5", "1+", "阳性" and "1.2E3" are said, not drawn: a point would claim more than the laboratory did.
const PLAIN = /^[+-]?\d+(\.\d+)?$/

/** The number a text is, null where it says anything more or else. */
export function plainNumber(text: string): number | null {
  const trimmed = text.trim()
  const value = PLAIN.test(trimmed) ? Number(trimmed) : NaN
  return Number.isFinite(value) ? value : null
}

/** What one line may join, the earliest first: plain numbers in the unit of `now`. Nothing when that is none. */
export function trendOf(now: Measured, earlier: readonly Measured[]): Point[] {
  if (plainNumber(now.value) === null) return []
  const points = [now, ...earlier].flatMap((measured) => {
    const value = plainNumber(measured.value)
    const at = Date.parse(measured.observed_at)
    return value === null || Number.isNaN(at) || measured.unit.trim() !== now.unit.trim() ? [] : [{ at, value }]
  })
  return points.length < 2 ? [] : points.sort((one, other) => one.at - other.at)
}

/** Where the points lie in a box, the latest at the right; equal values lie in the middle. */
export function placed(points: readonly Point[], width: number, height: number): { x: number; y: number }[] {
  const across = scale(points.map((point) => point.at), width)
  const up = scale(points.map((point) => point.value), height)
  return points.map((point) => ({ x: across(point.at), y: height - up(point.value) }))
}

function scale(values: readonly number[], length: number): (value: number) => number {
  const low = Math.min(...values)
  const span = Math.max(...values) - low
  // halves, because the span of the largest numbers is none any more
  return (value) => (span > 0 && Number.isFinite(span) ? ((value - low) / span) * length : length / 2)
}
