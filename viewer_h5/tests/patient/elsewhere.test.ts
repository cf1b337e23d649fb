import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { Elsewhere, ExamElsewhere, FirstScreen } from '@/api/types'
import ElsewhereExams from '@/apps/patient/sheets/ElsewhereExams.vue'
import TimelineSheet from '@/apps/patient/sheets/TimelineSheet.vue'
import { useConsents } from '@/apps/patient/stores/consents'
import { useStudy } from '@/apps/patient/stores/study'
import { elsewhereWords } from '@/i18n/zh-CN/elsewhere'

const EXAMS = '/api/patient/elsewhere'
const exam: ExamElsewhere = {
  handle: 'handle-1', exam_date: '2026-01-10', exam_item: '胸部CT平扫', modality: 'CT', institution: '测试二院',
  has_images: true, has_report: true,
}
const answered = (...exams: ExamElsewhere[]): Elsewhere => ({ state: 'answered', exams })
const problem = (code: string) => ({ code, title: code, detail: '' })

type Answer = [status: number, body: unknown] | 'silent'
let answers: Record<string, Answer>
let asked: string[]

const list = async () => {
  const shown = mount(ElsewhereExams)
  await flushPromises()
  return shown
}

function tabs(tab: object | null): ReturnType<typeof vi.fn> {
  const open = vi.fn(() => tab)
  vi.stubGlobal('open', open)
  return open
}

beforeEach(() => {
  setActivePinia(createPinia())
  asked = []
  answers = { [EXAMS]: [200, answered(exam)], [`${EXAMS}/handle-1`]: [200, { url: 'https://other.test/once' }] }
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(path)
    const answer = answers[path] ?? [404, problem('not_found')]
    if (answer === 'silent') return new Promise(() => undefined)
    return Promise.resolve(new Response(answer[1] === null ? null : JSON.stringify(answer[1]), { status: answer[0] }))
  })
})
afterEach(() => vi.unstubAllGlobals())

describe('examinations at other hospitals', () => {
  it.each(['unavailable', 'not_connected', 'no_id_number'] as const)('are said in words to be "%s"', async (state) => {
    answers[EXAMS] = [200, { state, exams: [] }]
    const shown = await list()
    expect(shown.get('[role="status"]').text()).toBe(elsewhereWords.states[state])
    expect(shown.findAll('button')).toHaveLength(state === 'unavailable' ? 1 : 0)
  })

  it('are asked for again after the platform did not answer', async () => {
    answers[EXAMS] = [200, { state: 'unavailable', exams: [] }]
    const shown = await list()
    answers[EXAMS] = [200, answered(exam)]
    await shown.get('button').trigger('click')
    await flushPromises()
    expect(shown.text()).toContain('测试二院')
  })

  it('are not asked for before the patient has read why and agreed', async () => {
    answers[EXAMS] = [403, problem('consent_needed')]
    answers['/api/patient/consents'] = [204, null]
    const shown = await list()
    await shown.get('button').trigger('click')
    expect(useConsents().asking).toBe('elsewhere')
    await useConsents().choose(false)
    await flushPromises()
    expect(asked).toEqual([EXAMS])

    await shown.get('button').trigger('click')
    answers[EXAMS] = [200, answered(exam)]
    await useConsents().choose(true)
    await flushPromises()
    expect(asked).toEqual([EXAMS, '/api/patient/consents', EXAMS])
    expect(shown.text()).toContain('胸部CT平扫')
  })

  it('name their hospital and say that they are from outside', async () => {
    const shown = await list()
    for (const part of ['2026年1月10日', '胸部CT平扫', '测试二院', '外院', '有报告', '有影像']) expect(shown.text()).toContain(part)
  })

  it('without report and images are shown, and cannot be opened', async () => {
    answers[EXAMS] = [200, answered({ ...exam, has_images: false, has_report: false })]
    expect((await list()).get('button').attributes('disabled')).toBeDefined()
  })

  it('open in a tab of their own, at an address asked for at the tap', async () => {
    const tab = { opener: window, location: { replace: vi.fn() }, close: vi.fn() }
    tabs(tab)
    const shown = await list()
    expect(asked).toEqual([EXAMS])
    await shown.get('button').trigger('click')
    await flushPromises()
    expect(tab.location.replace).toHaveBeenCalledWith('https://other.test/once')
    expect(tab.opener).toBeNull()
  })

  it('open by a link where the browser refuses a tab', async () => {
    tabs(null)
    const shown = await list()
    await shown.get('button').trigger('click')
    await flushPromises()
    expect(shown.get('a').attributes()).toMatchObject({ href: 'https://other.test/once', target: '_blank', rel: 'noopener noreferrer' })
  })

  it('close the empty tab and say so when no address comes', async () => {
    const tab = { opener: window, location: { replace: vi.fn() }, close: vi.fn() }
    tabs(tab)
    answers[`${EXAMS}/handle-1`] = [503, problem('elsewhere_silent')]
    const shown = await list()
    await shown.get('button').trigger('click')
    await flushPromises()
    expect(tab.close).toHaveBeenCalled()
    expect(shown.get('[role="alert"]').text()).toContain('elsewhere_silent')
  })
})

describe('the timeline', () => {
  const study = {
    study_instance_uid: '1.2', study_date: '2026-03-02', modalities: ['CT'], exam_item: '腹部CT', description: '', body_part: '',
    institution: '本院', series_count: 1, instance_count: 3, has_report: true, has_preview: true, state: 'ready',
  }
  const timeline = async (holder: 'patient' | 'share') => {
    useStudy().screen = { holder } as unknown as FirstScreen
    answers['/api/patient/studies'] = [200, [study]]
    const shown = mount(TimelineSheet, { props: { current: '1.2', open: true }, attachTo: document.body })
    await flushPromises()
    return shown
  }
  afterEach(() => {
    document.body.innerHTML = ''
  })

  it('shows the own studies while other hospitals have not answered', async () => {
    answers[EXAMS] = 'silent'
    await timeline('patient')
    expect(document.body.textContent).toContain('腹部CT')
    expect(document.body.textContent).toContain(elsewhereWords.asking)
  })

  it('of a share asks no other hospital', async () => {
    await timeline('share')
    expect(document.body.textContent).toContain('腹部CT')
    expect(asked).toEqual(['/api/patient/studies'])
  })
})
