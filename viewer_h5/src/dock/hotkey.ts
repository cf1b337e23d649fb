/** `Alt+M`, `Ctrl+Shift+F9`… as the script tag writes it. */
export function isHotkey(event: KeyboardEvent, hotkey: string): boolean {
  const parts = hotkey.toLowerCase().split('+')
  const key = parts.pop() ?? ''
  // the key's place as well: with Alt some layouts send another letter
  const pressed = event.key.toLowerCase() === key || event.code.toLowerCase() === `key${key}`
  const held = { alt: event.altKey, ctrl: event.ctrlKey, shift: event.shiftKey, meta: event.metaKey }
  return pressed && Object.entries(held).every(([name, down]) => down === parts.includes(name))
}
