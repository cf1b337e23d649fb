import { dockWords as words } from '../i18n/zh-CN/plugin'
import { isHotkey } from './hotkey'
import { keep, recall } from './memory'
import { type Badge, isFromPanel, type ToPanel } from './messages'
import * as change from './state'
import { build } from './view'

/** What pages of a HIS may call: `window.Mingying`. */
export interface PageApi {
  launch(url: string): void
  leave(): void
  show(): void
  hide(): void
  toggle(): void
  dock(edge: change.Edge): void
}

export interface Options {
  /** Origin of the service. */
  origin: string
  edge: change.Edge
  hotkey: string
}

// long enough to cross the tab by accident, and to come back after leaving by accident
const CAME_MS = 150
const WENT_MS = 600

/** A launch of this service; anything else is a mistake of the caller, said at once. */
export function launchHash(url: string, origin: string): string {
  const address = new URL(url)
  if (address.origin !== origin || address.pathname !== '/plugin' || address.hash.length < 2) {
    throw new TypeError(`Mingying.launch: not a launch address of ${origin}`)
  }
  return address.hash
}

/** Put the panel into this page. */
export function mount({ origin, edge, hotkey }: Options): PageApi {
  const address = `${origin}/plugin`
  const view = build(address, hotkey)
  let state = recall(edge)
  let badge: Badge | null = null
  let pointer: number | undefined

  function draw(): void {
    const { dock, tab, count, move } = view
    dock.dataset.edge = state.edge
    dock.dataset.shown = state.shown
    tab.setAttribute('aria-expanded', String(state.shown === 'panel'))
    count.textContent = badge && badge.count !== null ? `${badge.count}${badge.complete ? '' : '+'}` : ''
    tab.setAttribute('aria-label', badge?.text ? `${words.title}，${badge.text}` : words.title)
    move.textContent = state.edge === 'left' ? words.toRight : words.toLeft
  }

  function become(next: change.State): void {
    window.clearTimeout(pointer)
    if (next === state) return
    state = next
    keep(state)
    draw()
  }

  /** Away from a panel that vanishes the keyboard goes to the tab. */
  function putAway(next: change.State): void {
    const hadFocus = view.panel.contains(view.host.shadowRoot?.activeElement ?? null)
    become(next)
    if (hadFocus && state.shown === 'tab') view.tab.focus()
  }

  function post(message: ToPanel): void {
    view.frame.contentWindow?.postMessage(message, origin)
  }

  function hear(event: MessageEvent): void {
    if (event.origin !== origin || event.source !== view.frame.contentWindow || !isFromPanel(event.data)) return
    const message = event.data
    if (message.type === 'mingying:close') {
      putAway(change.slideBack(state))
      return
    }
    badge = message.type === 'mingying:badge' ? message : null
    draw()
    if (badge && badge.count === 0 && badge.complete && !badge.reminders) become(change.nothingToTell(state))
    const { type, ...detail } = message
    window.dispatchEvent(new CustomEvent(type, { detail }))
  }

  function passing(next: () => change.State, after: number): void {
    window.clearTimeout(pointer)
    pointer = window.setTimeout(() => become(next()), after)
  }

  view.tab.addEventListener('click', () => become(change.press(state)))
  view.move.addEventListener('click', () => become(change.dockTo(state, state.edge === 'left' ? 'right' : 'left')))
  view.hide.addEventListener('click', () => become(change.hide(state)))
  view.back.addEventListener('click', () => putAway(change.slideBack(state)))
  view.panel.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') putAway(change.slideBack(state))
  })
  view.dock.addEventListener('pointerenter', (event) => {
    if (event.pointerType === 'mouse') passing(() => change.pointerCame(state), CAME_MS)
  })
  view.dock.addEventListener('pointerleave', () => {
    // who types in it does not lose it because the mouse lies elsewhere
    const typing = view.panel.contains(view.host.shadowRoot?.activeElement ?? null)
    if (!typing) passing(() => change.pointerWent(state), WENT_MS)
  })
  view.frame.addEventListener('load', () => post({ type: 'mingying:hello' }))
  window.addEventListener('message', hear)
  window.addEventListener('keydown', (event) => {
    if (!isHotkey(event, hotkey)) return
    event.preventDefault()
    become(change.toggle(state))
    if (state.shown === 'panel') view.frame.focus()
  })
  draw()
  document.body.append(view.host)

  return {
    launch(url) {
      const hash = launchHash(url, origin)
      badge = null
      // not `src`: it would try the spent launch again whenever the frame is loaded anew, and fill the page's history
      view.frame.contentWindow?.location.replace(address + hash)
      become(change.launched(state))
      draw()
    },
    leave: () => post({ type: 'mingying:leave' }),
    show: () => become(change.show(state)),
    hide: () => become(change.hide(state)),
    toggle: () => become(change.toggle(state)),
    dock: (to) => become(change.dockTo(state, to === 'left' ? 'left' : 'right')),
  }
}
