import { afterEach, describe, expect, it, vi } from 'vitest'

import { launchHash, mount, type PageApi } from '@/dock/dock'

const ORIGIN = 'https://imaging.example'
let api: PageApi

function docked() {
  api = mount({ origin: ORIGIN, edge: 'right', hotkey: 'Alt+M' })
  const root = document.querySelector('mingying-dock')?.shadowRoot
  if (!root) throw new Error('nothing was put into the page')
  const one = <Kind extends HTMLElement>(selector: string) => root.querySelector<Kind>(selector) as Kind
  const frame = one<HTMLIFrameElement>('iframe')
  const said: { message: unknown; to: string }[] = []
  const went: string[] = []
  const inside = { postMessage: (message: unknown, to: string) => said.push({ message, to }), location: { replace: (to: string) => went.push(to) } }
  Object.defineProperty(frame, 'contentWindow', { value: inside })
  const hear = (data: unknown, origin = ORIGIN, source: unknown = inside) => {
    const event = new MessageEvent('message', { data, origin })
    Object.defineProperty(event, 'source', { value: source })
    window.dispatchEvent(event)
  }
  return { dock: one('.dock'), tab: one('.tab'), count: one('.count'), frame, said, went, hear, one }
}

const badge = { type: 'mingying:badge', count: 2, text: '外院 2 次检查', complete: true, reminders: 0 }

// frames load an empty page instead of asking the network
interface Dom extends Window {
  Response: typeof Response
  happyDOM: { settings: { enableIframePageLoading: boolean; fetch: { interceptor: object } } }
}
const { settings } = (window as unknown as Dom).happyDOM
settings.enableIframePageLoading = true
settings.fetch.interceptor = { beforeAsyncRequest: (request: { window: Dom }) => Promise.resolve(new request.window.Response('')) }

afterEach(() => {
  document.body.innerHTML = ''
  localStorage.clear()
})

describe('a launch', () => {
  it.each([
    'https://elsewhere.example/plugin#abc',
    'http://imaging.example/plugin#abc',
    'https://imaging.example/admin#abc',
    'https://imaging.example/plugin',
    'javascript:alert(1)',
  ])('that is none of the service is refused: %s', (url) => {
    expect(() => launchHash(url, ORIGIN)).toThrow(TypeError)
  })

  it('wakes the frame without standing in its source, and slides the panel out', () => {
    const { dock, frame, went } = docked()
    api.launch(`${ORIGIN}/plugin#once`)
    expect(went).toEqual([`${ORIGIN}/plugin#once`])
    expect(frame.getAttribute('src')).toBe(`${ORIGIN}/plugin`)
    expect(dock.dataset.shown).toBe('panel')
  })

  it('takes the last patient’s count away at once', () => {
    const { count, hear } = docked()
    hear(badge)
    expect(count.textContent).toBe('2')
    api.launch(`${ORIGIN}/plugin#next`)
    expect(count.textContent).toBe('')
  })
})

describe('the count', () => {
  it('stands at the tab, is told to the page, and keeps the panel out', () => {
    const told = vi.fn()
    window.addEventListener('mingying:badge', (event) => told((event as CustomEvent).detail), { once: true })
    const { dock, tab, count, hear } = docked()
    api.launch(`${ORIGIN}/plugin#a`)
    hear(badge)
    expect(count.textContent).toBe('2')
    expect(tab.getAttribute('aria-label')).toBe('检查助手，外院 2 次检查')
    expect(told).toHaveBeenCalledWith({ count: 2, text: '外院 2 次检查', complete: true, reminders: 0 })
    expect(dock.dataset.shown).toBe('panel')
  })

  it('of nothing slides the panel back, unless somebody did not answer or a reminder waits', () => {
    const { dock, count, hear } = docked()
    api.launch(`${ORIGIN}/plugin#a`)
    hear({ ...badge, count: 0, reminders: 1 })
    hear({ ...badge, count: 0, complete: false })
    expect(dock.dataset.shown).toBe('panel')
    expect(count.textContent).toBe('0+')
    hear({ ...badge, count: 0 })
    expect(dock.dataset.shown).toBe('tab')
  })

  it.each([
    ['another origin', 'https://evil.example', undefined],
    ['another window', ORIGIN, {}],
  ])('from %s is not heard', (_, origin, source) => {
    const { count, hear } = docked()
    if (source) hear(badge, origin, source)
    else hear(badge, origin)
    expect(count.textContent).toBe('')
  })

  it.each([null, 'mingying:badge', { type: 'other' }, 7])('is not read out of something else: %s', (data) => {
    const { count, hear } = docked()
    hear(data)
    expect(count.textContent).toBe('')
  })
})

describe('what the page around says', () => {
  it('goes to the service alone', () => {
    const { frame, said } = docked()
    frame.dispatchEvent(new Event('load'))
    api.leave()
    expect(said).toEqual([
      { message: { type: 'mingying:hello' }, to: ORIGIN },
      { message: { type: 'mingying:leave' }, to: ORIGIN },
    ])
  })
})

describe('without a mouse', () => {
  it('the hotkey brings it out and back, and Escape gives the keyboard to the tab', () => {
    const { dock, one, tab } = docked()
    const key = () => window.dispatchEvent(new KeyboardEvent('keydown', { key: 'm', code: 'KeyM', altKey: true }))
    api.hide()
    expect(dock.dataset.shown).toBe('hidden')
    key()
    expect(dock.dataset.shown).toBe('panel')
    one('.back').focus()
    one('.back').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
    expect(dock.dataset.shown).toBe('tab')
    expect(tab.getRootNode()).toHaveProperty('activeElement', tab)
    expect(tab.getAttribute('aria-expanded')).toBe('false')
  })
})

describe('the edge', () => {
  it('changes by its button and stays changed', () => {
    const { dock, one } = docked()
    one('.move').click()
    expect(dock.dataset.edge).toBe('left')
    expect(one('.move').textContent).toBe('靠右')
    document.body.innerHTML = ''
    expect(docked().dock.dataset.edge).toBe('left')
  })
})
