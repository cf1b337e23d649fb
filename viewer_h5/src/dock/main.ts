/** `/plugin/dock.js`: one script tag in a page of the HIS puts the doctor's plugin at its edge (docs/plugin.md). */
import { mount, type PageApi } from './dock'

declare global {
  interface Window {
    Mingying?: PageApi
  }
}

const tag = document.currentScript
if (tag instanceof HTMLScriptElement && !window.Mingying) {
  const { edge, hotkey } = tag.dataset
  const options = { origin: new URL(tag.src).origin, edge: edge === 'left' ? 'left' : 'right', hotkey: hotkey || 'Alt+M' } as const
  const begin = () => {
    window.Mingying = mount(options)
    window.dispatchEvent(new CustomEvent('mingying:ready'))
  }
  // a tag in the head runs before there is a body to put the panel into
  if (document.body) begin()
  else document.addEventListener('DOMContentLoaded', begin, { once: true })
}
