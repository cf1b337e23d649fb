/// <reference types="node" />
import { readFileSync } from 'node:fs'

import loadOpenJph from '@cornerstonejs/codec-openjph/wasmjs'
import { describe, expect, it } from 'vitest'

import { byPixel } from '@/imaging/dicom/colour'
import { isPainted, probesOf } from '@/imaging/dicom/paintCheck'
import { layoutOf, rescaled, storedValues, type PixelLayout } from '@/imaging/dicom/pixels'

const layout = (over: Partial<PixelLayout> = {}): PixelLayout => ({
  rows: 1,
  columns: 3,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  signed: false,
  photometricInterpretation: 'MONOCHROME2',
  slope: 1,
  intercept: -1024,
  ...over,
})
const WASM = 'node_modules/@cornerstonejs/codec-openjph/dist/openjphjs.wasm'
const WITHOUT_TRANSFORM =
  '/0//UQAvQAAAAAAEAAAABQAAAAAAAAAAAAAABAAAAAUAAAAAAAAAAAADBwEBBwEBBwEB/1AACAACAAAAAv9SAAwAAgABAAUEBEAB/1wAEyBIUFBQUFBQUFBQUFBQSEhI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv9VACgAYAAAAAAAIwAAAAAAEQAAAAAAEQAAAAAAJgAAAAAAKQAAAAAALP+QAAoAAAAAACMABv+TwCXjAAd0AMAl+wDHdADAJfMAx3QA/5AACgAAAAAAEQEG/5MAAAD/kAAKAAAAAAARAgb/kwAAAP+QAAoAAAAAACYDBv+TwBKAfgGHdADAEoB+AYd0AMASgH4Bh3QA/5AACgAAAAAAKQQG/5PAEwA0/QALdADAEwA0/QALdADAEwA0/QALdAD/kAAKAAAAAAAsBQb/k8AnAGb2AyPCdQDAJwBm9gMjwnUAwCcAZvYDI8J1AP/Z'
const bytes = (...words: number[]) => new Uint8Array(new Uint16Array(words).buffer)

describe('stored pixels', () => {
  it('ignore what stands above the stored bits', () => {
    expect([...storedValues(bytes(0xf001, 0x0fff, 0x1000), layout())]).toEqual([1, 4095, 0])
  })

  it('take their sign from the highest stored bit', () => {
    expect([...storedValues(bytes(0x0800, 0x07ff, 0xffff), layout({ signed: true }))]).toEqual([-2048, 2047, -1])
  })

  it('may start at an odd address', () => {
    const shifted = new Uint8Array([9, ...bytes(1, 2, 3)]).subarray(1)
    expect([...storedValues(shifted, layout())]).toEqual([1, 2, 3])
  })

  it('may be padded by one byte, but by no more and not be cut', () => {
    const eight = layout({ bitsAllocated: 8, bitsStored: 8 })
    expect([...storedValues(new Uint8Array([1, 2, 3, 0]), eight)]).toEqual([1, 2, 3])
    expect(() => storedValues(new Uint8Array([1, 2]), eight)).toThrow(RangeError)
    expect(() => storedValues(new Uint8Array(9), eight)).toThrow(RangeError)
  })
})

describe('rescaled pixels', () => {
  it('stay whole numbers where slope and intercept are', () => {
    const frame = rescaled(new Uint16Array([0, 1024, 4095]), layout())
    expect(frame.values).toBeInstanceOf(Int16Array)
    expect([...frame.values]).toEqual([-1024, 0, 3071])
    expect([frame.min, frame.max]).toEqual([-1024, 3071])
  })

  it('become floats where a type of 16 bits would wrap', () => {
    expect(rescaled(new Int16Array([-32768, 0, 5]), layout({ signed: true })).values).toBeInstanceOf(Float32Array)
    expect(rescaled(new Uint16Array([0, 1, 2]), layout({ slope: 0.5 })).values).toBeInstanceOf(Float32Array)
    expect(rescaled(new Uint16Array([0, 1, 40000]), layout({ intercept: 10 })).values).toBeInstanceOf(Uint16Array)
  })

  it('know their range when the slope is negative', () => {
    const frame = rescaled(new Uint16Array([0, 10, 20]), layout({ slope: -1, intercept: 0 }))
    expect([frame.min, frame.max]).toEqual([-20, 0])
  })

  const colour = (photometricInterpretation: string) => layout({ samplesPerPixel: 3, bitsAllocated: 8, bitsStored: 8, photometricInterpretation })

  it('of colour are left as they are, with the whole range for their window', () => {
    const stored = new Uint8Array([10, 20, 30, 40, 50, 60, 70, 80, 90])
    expect(rescaled(stored, colour('RGB'))).toEqual({ values: stored, min: 0, max: 255 })
  })

  it('of light and two colour differences become red, green and blue', () => {
    const stored = new Uint8Array([76, 85, 255, 150, 44, 21, 128, 128, 128])
    expect([...rescaled(stored, colour('YBR_FULL')).values]).toEqual([254, 0, 0, 0, 255, 1, 128, 128, 128])
  })

  it('that the decoder leaves line by line stand pixel by pixel', async () => {
    // 5 rows, 4 columns, 3 samples: 0, 4, 8 … 236, encoded by the service without colour transform
    const codestream = Uint8Array.from(atob(WITHOUT_TRANSFORM), (letter) => letter.charCodeAt(0))
    const { HTJ2KDecoder } = await loadOpenJph({ wasmBinary: new Uint8Array(readFileSync(WASM)).buffer, print: () => undefined })
    const decoder = new HTJ2KDecoder()
    decoder.getEncodedBuffer(codestream.length).set(codestream)
    decoder.decode()
    expect(decoder.getFrameInfo().isUsingColorTransform).toBe(false)
    const pixels = byPixel(decoder.getDecodedBuffer().slice(), 5, 4, 3)
    decoder.delete()
    expect([...pixels]).toEqual(Array.from({ length: 60 }, (_, i) => i * 4))
    expect([...byPixel(new Uint8Array([1, 2, 3]), 1, 3, 1)]).toEqual([1, 2, 3])
  })
})

