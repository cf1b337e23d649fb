import { LoadError } from './errors'

export interface FetchOptions {
  accept?: string
  signal?: AbortSignal
  /** Bytes so far and in all (0 when the server does not say). */
  onProgress?: (received: number, total: number) => void
}

export interface TransportOptions {
  fetch?: typeof fetch
  sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  /** Waits between tries, in milliseconds; their number is the number of retries. */
  delays?: readonly number[]
  /** Whether the device itself knows that it has no network: then the reader is told at once. */
  isOffline?: () => boolean
}

const DELAYS = [300, 1000, 3000]

/** Bytes over HTTP with the session's cookie; passing faults are tried again, refusals are not. */
export class Transport {
  private readonly fetch: typeof fetch
  private readonly sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>
  private readonly delays: readonly number[]
  private readonly isOffline: () => boolean

  constructor(options: TransportOptions = {}) {
    this.fetch = options.fetch ?? ((input, init) => fetch(input, init))
    this.sleep = options.sleep ?? abortableSleep
    this.delays = options.delays ?? DELAYS
    this.isOffline = options.isOffline ?? (() => navigator.onLine === false)
  }

  /** The answer's body and type; throws `LoadError`, or an AbortError when the signal fires. */
  async bytes(url: string, options: FetchOptions = {}): Promise<{ body: Uint8Array<ArrayBuffer>; type: string }> {
    const response = await this.response(url, options)
    try {
      const body = await readBody(response, options.onProgress)
      return { body, type: response.headers.get('Content-Type') ?? '' }
    } catch (error) {
      if (options.signal?.aborted) throw error
      throw new LoadError('offline', 'the connection broke while reading')
    }
  }

  /** JSON and the status it came with (202 means: still being made). */
  async json(url: string, options: FetchOptions = {}): Promise<{ status: number; body: unknown }> {
    const response = await this.response(url, { accept: 'application/json', ...options })
    return { status: response.status, body: await response.json() }
  }

  private async response(url: string, { accept, signal }: FetchOptions): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.attempt(url, accept, signal)
      if (outcome instanceof Response) return outcome
      const delay = this.delays[attempt]
      if (delay === undefined || !isPassing(outcome) || this.isOffline()) throw outcome
      await this.sleep(delay, signal)
    }
  }

  private async attempt(url: string, accept?: string, signal?: AbortSignal): Promise<Response | LoadError> {
    let response: Response
    try {
      response = await this.fetch(url, { credentials: 'same-origin', signal, headers: accept ? { Accept: accept } : {} })
    } catch (error) {
      if (signal?.aborted) throw error
      return new LoadError('offline', 'no answer from the server')
    }
    if (response.ok) return response
    if (response.status === 401) return new LoadError('signed-out', 'the grant has ended')
    if (response.status >= 500 || response.status === 429) return new LoadError('server', `status ${response.status}`)
    return new LoadError('missing', `status ${response.status}`)
  }
}

function isPassing(error: LoadError): boolean {
  return error.kind === 'offline' || error.kind === 'server'
}

async function readBody(response: Response, onProgress?: (received: number, total: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  if (!onProgress || !response.body) return new Uint8Array(await response.arrayBuffer())
  const total = Number(response.headers.get('Content-Length')) || 0
  const reader = response.body.getReader()
  const parts: Uint8Array[] = []
  let received = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    parts.push(value)
    received += value.length
    onProgress(received, total)
  }
  const body = new Uint8Array(received)
  let offset = 0
  for (const part of parts) {
    body.set(part, offset)
    offset += part.length
  }
  return body
}

export function abortableSleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(new DOMException('no longer wanted', 'AbortError'))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
