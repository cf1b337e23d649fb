import type { DicomJson } from '../contract'
import { numberOf, numbersOf } from './dicomJson'
import type { Size } from './view'

/**
 * Height of a pixel over its width, 1 where nothing says otherwise.
 *
 * From Pixel Spacing, Imager Pixel Spacing or Pixel Aspect Ratio (PS3.3 10.7.1.3, C.7.6.3.1.7): all name the
 * distance between rows first.
 */
export function pixelAspectOf(json: DicomJson): number {
  for (const tag of ['00280030', '00181164', '00280034']) {
    const [row, column] = numbersOf(json, tag)
    if (row !== undefined && column !== undefined && row > 0 && column > 0) return row / column
  }
  return 1
}

export function pictureSizeOf(json: DicomJson): Size {
  return { width: numberOf(json, '00280011') ?? 1, height: numberOf(json, '00280010') ?? 1 }
}
