import { defineStore } from 'pinia'
import { reactive } from 'vue'

import { clearConversation, fetchConversation, sendFeedback } from '@/api/patient'
import { asProblem, type Problem } from '@/api/problem'
import { ask } from '@/api/stream'

import { afterEvent, newTurn, type Turn, turnsOf } from '../chat/turns'
import { forgetOnLeave } from './clear'

export const QUESTION_LIMIT = 1000

export interface Chat {
  state: 'none' | 'loading' | 'ready' | 'failed'
  draft: string
  turns: Turn[]
  suggestions: string[]
  problem: Problem | null
}

function emptyChat(): Chat {
  return { state: 'none', draft: '', turns: [], suggestions: [], problem: null }
}

/** The conversation about each report; drafts are kept in memory only. */
export const useChats = defineStore('chats', () => {
  const byReport = reactive(new Map<string, Chat>())
  const running = new Map<string, AbortController>()
  const loads = new Map<string, Promise<void>>()

  function of(reportId: string): Chat {
    let chat = byReport.get(reportId)
    if (!chat) {
      chat = reactive(emptyChat())
      byReport.set(reportId, chat)
    }
    return chat
  }

  /** Loads once; who asks meanwhile waits for the same answer, so that nothing said later is overwritten by it. */
  function load(reportId: string): Promise<void> {
    const chat = of(reportId)
    if (chat.state === 'ready') return Promise.resolve()
    let loading = loads.get(reportId)
    if (!loading) {
      loading = fetchInto(chat, reportId).finally(() => loads.delete(reportId))
      loads.set(reportId, loading)
    }
    return loading
  }

  async function fetchInto(chat: Chat, reportId: string): Promise<void> {
    chat.state = 'loading'
    chat.problem = null
    try {
      const conversation = await fetchConversation(reportId)
      chat.turns = turnsOf(conversation)
      chat.suggestions = conversation.suggestions
      chat.state = 'ready'
    } catch (error) {
      chat.problem = asProblem(error)
      chat.state = 'failed'
    }
  }

  /** Asks and fills the last turn as the answer arrives. Never throws: failures stand in the turn. */
  async function send(reportId: string, question: string): Promise<void> {
    const chat = of(reportId)
    if (running.has(reportId)) return
    const control = new AbortController()
    running.set(reportId, control)
    const at = chat.turns.push(newTurn(question)) - 1
    const update = (change: (turn: Turn) => Turn) => {
      const turn = chat.turns[at]
      if (turn) chat.turns[at] = change(turn)
    }
    try {
      for await (const event of ask(reportId, question, control.signal)) {
        update((turn) => afterEvent(turn, event))
        if (event.type === 'finished') chat.suggestions = event.suggestions
      }
    } catch (error) {
      const { title, detail } = asProblem(error)
      update((turn) =>
        control.signal.aborted
          ? { ...turn, state: 'stopped', stage: null }
          : { ...turn, state: 'failed', stage: null, failure: { title, detail } },
      )
    } finally {
      running.delete(reportId)
    }
  }

  function stop(reportId: string): void {
    running.get(reportId)?.abort()
  }

  /** Asks the last question again in place of its failed answer. */
  async function again(reportId: string): Promise<void> {
    const failed = of(reportId).turns.pop()
    if (failed) await send(reportId, failed.question)
  }

  async function rate(turn: Turn, helpful: boolean): Promise<void> {
    if (!turn.answerId) return
    await sendFeedback(turn.answerId, helpful)
    turn.helpful = helpful
  }

  async function clear(reportId: string): Promise<void> {
    stop(reportId)
    await clearConversation(reportId)
    Object.assign(of(reportId), { ...emptyChat(), draft: of(reportId).draft })
    await load(reportId)
  }

  forgetOnLeave(() => {
    for (const control of running.values()) control.abort()
    byReport.clear()
  })

  return { byReport, of, load, send, stop, again, rate, clear }
})
