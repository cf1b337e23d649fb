import { dockWords as words } from '../i18n/zh-CN/plugin'
import css from './style.css?inline'

/** The elements, in a shadow root: neither do the HIS page's styles reach in, nor these out. */
export interface View {
  host: HTMLElement
  dock: HTMLElement
  tab: HTMLButtonElement
  count: HTMLElement
  panel: HTMLElement
  frame: HTMLIFrameElement
  move: HTMLButtonElement
  hide: HTMLButtonElement
  back: HTMLButtonElement
}

function make<Name extends keyof HTMLElementTagNameMap>(name: Name, className: string, text = ''): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name)
  made.className = className
  made.textContent = text
  return made
}

function button(className: string, text: string): HTMLButtonElement {
  const made = make('button', className, text)
  made.type = 'button'
  return made
}

function dress(root: ShadowRoot): void {
  try {
    // no element, so that a HIS page that forbids inline styles is no obstacle
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(css)
    root.adoptedStyleSheets = [sheet]
  } catch {
    root.append(make('style', '', css))
  }
}

export function build(address: string, hotkey: string): View {
  const host = document.createElement('mingying-dock')
  const root = host.attachShadow({ mode: 'open' })
  dress(root)
  const dock = make('div', 'dock')
  const tab = button('tab', words.title)
  const count = make('span', 'count')
  tab.append(count)
  tab.setAttribute('aria-controls', 'panel')
  const panel = make('section', 'panel')
  panel.id = 'panel'
  panel.setAttribute('aria-label', words.panel)
  const bar = make('div', 'bar')
  const [move, hide, back] = [button('move', ''), button('hide', words.hide), button('back', words.back)]
  hide.title = words.hideHint(hotkey)
  bar.append(make('span', '', words.title), move, hide, back)
  const frame = make('iframe', '')
  frame.title = words.title
  frame.src = address
  panel.append(bar, frame)
  dock.append(tab, panel)
  root.append(dock)
  return { host, dock, tab, count, panel, frame, move, hide, back }
}
