/** Runs work when the browser has nothing better to do; Safari has no idle callback and gets a short delay. */
export function whenIdle(work: () => void): void {
  if ('requestIdleCallback' in window) window.requestIdleCallback(work, { timeout: 2000 })
  else setTimeout(work, 300)
}
