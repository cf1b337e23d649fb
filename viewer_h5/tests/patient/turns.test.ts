import { describe, expect, it } from 'vitest'

import type { AnswerEvent, Conversation } from '@/api/types'
import { afterEvent, newTurn, spokenOf, turnsOf } from '@/apps/patient/chat/turns'

const told = (...events: AnswerEvent[]) => events.reduce(afterEvent, newTurn('问'))
const sentence = (index: number, text: string): AnswerEvent => ({ type: 'sentence', index, text, citations: [] })
const finished: AnswerEvent = { type: 'finished', triage: 'routine', refused: false, reason: null, suggestions: [] }

describe('an answer that arrives', () => {
  it('shows its stage until it is done', () => {
    expect(told({ type: 'stage', stage: 'checking' }).stage).toBe('checking')
    expect(told({ type: 'stage', stage: 'checking' }, finished)).toMatchObject({ stage: null, state: 'done', triage: 'routine' })
  })

  it('keeps sentences in their order and replaces one that comes again', () => {
    const turn = told(sentence(1, '乙'), sentence(0, '甲'), sentence(1, '丙'))
    expect(turn.sentences.map(({ text }) => text)).toEqual(['甲', '丙'])
  })

  it('keeps what was checked when it fails later', () => {
    const turn = told(sentence(0, '甲'), { type: 'failed', title: '没有完成', detail: '再试' })
    expect(turn).toMatchObject({ state: 'failed', failure: { title: '没有完成', detail: '再试' } })
    expect(turn.sentences).toHaveLength(1)
  })

  it('is an emergency as soon as the card comes', () => {
    const turn = told({ type: 'emergency', title: '请拨打 120', text: '', reasons: ['胸痛'], call: '120', hospital_phone: null })
    expect(turn.triage).toBe('emergency')
    expect(turn.emergency?.reasons).toEqual(['胸痛'])
  })

  it('passes over kinds of a newer service', () => {
    const before = newTurn('问')
    expect(afterEvent(before, { type: 'later' } as unknown as AnswerEvent)).toEqual(before)
  })
})

describe('a conversation that was kept', () => {
  const answer = { answer_id: 'a', emergency: null, triage: 'none', refused: false, reason: null, model: null } as const
  const conversation = (sentences: { text: string; citations: [] }[]): Conversation => ({
    conversation_id: 'c',
    turns: [{ question: '问', asked_at: '', answer: { ...answer, sentences } }],
    suggestions: [],
  })

  it('numbers its sentences by their place', () => {
    const turns = turnsOf(conversation([{ text: '甲', citations: [] }, { text: '乙', citations: [] }]))
    expect(turns[0]?.sentences.map(({ index }) => index)).toEqual([0, 1])
    expect(turns[0]?.state).toBe('done')
  })

  it('shows an answer that broke off before its first sentence as not completed', () => {
    expect(turnsOf(conversation([]))[0]?.state).toBe('failed')
  })
})

describe('what a screen reader says', () => {
  it('is that an answer is made, whatever of it has come, and then the whole answer', () => {
    expect(spokenOf(told(sentence(0, '甲。')))).toBe(spokenOf(told()))
    expect(spokenOf(told(sentence(0, '甲。'), sentence(1, '乙。'), finished))).toBe('解答：可以择期就诊：甲。乙。')
  })

  it('is why nothing was answered', () => {
    const refusal: AnswerEvent = { type: 'finished', triage: 'none', refused: true, reason: 'no_knowledge', suggestions: [] }
    expect(spokenOf(told(sentence(0, '请问医生。'), refusal))).toBe('解答：没有查到可靠的依据：请问医生。')
  })

  it('leaves failures and emergencies to their own alarms', () => {
    const alarm: AnswerEvent = { type: 'emergency', title: '请拨打 120', text: '', reasons: [], call: '120', hospital_phone: null }
    expect(spokenOf(told({ type: 'failed', title: '没有完成', detail: '再试' }))).toBe('')
    expect(spokenOf(told(alarm, { ...finished, triage: 'emergency' }))).toBe('')
  })
})
