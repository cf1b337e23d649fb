import { onScopeDispose } from 'vue'

/** Repeats `look` until it returns true or the page is left; the next look begins after the last has ended. */
export function usePolling(look: () => Promise<boolean>, everyMs: number) {
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false

  async function start(): Promise<void> {
    clearTimeout(timer)
    if (!(await look()) && !ended) timer = setTimeout(() => void start(), everyMs)
  }

  onScopeDispose(() => {
    ended = true
    clearTimeout(timer)
  })
  return start
}
