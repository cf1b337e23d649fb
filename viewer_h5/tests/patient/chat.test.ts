import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { clearPatientStores } from '@/apps/patient/stores/clear'
import { useChats } from '@/apps/patient/stores/chat'

const json = (value: unknown) => new Response(JSON.stringify(value), { headers: { 'Content-Type': 'application/json' } })
const events = (...list: { type: string }[]) =>
  new Response(list.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''))

const kept = { conversation_id: null, turns: [], suggestions: ['要紧吗？'] }
const finished = { type: 'finished', triage: 'none', refused: false, reason: null, suggestions: ['还有吗？'] }
const sentence = { type: 'sentence', index: 0, text: '一句', citations: [] }

/** A service that answers by method and ending of the address, each reply when its promise is ready. */
function service(replies: Record<string, () => Response | Promise<Response>>): string[] {
  const calls: string[] = []
  vi.stubGlobal('fetch', async (path: string, init: RequestInit = {}) => {
    const call = `${init.method ?? 'GET'} ${path.split('/').pop() ?? ''}`
    calls.push(call)
    const reply = replies[call]
    if (!reply) throw new TypeError(`no reply for ${call}`)
    return reply()
  })
  return calls
}

beforeEach(() => setActivePinia(createPinia()))
afterEach(() => vi.unstubAllGlobals())

describe('asking', () => {
  it('fills the turn and offers what can be asked next', async () => {
    service({ 'POST questions': () => events(sentence, finished) })
    const chats = useChats()
    await chats.send('r1', '要紧吗？')
    expect(chats.of('r1').turns).toMatchObject([{ question: '要紧吗？', state: 'done', sentences: [{ text: '一句' }] }])
    expect(chats.of('r1').suggestions).toEqual(['还有吗？'])
  })

  it('keeps the first question when the earlier conversation arrives late', async () => {
    let arrive: (response: Response) => void = () => undefined
    const late = new Promise<Response>((resolve) => {
      arrive = resolve
    })
    const calls = service({ 'GET conversation': () => late, 'POST questions': () => events(sentence, finished) })
    const chats = useChats()
    void chats.load('r1') // begun by the page when consent was given
    const asked = chats.load('r1').then(() => chats.send('r1', '要紧吗？'))
    arrive(json(kept))
    await asked
    expect(calls.filter((call) => call === 'GET conversation')).toHaveLength(1)
    expect(chats.of('r1').turns).toHaveLength(1)
  })

  it('says why when it is refused at once', async () => {
    service({
      'POST questions': () => new Response(JSON.stringify({ code: 'too_many', title: '操作太频繁', detail: '请稍等' }), { status: 429 }),
    })
    const chats = useChats()
    await chats.send('r1', '问')
    expect(chats.of('r1').turns[0]).toMatchObject({ state: 'failed', failure: { title: '操作太频繁', detail: '请稍等' } })
  })

  it('asks the same question again in place of the failed answer', async () => {
    let failures = 1
    service({ 'POST questions': () => (failures-- > 0 ? Promise.reject(new TypeError('down')) : events(sentence, finished)) })
    const chats = useChats()
    await chats.send('r1', '要紧吗？')
    expect(chats.of('r1').turns[0]?.state).toBe('failed')
    await chats.again('r1')
    expect(chats.of('r1').turns).toMatchObject([{ question: '要紧吗？', state: 'done' }])
  })

  it('keeps conversations of two reports apart', async () => {
    service({ 'POST questions': () => events(sentence, finished) })
    const chats = useChats()
    chats.of('r2').draft = '没写完'
    await chats.send('r1', '问')
    expect(chats.of('r2')).toMatchObject({ draft: '没写完', turns: [] })
  })
})

describe('leaving', () => {
  it('forgets every question, answer and draft', async () => {
    service({ 'POST questions': () => events(sentence, finished) })
    const chats = useChats()
    await chats.send('r1', '问')
    chats.of('r1').draft = '草稿'
    clearPatientStores()
    expect(chats.of('r1')).toMatchObject({ draft: '', turns: [] })
  })

  it('deletes the record and keeps what is being written', async () => {
    const calls = service({
      'POST questions': () => events(sentence, finished),
      'DELETE conversation': () => new Response(null, { status: 204 }),
      'GET conversation': () => json(kept),
    })
    const chats = useChats()
    await chats.send('r1', '问')
    chats.of('r1').draft = '草稿'
    await chats.clear('r1')
    expect(calls).toContain('DELETE conversation')
    expect(chats.of('r1')).toMatchObject({ draft: '草稿', turns: [], suggestions: ['要紧吗？'] })
  })
})
