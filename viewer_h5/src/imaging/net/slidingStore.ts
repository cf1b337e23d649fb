import { framesToDrop, wantedFrames } from '../model/cacheWindow'
import type { Priority, RequestQueue, Ticket } from './requestQueue'

export interface Loaded<T> {
  value: T
  /** What it holds in memory, decoded. */
  bytes: number
}

export interface SlidingStoreOptions<T> {
  count: number
  queue: RequestQueue
  load: (index: number, signal: AbortSignal, priority: Priority) => Promise<Loaded<T>>
  /** Frees what the garbage collector cannot: object URLs, GPU and library caches. */
  drop?: (value: T, index: number) => void
  capBytes: number
  ahead: number
  behind: number
}

/**
 * The pictures around the one in view: fetched ahead, dropped when far, never above the cap.
 *
 * Phones kill a page that holds more than about 120 MB of pixels, so the whole stack is never kept.
 */
export class SlidingStore<T> {
  private readonly kept = new Map<number, Loaded<T>>()
  private readonly pending = new Map<number, Ticket<Loaded<T>>>()
  private center = 0
  private frameBytes = 0
  private direction: 1 | -1 = 1
  private prefetching = true
  private closed = false

  constructor(private readonly options: SlidingStoreOptions<T>) {}

  peek(index: number): T | undefined {
    return this.kept.get(index)?.value
  }

  keptBytes(): number {
    let total = 0
    for (const { bytes } of this.kept.values()) total += bytes
    return total
  }

  /** Pause guesses, for a pane nobody looks at; what is asked for by name still loads. */
  setPrefetching(on: boolean): void {
    this.prefetching = on
    if (!on) this.cancelExcept(new Set([this.center]))
  }

  /** Put in a value that came by another way (the first picture, fetched before the manifest). */
  seed(index: number, loaded: Loaded<T>): void {
    if (!this.kept.has(index)) this.kept.set(index, loaded)
  }

  /** Move the window there and resolve with that picture; rejects with the load's error. */
  async at(index: number): Promise<T> {
    if (index !== this.center) this.direction = index > this.center ? 1 : -1
    this.center = index
    const wanted = this.wanted()
    this.cancelExcept(new Set(wanted))
    const kept = this.kept.get(index)
    const loaded = kept ?? (await this.request(index, 'interaction'))
    if (!this.closed && this.center === index) this.prefetch()
    return loaded.value
  }

  /** Fetch guesses around the view now; failures are kept silent, they are retried when really wanted. */
  prefetch(): void {
    if (!this.prefetching) return
    for (const index of this.wanted()) {
      if (!this.kept.has(index)) this.request(index, 'prefetch').catch(() => undefined)
    }
  }

  close(): void {
    this.closed = true
    this.cancelExcept(new Set())
    for (const index of [...this.kept.keys()]) this.forget(index)
  }

  private wanted(): number[] {
    const { count, ahead, behind } = this.options
    const wanted = wantedFrames({ index: this.center, count, direction: this.direction, ahead, behind })
    // never fetch what the cap would throw out again
    const room = this.frameBytes ? Math.max(1, Math.floor(this.options.capBytes / this.frameBytes)) : wanted.length
    return wanted.slice(0, room)
  }

  private async request(index: number, priority: Priority): Promise<Loaded<T>> {
    const known = this.pending.get(index)
    if (known) {
      known.promote(priority)
      return known.promise
    }
    const ticket = this.options.queue.add(priority, (signal) => this.options.load(index, signal, priority))
    this.pending.set(index, ticket)
    try {
      const loaded = await ticket.promise
      if (this.closed) this.options.drop?.(loaded.value, index)
      else this.keep(index, loaded)
      return loaded
    } finally {
      if (this.pending.get(index) === ticket) this.pending.delete(index)
    }
  }

  private keep(index: number, loaded: Loaded<T>): void {
    this.kept.set(index, loaded)
    this.frameBytes = Math.max(this.frameBytes, loaded.bytes)
    const sizes = new Map([...this.kept].map(([i, { bytes }]) => [i, bytes]))
    for (const far of framesToDrop(sizes, this.center, this.options.capBytes)) this.forget(far)
  }

  private forget(index: number): void {
    const loaded = this.kept.get(index)
    this.kept.delete(index)
    if (loaded) this.options.drop?.(loaded.value, index)
  }

  private cancelExcept(wanted: ReadonlySet<number>): void {
    for (const [index, ticket] of [...this.pending]) {
      if (wanted.has(index)) continue
      this.pending.delete(index)
      ticket.promise.catch(() => undefined) // whoever waited hears it from their own await
      ticket.cancel()
    }
  }
}