describe('a layout', () => {
  it('needs rows and columns', () => {
    expect(() => layoutOf({})).toThrow(RangeError)
  })

  it('fills what DICOM lets a sender leave out', () => {
    const found = layoutOf({ '00280010': { vr: 'US', Value: [2] }, '00280011': { vr: 'US', Value: [3] }, '00280100': { vr: 'US', Value: [8] } })
    expect(found).toMatchObject({ rows: 2, columns: 3, samplesPerPixel: 1, bitsStored: 8, slope: 1, intercept: 0, signed: false })
  })
})

describe('the look at the canvas', () => {
  const size = 96
  const values = new Int16Array(size * size).fill(-1000)
  for (let row = 30; row < 70; row++) values.fill(500, row * size + 30, row * size + 70)
  const frame = { values, min: -1000, max: 500 }
  const probes = probesOf(frame, layout({ rows: size, columns: size }), { center: 40, width: 400 }, 'LINEAR', false)

  it('asks for bright and dark places alike, however much air there is', () => {
    const greys = probes.map((p) => p.grey)
    expect(greys.filter((g) => g < 32).length).toBeLessThanOrEqual(greys.filter((g) => g >= 32).length)
    expect(Math.max(...greys)).toBe(255)
  })

  it('accepts the picture and refuses a black, a white and an inverted canvas', () => {
    expect(isPainted(probes, (p) => p.grey)).toBe(true)
    expect(isPainted(probes, (p) => p.grey + 3)).toBe(true)
    expect(isPainted(probes, () => 0)).toBe(false)
    expect(isPainted(probes, () => 255)).toBe(false)
    expect(isPainted(probes, (p) => 255 - p.grey)).toBe(false)
  })

  it('sees a black canvas in a noisy picture that is flat only in air', () => {
    let seed = 1
    const noise = () => ((seed = (seed * 48271) % 2147483647) % 60) - 30
    const noisy = values.map((v) => (v < 0 ? v : 60 + noise()))
    const found = probesOf({ values: noisy, min: -1000, max: 100 }, layout({ rows: size, columns: size }), { center: 40, width: 400 }, 'LINEAR', false)
    expect(isPainted(found, () => 0)).toBe(false)
    expect(isPainted(found, (p) => p.grey + 5)).toBe(true)
  })

  it('accepts a tiny picture drawn half a pixel off', () => {
    const side = 16
    // a bright block on air, and a bright grid whose every pixel has an edge
    const storedAt = (x: number, y: number) => ((x >= 1 && x < 6 && y >= 1 && y < 6) || (y > 7 && x % 2 === 0) ? 500 : -1000)
    const values = Int16Array.from({ length: side * side }, (_, i) => storedAt(i % side, Math.floor(i / side)))
    const found = probesOf({ values, min: -1000, max: 500 }, layout({ rows: side, columns: side }), { center: 40, width: 400 }, 'LINEAR', false)
    const screenAt = (x: number, y: number) => (storedAt(x, y) > 0 ? 255 : 0)
    const halfOff = ({ column, row }: { column: number; row: number }) => (screenAt(column, row) + screenAt(column + 1, row)) / 2
    expect(isPainted(found, halfOff)).toBe(true)
    expect(isPainted(found, () => 0)).toBe(false)
  })

  it('still sees a black canvas where every square has edges', () => {
    const checks = Int16Array.from({ length: size * size }, (_, i) => ((i + Math.floor(i / size)) % 2 ? 500 : -1000))
    const found = probesOf({ values: checks, min: -1000, max: 500 }, layout({ rows: size, columns: size }), { center: 40, width: 400 }, 'LINEAR', false)
    expect(isPainted(found, () => 0)).toBe(false)
  })

  it('does not judge what is not on screen', () => {
    expect(isPainted(probes, () => undefined)).toBe(true)
  })
})
