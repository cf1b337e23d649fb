import { greyOf, type VoiFunction, type Window } from '../model/window'
import type { DecodedFrame, PixelLayout } from './pixels'

/** A square of the picture and the mean grey the screen must show there. */
export interface Probe {
  column: number
  row: number
  size: number
  grey: number
}

const GRID = 24
const PER_BIN = 2

/**
 * Squares to look at on the canvas: dark, middle and bright ones, as far as the picture has them.
 *
 * Means over squares forgive interpolation and noise. Chosen by brightness and not by place, because most of a
 * picture is black air and a black canvas would pass on air alone. Colour pictures give none.
 */
export function probesOf(frame: DecodedFrame, layout: PixelLayout, window: Window, voi: VoiFunction, inverted: boolean): Probe[] {
  if (layout.samplesPerPixel !== 1) return []
  const { rows, columns } = layout
  const step = Math.max(1, Math.floor(Math.min(rows, columns) / GRID))
  const size = Math.max(1, Math.min(8, step))
  const bins = new Map<number, Probe[]>()
  for (let row = 0; row + size <= rows; row += step) {
    for (let column = 0; column + size <= columns; column += step) {
      const mean = meanGrey(frame, columns, { row, column, size }, window, voi)
      const grey = inverted ? 255 - mean : mean
      const bin = bins.get(grey >> 5) ?? []
      bins.set(grey >> 5, bin)
      bin.push({ column, row, size, grey })
    }
  }
  // from the middle of each bin's list: away from the picture's rim
  return [...bins.values()].flatMap((bin) => bin.slice(Math.floor(bin.length / 2)).slice(0, PER_BIN))
}

/**
 * True when most probes show what they must. A canvas of one grey fails unless the picture has only one.
 *
 * `shown` gives the mean grey on screen, undefined for what is not on it.
 */
export function isPainted(probes: readonly Probe[], shown: (probe: Probe) => number | undefined, tolerance = 16): boolean {
  const visible = probes.map((probe) => ({ wanted: probe.grey, seen: shown(probe) })).filter((p) => p.seen !== undefined)
  const right = visible.filter(({ wanted, seen }) => Math.abs((seen ?? 0) - wanted) <= tolerance)
  return right.length * 4 >= visible.length * 3
}

function meanGrey(
  { values }: DecodedFrame,
  columns: number,
  { row, column, size }: Omit<Probe, 'grey'>,
  window: Window,
  voi: VoiFunction,
): number {
  let sum = 0
  for (let y = row; y < row + size; y++) {
    for (let x = column; x < column + size; x++) sum += greyOf(values[y * columns + x] ?? 0, window, voi)
  }
  return Math.round(sum / (size * size))
}
