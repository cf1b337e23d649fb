// The only module that sets up Cornerstone3D: one image loader, fed from our own decoder and cache.
import { cache, init, registerImageLoader, type Types } from '@cornerstonejs/core'
import { registerDefaultProviders, utilities } from '@cornerstonejs/metadata'

import type { DicomJson } from '../contract'
import { numberOf, numbersOf } from '../model/dicomJson'
import { voiFunctionOf, type Window } from '../model/window'
import { layoutOf, type DecodedFrame } from './pixels'

export const SCHEME = 'mingying'

interface Offered {
  frame: DecodedFrame
  json: DicomJson
  window: Window
}

const offered = new Map<string, Offered>()
const described = new Set<string>()
let ready = false

/** Start the library once. CPU painting stays off: with a pixel ratio other than 1 it gives wrong lengths. */
export function startCornerstone(): void {
  if (ready) return
  // one context: a phone shows one picture, and contexts are what mobile browsers run out of
  init({ isMobile: true, rendering: { useCPURendering: false, webGlContextCount: 1 }, debug: {} })
  registerDefaultProviders()
  registerImageLoader(SCHEME, (imageId) => ({ promise: imageOf(imageId) }))
  ready = true
}

/** Hand the library a decoded picture; it stays until `withdraw`. */
export function offer(imageId: string, picture: Offered): void {
  offered.set(imageId, picture)
  if (described.has(imageId)) return
  utilities.addDicomWebInstance(imageId, picture.json)
  described.add(imageId)
}

export function withdraw(imageId: string): void {
  offered.delete(imageId)
  if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId, { force: true })
}

async function imageOf(imageId: string): Promise<Types.IImage> {
  const picture = offered.get(imageId)
  if (!picture) throw new Error(`${imageId} was not offered`)
  const { frame, json, window } = picture
  const layout = layoutOf(json)
  // PS3.3 10.7.1.3: row spacing comes first
  const [rowPixelSpacing, columnPixelSpacing] = numbersOf(json, '00280030')
  const color = layout.samplesPerPixel > 1
  const image = {
    imageId,
    minPixelValue: frame.min,
    maxPixelValue: frame.max,
    // values are rescaled already
    slope: 1,
    intercept: 0,
    isPreScaled: true,
    preScale: { enabled: true, scaled: true, scalingParameters: { rescaleSlope: layout.slope, rescaleIntercept: layout.intercept } },
    windowCenter: window.center,
    windowWidth: window.width,
    voiLUTFunction: voiFunctionOf(json) as Types.IImage['voiLUTFunction'],
    getPixelData: () => frame.values,
    rows: layout.rows,
    columns: layout.columns,
    height: layout.rows,
    width: layout.columns,
    color,
    rgba: false,
    numberOfComponents: layout.samplesPerPixel,
    photometricInterpretation: color ? 'RGB' : layout.photometricInterpretation,
    columnPixelSpacing: columnPixelSpacing ?? 1,
    rowPixelSpacing: rowPixelSpacing ?? 1,
    sliceThickness: numberOf(json, '00180050'),
    invert: layout.photometricInterpretation === 'MONOCHROME1',
    sizeInBytes: frame.values.byteLength,
    dataType: frame.values.constructor.name,
    imageFrame: { photometricInterpretation: layout.photometricInterpretation },
  }
  return image as unknown as Types.IImage
}
