import type { Answer, AnswerEvent, AnswerSentence, Conversation, Emergency, Triage } from '@/api/types'
import { chatWords } from '@/i18n/zh-CN/chat'

export interface Turn {
  question: string
  state: 'waiting' | 'done' | 'failed' | 'stopped'
  stage: string | null
  answerId: string | null
  model: string | null
  sentences: AnswerSentence[]
  emergency: Emergency | null
  triage: Triage
  refused: boolean
  reason: string | null
  failure: { title: string; detail: string } | null
  helpful: boolean | null
}

export function newTurn(question: string): Turn {
  return {
    question,
    state: 'waiting',
    stage: null,
    answerId: null,
    model: null,
    sentences: [],
    emergency: null,
    triage: 'none',
    refused: false,
    reason: null,
    failure: null,
    helpful: null,
  }
}

function kept(question: string, answer: Answer): Turn {
  const { answer_id: answerId, emergency, triage, refused, reason, model } = answer
  const sentences = answer.sentences.map((sentence, index) => ({ ...sentence, index }))
  // Kept although it broke off before its first sentence: shown as what it is, and may be asked again.
  const state = sentences.length || emergency ? 'done' : 'failed'
  return { ...newTurn(question), state, answerId, sentences, emergency, triage, refused, reason, model }
}

export function turnsOf(conversation: Conversation): Turn[] {
  return conversation.turns.map(({ question, answer }) => kept(question, answer))
}

/** Puts a sentence in its place; a later one with the same index replaces the earlier one. */
function withSentence(sentences: readonly AnswerSentence[], { index, text, citations }: AnswerSentence): AnswerSentence[] {
  return [...sentences.filter((sentence) => sentence.index !== index), { index, text, citations }].sort(
    (a, b) => a.index - b.index,
  )
}

/** The turn after one more event. Pure, so that what is on screen follows from what arrived. */
export function afterEvent(turn: Turn, event: AnswerEvent): Turn {
  switch (event.type) {
    case 'started':
      return { ...turn, answerId: event.answer_id, model: event.model }
    case 'stage':
      return { ...turn, stage: event.stage }
    case 'emergency': {
      const { title, text, reasons, call, hospital_phone } = event
      return { ...turn, emergency: { title, text, reasons, call, hospital_phone }, triage: 'emergency' }
    }
    case 'sentence':
      return { ...turn, sentences: withSentence(turn.sentences, event) }
    case 'finished':
      return { ...turn, state: 'done', stage: null, triage: event.triage, refused: event.refused, reason: event.reason }
    case 'failed':
      return { ...turn, state: 'failed', stage: null, failure: { title: event.title, detail: event.detail } }
    default:
      return turn // a newer service may send more
  }
}

/** What a screen reader says of a turn: that it is being answered, then the answer once and whole. Alarms speak for themselves. */
export function spokenOf({ state, stage, emergency, refused, reason, triage, sentences }: Turn): string {
  if (state === 'waiting') return chatWords.stages[stage ?? ''] ?? chatWords.stageOther
  if (state === 'failed') return ''
  const answer = sentences.map(({ text }) => text).join('')
  if (state === 'stopped') return answer + chatWords.stopped
  if (emergency) return answer
  const head = refused ? (chatWords.refusals[reason ?? ''] ?? chatWords.refused) : chatWords.triage[triage]
  return [chatWords.answer, head, answer].filter(Boolean).join('：')
}
