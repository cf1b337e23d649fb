import type { FromPanel, ToPanel } from '@/dock/messages'

/**
 * The HIS page around the panel, if there is one. Which pages may stand around it the service decides (frame-ancestors), so that
 * whoever says hello is one of them, and only they hear anything.
 */
export class Host {
  #origin = ''
  #last: FromPanel | null = null

  constructor(private readonly onLeave: () => void) {
    if (window.parent === window) return
    window.addEventListener('message', (event) => this.#hear(event))
    window.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#post({ type: 'mingying:close' })
    })
  }

  /** What is said before the page around has said hello is said then. */
  tell(message: FromPanel): void {
    this.#last = message
    this.#post(message)
  }

  #hear(event: MessageEvent): void {
    if (event.source !== window.parent) return
    const { type } = event.data as ToPanel
    if (type === 'mingying:hello') {
      this.#origin = event.origin
      if (this.#last) this.#post(this.#last)
    } else if (type === 'mingying:leave' && event.origin === this.#origin) this.onLeave()
  }

  #post(message: FromPanel): void {
    if (this.#origin) window.parent.postMessage(message, this.#origin)
  }
}
