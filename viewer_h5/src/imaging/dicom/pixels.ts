import type { DicomJson } from '../contract'
import { numberOf, textOf } from '../model/dicomJson'
import { inRgb } from './colour'

/** How an instance's pixels are laid out and scaled: PS3.3 C.7.6.3 and C.11.1. */
export interface PixelLayout {
  rows: number
  columns: number
  samplesPerPixel: number
  bitsAllocated: number
  bitsStored: number
  signed: boolean
  photometricInterpretation: string
  slope: number
  intercept: number
}

export type PixelValues = Uint8Array | Uint16Array | Int16Array | Float32Array

/** Rescaled values, row by row, samples interleaved, with their range. */
export interface DecodedFrame {
  values: PixelValues
  min: number
  max: number
}

/** Reads the layout; throws a RangeError when the picture has no usable size. */
export function layoutOf(json: DicomJson): PixelLayout {
  const rows = numberOf(json, '00280010') ?? 0
  const columns = numberOf(json, '00280011') ?? 0
  if (rows < 1 || columns < 1) throw new RangeError('Rows and Columns are missing')
  const bitsAllocated = numberOf(json, '00280100') ?? 16
  return {
    rows,
    columns,
    samplesPerPixel: numberOf(json, '00280002') ?? 1,
    bitsAllocated,
    bitsStored: numberOf(json, '00280101') ?? bitsAllocated,
    signed: numberOf(json, '00280103') === 1,
    photometricInterpretation: textOf(json, '00280004') ?? 'MONOCHROME2',
    slope: numberOf(json, '00281053') ?? 1,
    intercept: numberOf(json, '00281052') ?? 0,
  }
}

/**
 * Stored values from little-endian bytes; throws a RangeError when their number is not rows × columns × samples.
 *
 * Bits above BitsStored may hold anything (PS3.5 8.1.1), so the sign is taken from the highest stored bit.
 */
export function storedValues(bytes: Uint8Array, layout: PixelLayout): PixelValues {
  const count = layout.rows * layout.columns * layout.samplesPerPixel
  const wide = layout.bitsAllocated > 8
  const expected = count * (wide ? 2 : 1)
  // PS3.5 8.1.1: an odd number of bytes is padded by one
  if (bytes.length !== expected && bytes.length !== expected + 1) {
    throw new RangeError(`expected ${expected} bytes of pixels, got ${bytes.length}`)
  }
  if (!wide) return bytes.slice(0, count)
  const shift = 16 - layout.bitsStored
  // the copy also aligns: a typed array of 16 bits must start at an even byte
  const buffer = bytes.slice(0, expected).buffer
  const values = layout.signed ? new Int16Array(buffer) : new Uint16Array(buffer)
  if (shift > 0) {
    for (let i = 0; i < values.length; i++) {
      const value = (values[i] ?? 0) << shift
      values[i] = layout.signed ? ((value << 16) >> 16) >> shift : (value & 0xffff) >> shift
    }
  }
  return values
}

/**
 * Apply the modality LUT (PS3.3 C.11.1.1.2) in the smallest type that holds the result exactly; colour has none and
 * becomes RGB over its whole range, for a window of the values it happens to hold would change its hues.
 */
export function rescaled(stored: PixelValues, layout: PixelLayout): DecodedFrame {
  if (layout.samplesPerPixel > 1) return { values: inRgb(stored, layout), min: 0, max: 2 ** layout.bitsStored - 1 }
  const { slope, intercept } = layout
  let low = Infinity
  let high = -Infinity
  for (const value of stored) {
    if (value < low) low = value
    if (value > high) high = value
  }
  const ends = [low * slope + intercept, high * slope + intercept]
  const min = Math.min(...ends)
  const max = Math.max(...ends)
  if (slope === 1 && intercept === 0) return { values: stored, min: low, max: high }
  const values = new (typeFor(slope, intercept, min, max))(stored.length)
  for (let i = 0; i < stored.length; i++) values[i] = (stored[i] ?? 0) * slope + intercept
  return { values, min, max }
}

function typeFor(slope: number, intercept: number, min: number, max: number) {
  if (!Number.isInteger(slope) || !Number.isInteger(intercept)) return Float32Array
  if (min >= -32768 && max <= 32767) return Int16Array
  return min >= 0 && max <= 65535 ? Uint16Array : Float32Array
}
