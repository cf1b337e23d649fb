// Decodes HTJ2K codestreams off the page's thread, one at a time; speaks only with decoderPool.ts.
import loadOpenJph from '@cornerstonejs/codec-openjph/wasmjs'

import { byPixel } from './colour'
import type { DecodeAnswer, DecodeRequest } from './decoderPool'
import { rescaled, storedValues, type PixelLayout } from './pixels'

let library: ReturnType<typeof loadOpenJph> | undefined

self.onmessage = async ({ data }: MessageEvent<DecodeRequest>) => {
  if (data.wasm) library = loadOpenJph({ wasmBinary: data.wasm, print: () => undefined, printErr: () => undefined })
  if (!data.codestream || !data.layout) return
  try {
    const frame = rescaled(await decoded(data.codestream, data.layout), data.layout)
    answer({ id: data.id, frame }, [frame.values.buffer])
  } catch (error) {
    answer({ id: data.id, error: error instanceof Error ? error.message : String(error) }, [])
  }
}

function answer(message: DecodeAnswer, transfer: Transferable[]): void {
  ;(self as unknown as Worker).postMessage(message, transfer)
}

async function decoded(codestream: Uint8Array, layout: PixelLayout) {
  if (!library) throw new Error('the decoder was not given')
  const { HTJ2KDecoder } = await library
  const decoder = new HTJ2KDecoder()
  try {
    decoder.getEncodedBuffer(codestream.length).set(codestream)
    decoder.decode()
    const info = decoder.getFrameInfo()
    if (info.width !== layout.columns || info.height !== layout.rows || info.componentCount !== layout.samplesPerPixel) {
      throw new RangeError(`the codestream is ${info.width}×${info.height}×${info.componentCount}, not as announced`)
    }
    // the codestream's precision may exceed BitsStored: its own width says how wide the samples are
    const bitsAllocated = info.bitsPerSample > 8 ? 16 : 8
    const bitsStored = Math.min(layout.bitsStored, bitsAllocated)
    const values = storedValues(decoder.getDecodedBuffer(), { ...layout, bitsAllocated, bitsStored })
    return info.isUsingColorTransform ? values : byPixel(values, info.height, info.width, info.componentCount)
  } finally {
    decoder.delete()
  }
}
