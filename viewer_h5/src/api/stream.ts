import { createParser } from 'eventsource-parser'

import { jsonInit, send } from './http'
import { offline } from './problem'
import type { AnswerEvent } from './types'

/** Server-sent events of a byte stream, as `{event name or "message", data}` in order of arrival. */
export async function* serverSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<{ name: string; data: string }> {
  const arrived: { name: string; data: string }[] = []
  const parser = createParser({ onEvent: ({ event, data }) => arrived.push({ name: event ?? 'message', data }) })
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      // A character may be cut between two chunks: the decoder keeps its first half.
      parser.feed(done ? decoder.decode() : decoder.decode(value, { stream: true }))
      yield* arrived.splice(0)
      if (done) return
    }
  } finally {
    reader.cancel().catch(() => undefined) // the reader may already be closed
  }
}

/** The events of one answer. Ends after `finished` or `failed`; a stream that breaks off before throws. */
export async function* readAnswer(body: ReadableStream<Uint8Array>): AsyncGenerator<AnswerEvent> {
  try {
    for await (const { name, data } of serverSentEvents(body)) {
      // The event's name stands in the object (`type`) or in the event's own field.
      const event = { type: name, ...(JSON.parse(data) as object) } as AnswerEvent
      yield event
      if (event.type === 'finished' || event.type === 'failed') return
    }
  } catch {
    throw offline()
  }
  throw offline()
}

/** Asks a question about a report; the answer arrives event by event. Throws a `Problem` when refused at once. */
export async function* ask(reportId: string, question: string, signal: AbortSignal): AsyncGenerator<AnswerEvent> {
  const init = jsonInit('POST', { question })
  const response = await send(`/api/patient/reports/${encodeURIComponent(reportId)}/questions`, { ...init, signal })
  if (!response.body) throw offline()
  yield* readAnswer(response.body)
}
