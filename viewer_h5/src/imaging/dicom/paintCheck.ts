import { greyOf, type VoiFunction, type Window } from '../model/window'
import type { DecodedFrame, PixelLayout } from './pixels'

export interface Probe {
  column: number
  row: number
  /** What the screen must show there. */
  grey: number
}

/**
 * Points where the picture is flat enough that interpolation cannot excuse a wrong grey.
 *
 * Spread over the frame, brightest and darkest among them; fewer (or none) where the picture has no flat places.
 */
export function probesOf(frame: DecodedFrame, layout: PixelLayout, window: Window, voi: VoiFunction, inverted: boolean): Probe[] {
  if (layout.samplesPerPixel !== 1) return []
  const { rows, columns } = layout
  const flat: Probe[] = []
  const step = Math.max(2, Math.floor(Math.min(rows, columns) / 48))
  for (let row = 2; row < rows - 2; row += step) {
    for (let column = 2; column < columns - 2; column += step) {
      const greys = neighbourhood(frame, columns, row, column).map((v) => greyOf(v, window, voi))
      const grey = greys[4] ?? 0
      if (Math.max(...greys) - Math.min(...greys) <= 4) flat.push({ column, row, grey: inverted ? 255 - grey : grey })
    }
  }
  flat.sort((a, b) => a.grey - b.grey)
  return evenly(flat, 12)
}

/** True when most probes show what they must. An all-black canvas fails unless the picture is black there. */
export function isPainted(probes: readonly Probe[], shown: (probe: Probe) => number | undefined, tolerance = 8): boolean {
  const visible = probes.map((probe) => ({ probe, grey: shown(probe) })).filter((p) => p.grey !== undefined)
  if (visible.length === 0) return true // nothing flat is on screen: no judgement
  const right = visible.filter(({ probe, grey }) => Math.abs((grey ?? 0) - probe.grey) <= tolerance)
  return right.length * 4 >= visible.length * 3
}

function neighbourhood({ values }: DecodedFrame, columns: number, row: number, column: number): number[] {
  const found: number[] = []
  for (let y = row - 1; y <= row + 1; y++) {
    for (let x = column - 1; x <= column + 1; x++) found.push(values[y * columns + x] ?? 0)
  }
  return found
}

function evenly<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items]
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))] as T)
}
