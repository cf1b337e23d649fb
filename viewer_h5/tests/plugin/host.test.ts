import { afterEach, describe, expect, it, vi } from 'vitest'

import { Host } from '@/apps/plugin/host'

const HIS = 'https://his.example'
const badge = { type: 'mingying:badge', count: 1, text: '外院 1 次检查', complete: true, reminders: 0 } as const

function framed() {
  const around = { postMessage: vi.fn() }
  vi.spyOn(window, 'parent', 'get').mockReturnValue(around as unknown as Window)
  const left = vi.fn()
  const host = new Host(left)
  const hear = (type: string, origin = HIS, source: unknown = around) => {
    const event = new MessageEvent('message', { data: { type }, origin })
    Object.defineProperty(event, 'source', { value: source })
    window.dispatchEvent(event)
  }
  return { host, around, left, hear }
}

afterEach(() => vi.restoreAllMocks())

describe('the page around the panel', () => {
  it('hears what was said before it said hello, and nobody else does', () => {
    const { host, around, hear } = framed()
    host.tell(badge)
    expect(around.postMessage).not.toHaveBeenCalled()
    hear('mingying:hello')
    expect(around.postMessage.mock.calls).toEqual([[badge, HIS]])
  })

  it('is not any window that says so', () => {
    const { host, around, hear } = framed()
    hear('mingying:hello', HIS, {})
    host.tell(badge)
    expect(around.postMessage).not.toHaveBeenCalled()
  })

  it('ends the session only from where it said hello', () => {
    const { left, hear } = framed()
    hear('mingying:leave')
    hear('mingying:hello')
    hear('mingying:leave', 'https://evil.example')
    expect(left).not.toHaveBeenCalled()
    hear('mingying:leave')
    expect(left).toHaveBeenCalledOnce()
  })

  it('is told when Escape is pressed inside', () => {
    const { around, hear } = framed()
    hear('mingying:hello')
    window.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))
    expect(around.postMessage).toHaveBeenLastCalledWith({ type: 'mingying:close' }, HIS)
  })
})
