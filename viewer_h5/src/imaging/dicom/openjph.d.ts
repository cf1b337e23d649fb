declare module '@cornerstonejs/codec-openjph/wasmjs' {
  interface Htj2kDecoder {
    getEncodedBuffer(length: number): Uint8Array
    decode(): void
    getDecodedBuffer(): Uint8Array
    getFrameInfo(): {
      width: number
      height: number
      bitsPerSample: number
      componentCount: number
      isSigned: boolean
      isUsingColorTransform: boolean
    }
    delete(): void
  }
  interface OpenJph {
    HTJ2KDecoder: new () => Htj2kDecoder
  }
  const load: (options: { wasmBinary: ArrayBuffer; print?: (text: string) => void; printErr?: (text: string) => void }) => Promise<OpenJph>
  export default load
}
