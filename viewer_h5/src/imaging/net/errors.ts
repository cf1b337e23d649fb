/** What went wrong on the way to a byte, as far as a reader can act on it. */
export type FailureKind = 'offline' | 'signed-out' | 'missing' | 'server' | 'broken'

/** A request that failed for good; `broken` means bytes came but were not a picture. */
export class LoadError extends Error {
  override readonly name = 'LoadError'

  constructor(
    readonly kind: FailureKind,
    message: string,
  ) {
    super(message)
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
