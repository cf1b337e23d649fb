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
/** Greys a square's mean may be off: interpolation, rounding, a sub-pixel shift. */
const TOLERANCE = 16

/**
 * Squares to look at on the canvas: dark, middle and bright ones, as far as the picture has them.
 *
 * Means over squares forgive interpolation and noise. Chosen by brightness and not by place, because most of a
 * picture is black air and a black canvas would pass on air alone. Squares in which a shift by one pixel would change
 * the mean are left out, unless that leaves less than two shades to tell a picture by. Colour pictures give none.
 */
export function probesOf(frame: DecodedFrame, layout: PixelLayout, window: Window, voi: VoiFunction, inverted: boolean): Probe[] {
  if (layout.samplesPerPixel !== 1) return []
  const { rows, columns } = layout
  const step = Math.max(1, Math.floor(Math.min(rows, columns) / GRID))
  const size = Math.max(1, Math.min(8, step))
  const smooth = new Map<number, Probe[]>()
  const all = new Map<number, Probe[]>()
  for (let row = 0; row + size <= rows; row += step) {
    for (let column = 0; column + size <= columns; column += step) {
      const { mean, range } = greysOf(frame, layout, { row, column, size }, window, voi)
      const probe = { column, row, size, grey: inverted ? 255 - mean : mean }
      put(all, probe)
      if (range <= TOLERANCE * size) put(smooth, probe)
    }
  }
  // from the middle of each bin's list: away from the picture's rim
  return [...(smooth.size < 2 ? all : smooth).values()].flatMap((bin) => bin.slice(Math.floor(bin.length / 2)).slice(0, PER_BIN))
}

/**
 * True when most probes show what they must. A canvas of one grey fails unless the picture has only one.
 *
 * `shown` gives the mean grey on screen, undefined for what is not on it.
 */
export function isPainted(probes: readonly Probe[], shown: (probe: Probe) => number | undefined, tolerance = TOLERANCE): boolean {
  const visible = probes.map((probe) => ({ wanted: probe.grey, seen: shown(probe) })).filter((p) => p.seen !== undefined)
  const right = visible.filter(({ wanted, seen }) => Math.abs((seen ?? 0) - wanted) <= tolerance)
  return right.length * 4 >= visible.length * 3
}

function put(bins: Map<number, Probe[]>, probe: Probe): void {
  const bin = bins.get(probe.grey >> 5) ?? []
  bins.set(probe.grey >> 5, bin)
  bin.push(probe)
}

/** The mean of a square, and how far apart the greys in it and one pixel around it are. */
function greysOf(
  { values }: DecodedFrame,
  { rows, columns }: PixelLayout,
  { row, column, size }: Omit<Probe, 'grey'>,
  window: Window,
  voi: VoiFunction,
): { mean: number; range: number } {
  let [sum, lowest, highest] = [0, 255, 0]
  for (let y = Math.max(0, row - 1); y < Math.min(rows, row + size + 1); y++) {
    for (let x = Math.max(0, column - 1); x < Math.min(columns, column + size + 1); x++) {
      const grey = greyOf(values[y * columns + x] ?? 0, window, voi)
      lowest = Math.min(lowest, grey)
      highest = Math.max(highest, grey)
      if (y >= row && y < row + size && x >= column && x < column + size) sum += grey
    }
  }
  return { mean: Math.round(sum / (size * size)), range: highest - lowest }
}
