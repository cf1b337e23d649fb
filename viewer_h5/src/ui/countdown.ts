import { onScopeDispose, ref } from 'vue'

/** Seconds left until a moment. Counts by the clock, because phones stop timers of a page in the background. */
export function useCountdown() {
  const left = ref(0)
  let timer: ReturnType<typeof setInterval> | undefined

  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }

  function start(seconds: number): void {
    stop()
    const end = Date.now() + seconds * 1000
    const tick = () => {
      left.value = Math.max(0, Math.ceil((end - Date.now()) / 1000))
      if (left.value === 0) stop()
    }
    tick()
    if (left.value > 0) timer = setInterval(tick, 500)
  }

  onScopeDispose(stop)
  return { left, start }
}
