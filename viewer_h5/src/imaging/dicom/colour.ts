import type { PixelLayout, PixelValues } from './pixels'

/**
 * Samples pixel by pixel, from what the decoder leaves of a codestream without colour transform.
 *
 * The library then yields all lines of the first sample, then of the second and third, but the decoder's wrapper
 * lays them down as if the three samples of a line followed one another.
 */
export function byPixel(laid: PixelValues, rows: number, columns: number, samples: number): PixelValues {
  if (samples === 1) return laid
  const pixels = laid.slice()
  for (let line = 0; line < rows * samples; line++) {
    const from = Math.floor(line / samples) * columns * samples + (line % samples)
    const to = (line % rows) * columns * samples + Math.floor(line / rows)
    for (let x = 0; x < columns * samples; x += samples) pixels[to + x] = laid[from + x] ?? 0
  }
  return pixels
}

/** Red, green and blue of samples that stand pixel by pixel (PS3.3 C.7.6.3.1.2: YBR_FULL is that of JPEG). */
export function inRgb(values: PixelValues, layout: PixelLayout): PixelValues {
  if (layout.photometricInterpretation !== 'YBR_FULL') return values
  const top = 2 ** layout.bitsStored - 1
  const none = 2 ** (layout.bitsStored - 1)
  const level = (value: number) => Math.min(top, Math.max(0, Math.round(value)))
  const rgb = values.slice()
  for (let i = 0; i + 2 < values.length; i += 3) {
    const light = values[i] ?? 0
    const blue = (values[i + 1] ?? 0) - none
    const red = (values[i + 2] ?? 0) - none
    rgb[i] = level(light + 1.402 * red)
    rgb[i + 1] = level(light - 0.344136 * blue - 0.714136 * red)
    rgb[i + 2] = level(light + 1.772 * blue)
  }
  return rgb
}
