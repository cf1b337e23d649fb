// The smallest module with a v128 instruction (i8x16.popcnt, from wasm-feature-detect).
const SIMD_MODULE = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11]

/** OpenJPH's wasm needs SIMD: an engine without it fails late and leaves a black picture, so ask first. */
export function hasWasmSimd(): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(new Uint8Array(SIMD_MODULE))
}

let webGl2: boolean | undefined

/** Without WebGL2 the library would paint on the CPU, which gives wrong lengths on phones; we don't let it. */
export function hasWebGl2(): boolean {
  webGl2 ??= canMakeContext()
  return webGl2
}

function canMakeContext(): boolean {
  const context = document.createElement('canvas').getContext('webgl2')
  // browsers allow few contexts a page: give this one back
  context?.getExtension('WEBGL_lose_context')?.loseContext()
  return context !== null
}

/** True where mobile data should be spared. */
export function savesData(): boolean {
  const connection = (navigator as Navigator & { connection?: { saveData?: boolean } }).connection
  return connection?.saveData === true
}
