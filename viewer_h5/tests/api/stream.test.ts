import { describe, expect, it } from 'vitest'

import { Problem } from '@/api/problem'
import { readAnswer, serverSentEvents } from '@/api/stream'
import type { AnswerEvent } from '@/api/types'

/** A body that arrives in the given pieces of bytes. */
function body(...chunks: (string | Uint8Array)[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(typeof chunk === 'string' ? encoder.encode(chunk) : chunk)
      controller.close()
    },
  })
}

const line = (event: object & { type: string }) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
const finished = { type: 'finished', triage: 'none', refused: false, reason: null, suggestions: [] }

async function collect<T>(source: AsyncIterable<T>): Promise<{ items: T[]; error: unknown }> {
  const items: T[] = []
  try {
    for await (const item of source) items.push(item)
    return { items, error: null }
  } catch (error) {
    return { items, error }
  }
}

describe('server-sent events', () => {
  it('joins an event that arrives in pieces, also when a character is cut in its middle', async () => {
    const bytes = new TextEncoder().encode('event: sentence\ndata: 磨玻璃结节\n\n')
    for (let cut = 1; cut < bytes.length; cut++) {
      const { items } = await collect(serverSentEvents(body(bytes.slice(0, cut), bytes.slice(cut))))
      expect(items).toEqual([{ name: 'sentence', data: '磨玻璃结节' }])
    }
  })

  it('gives several events of one piece in their order', async () => {
    const { items } = await collect(serverSentEvents(body('data: 1\n\ndata: 2\n\ndata: 3\n\n')))
    expect(items.map(({ data }) => data)).toEqual(['1', '2', '3'])
  })

  it('reads Windows line ends and passes over comments', async () => {
    const { items } = await collect(serverSentEvents(body(': still here\r\n\r\nevent: stage\r\ndata: x\r\n\r\n')))
    expect(items).toEqual([{ name: 'stage', data: 'x' }])
  })
})

describe('reading an answer', () => {
  it('yields every event and ends with the last one', async () => {
    const events = [{ type: 'started', answer_id: 'a', model: null, ai_label: '' }, { type: 'stage', stage: 'checking' }, finished]
    const { items, error } = await collect(readAnswer(body(events.map(line).join(''))))
    expect(error).toBeNull()
    expect(items).toEqual(events)
  })

  it('takes the kind from the event line where the object names none', async () => {
    const { items } = await collect(readAnswer(body('event: failed\ndata: {"title":"甲","detail":"乙"}\n\n')))
    expect(items).toEqual([{ type: 'failed', title: '甲', detail: '乙' }])
  })

  it('says that the connection was lost when the stream ends in the middle', async () => {
    const sentence: AnswerEvent = { type: 'sentence', index: 0, text: '一句', citations: [] }
    const { items, error } = await collect(readAnswer(body(line(sentence))))
    expect(items).toEqual([sentence])
    expect(error).toBeInstanceOf(Problem)
    expect((error as Problem).code).toBe('offline')
  })

  it('says the same when what arrives is no answer at all', async () => {
    const { items, error } = await collect(readAnswer(body('data: <html>bad gateway\n\n')))
    expect(items).toEqual([])
    expect(error).toBeInstanceOf(Problem)
  })

  it('reads nothing after the end', async () => {
    const late = { type: 'sentence', index: 9, text: '晚到', citations: [] }
    const { items } = await collect(readAnswer(body(line(finished), line(late))))
    expect(items.map(({ type }) => type)).toEqual(['finished'])
  })
})
