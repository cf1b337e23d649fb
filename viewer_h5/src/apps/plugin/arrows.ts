/** Arrow keys go through the buttons of a list, Home and End to its ends; Tab and Enter do as everywhere. */
export function walk(event: KeyboardEvent): void {
  const list = event.currentTarget
  if (!(list instanceof HTMLElement)) return
  const rows = [...list.querySelectorAll<HTMLElement>('button, a')]
  const at = rows.findIndex((row) => row === document.activeElement)
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key]
  if (to === undefined || at < 0) return
  event.preventDefault()
  rows[Math.max(0, Math.min(to, rows.length - 1))]?.focus()
}
