export type Priority = 'interaction' | 'thumbnail' | 'prefetch'

const RANK: Record<Priority, number> = { interaction: 0, thumbnail: 1, prefetch: 2 }

export interface Ticket<T> {
  readonly promise: Promise<T>
  /** Ask for it sooner; a started request keeps running. */
  promote(priority: Priority): void
  /** Drop a waiting request, abort a running one; the promise rejects with an AbortError. */
  cancel(): void
}

interface Job {
  priority: Priority
  order: number
  started: boolean
  start: () => void
}

/**
 * Requests by urgency: what the finger waits for, then thumbnails, then prefetch.
 *
 * One of `slots` is never given to prefetch, so a page turn does not queue behind guesses. Among interactions the
 * newest goes first: after a fast drag only the last slice still matters.
 */
export class RequestQueue {
  private waiting: Job[] = []
  private running = 0
  private order = 0

  constructor(private readonly slots = 4) {}

  add<T>(priority: Priority, run: (signal: AbortSignal) => Promise<T>): Ticket<T> {
    const controller = new AbortController()
    let reject: (reason: unknown) => void = () => undefined
    let resolve: (value: T) => void = () => undefined
    const promise = new Promise<T>((yes, no) => {
      resolve = yes
      reject = no
    })
    const job: Job = {
      priority,
      order: this.order++,
      started: false,
      start: () => {
        run(controller.signal)
          .then(resolve, reject)
          .finally(() => {
            this.running--
            this.pump()
          })
      },
    }
    this.waiting.push(job)
    this.pump()
    return {
      promise,
      promote: (to) => {
        if (RANK[to] >= RANK[job.priority]) return
        job.priority = to
        job.order = this.order++
        this.pump()
      },
      cancel: () => {
        this.waiting = this.waiting.filter((other) => other !== job)
        controller.abort()
        if (!job.started) reject(new DOMException('no longer wanted', 'AbortError'))
      },
    }
  }

  private pump(): void {
    for (;;) {
      const next = this.mostUrgent()
      if (!next || this.running >= (next.priority === 'prefetch' ? this.slots - 1 : this.slots)) return
      this.waiting = this.waiting.filter((job) => job !== next)
      next.started = true
      this.running++
      next.start()
    }
  }

  private mostUrgent(): Job | undefined {
    return this.waiting.reduce<Job | undefined>((best, job) => (best && !before(job, best) ? best : job), undefined)
  }
}

function before(a: Job, b: Job): boolean {
  if (a.priority !== b.priority) return RANK[a.priority] < RANK[b.priority]
  return a.priority === 'interaction' ? a.order > b.order : a.order < b.order
}
