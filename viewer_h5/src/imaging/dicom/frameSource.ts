import wasmUrl from '@cornerstonejs/codec-openjph/wasm?url'

import { hasWasmSimd } from '../capability'
import type { StudyAddresses } from '../net/addresses'
import { LoadError } from '../net/errors'
import type { Loaded } from '../net/slidingStore'
import type { FetchOptions, Transport } from '../net/transport'
import type { Frame } from '../model/stack'
import DecodeWorker from './decode.worker?worker'
import { DecoderPool } from './decoderPool'
import { layoutOf, rescaled, storedValues, type DecodedFrame } from './pixels'

let wasm: Promise<ArrayBuffer> | undefined
let pool: DecoderPool | undefined

/** The decoder's bytes, fetched once for all workers and studies; a failed try is forgotten. */
async function decoderWasm(): Promise<ArrayBuffer> {
  wasm ??= fetch(wasmUrl).then((response) => {
    if (!response.ok) throw new LoadError('server', `decoder: status ${response.status}`)
    return response.arrayBuffer()
  })
  try {
    return await wasm
  } catch (error) {
    wasm = undefined
    throw error instanceof LoadError ? error : new LoadError('offline', 'the decoder did not come')
  }
}

function decoders(): DecoderPool {
  // one is enough for a phone's two fast cores; a second hides the copy of the other
  pool ??= new DecoderPool(() => new DecodeWorker(), decoderWasm, (navigator.hardwareConcurrency || 2) > 2 ? 2 : 1)
  return pool
}

/** Fetch and compile the decoder ahead of need; nothing to do where the server sends plain pixels. */
export async function warmUpDecoder(): Promise<void> {
  if (hasWasmSimd()) await decoders().warmUp()
}

/** One lossless frame as rescaled values: HTJ2K where the browser can decode it, else little-endian pixels. */
export async function loadFrame(
  frame: Frame,
  addresses: StudyAddresses,
  transport: Transport,
  options: Pick<FetchOptions, 'signal' | 'onProgress'>,
): Promise<Loaded<DecodedFrame>> {
  const url = addresses.pixels(frame.instance.sop_instance_uid, frame.frameNumber)
  const layout = layoutOf(frame.instance.metadata)
  const accept = hasWasmSimd() ? 'image/jphc' : 'application/octet-stream'
  const { body } = await transport.bytes(url, { accept, ...options })
  let decoded: DecodedFrame
  if (accept === 'image/jphc') {
    decoded = await decoders().decode(body, layout)
  } else {
    try {
      decoded = rescaled(storedValues(body, layout), layout)
    } catch (error) {
      throw new LoadError('broken', error instanceof Error ? error.message : String(error))
    }
  }
  return { value: decoded, bytes: decoded.values.byteLength }
}
