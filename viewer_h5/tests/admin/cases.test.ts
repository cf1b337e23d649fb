import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'

import type { CaseDetail, WaitingCase } from '@/api/worklist'
import CaseHistory from '@/apps/admin/CaseHistory.vue'
import CaseSheet from '@/apps/admin/CaseSheet.vue'

const ITEM: WaitingCase = {
  kind: 'unmatched_study',
  reason: '没有自动归档',
  since: '2026-03-01T01:00:00Z',
  subject: '1.2.3',
  state: 'another_person',
  severity: 'high',
  remedies: ['assign', 'new_patient', 'ignore'],
  patient_id: 'TEST0001',
  accession_number: 'ACC1',
  modalities: ['CT'],
  study_date: '2026-03-01',
  count: 3,
}
const DETAIL: CaseDetail = {
  case: ITEM,
  person: { patient_id: 'TEST0001', name: '测试^乙某', sex: 'F', birth_date: '1980-01-01' },
  report: null,
  patients: [
    {
      patient_id: 'TEST0002', name: '测试患者', sex: 'F', birth_date: '1980-01-01', same_number: false, name_likeness: 'different',
      sex_likeness: 'same', birth_date_likeness: 'same', identity_likeness: 'unknown', verdict: 'new', expects: false, studies: 2,
    },
  ],
  studies: [],
  revisions: [],
}

/** Answers by the end of the address; what was posted is kept. */
function service(answers: Record<string, () => Response>): { url: string; body: unknown }[] {
  const posted: { url: string; body: unknown }[] = []
  vi.stubGlobal('fetch', (url: string, init: RequestInit = {}) => {
    if (typeof init.body === 'string') posted.push({ url, body: JSON.parse(init.body) })
    const found = Object.entries(answers).find(([part]) => url.includes(part))
    return Promise.resolve(found?.[1]() ?? Response.json({}))
  })
  return posted
}

function element<Kind extends HTMLElement = HTMLElement>(selector: string): Kind {
  const found = document.querySelector<Kind>(selector)
  if (!found) throw new Error(`there is no ${selector}`)
  return found
}

afterEach(() => {
  vi.unstubAllGlobals()
  document.body.innerHTML = ''
})

describe('deciding an item', () => {
  it('marks what differs in words, and sends what was shown, chosen and why', async () => {
    const posted = service({ '/item': () => Response.json(DETAIL), '/decide': () => Response.json({ decision: 7 }) })
    const sheet = mount(CaseSheet, { props: { item: ITEM }, attachTo: document.body })
    await flushPromises()
    const differing = [...document.querySelectorAll('.differs')].map((cell) => cell.textContent)
    expect(differing.join()).toContain('测试患者')
    expect(differing.join()).toContain('不同')
    const button = element<HTMLButtonElement>('button[form=case-form]')
    expect(button.disabled).toBe(true)
    element('input[name=candidate]').click()
    const why = element<HTMLTextAreaElement>('textarea')
    why.value = '核对过申请单'
    why.dispatchEvent(new Event('input'))
    await flushPromises()
    expect(button.disabled).toBe(false)
    element<HTMLFormElement>('#case-form').requestSubmit()
    await flushPromises()
    expect(posted[0]?.body).toEqual({
      kind: 'unmatched_study', subject: '1.2.3', state: 'another_person', remedy: 'assign', reason: '核对过申请单', patient_id: 'TEST0002',
    })
    expect(sheet.emitted('decided')).toHaveLength(1)
    sheet.unmount()
  })
})

describe('the history', () => {
  it('names the decisions that must be undone first', async () => {
    const one = {
      decision: 3, kind: 'patients', subject: '1', remedy: 'merge', reason: '同一人', who: '习系统', at: '2026-03-01T01:00:00Z',
      undone_at: null, undone_by: null, undone_reason: null, can_be_undone: true, patients: ['TEST0001', 'TEST0002'],
    }
    const refused = { type: 'about:blank', title: '请先撤销之后的决定', status: 409, code: 'decided_later', later: [5] }
    const headers = { 'Content-Type': 'application/problem+json' }
    service({
      '/undo': () => new Response(JSON.stringify(refused), { status: 409, headers }),
      '/decisions': () => Response.json({ decisions: [one] }),
    })
    const page = mount(CaseHistory, { attachTo: document.body })
    await flushPromises()
    expect(page.text()).toContain('TEST0001 → TEST0002')
    await page.get('[aria-label="撤销第 3 号决定"]').trigger('click')
    await flushPromises()
    const why = element<HTMLTextAreaElement>('textarea')
    why.value = '看错了'
    why.dispatchEvent(new Event('input'))
    await flushPromises()
    element('.button.danger').click()
    await flushPromises()
    expect(document.body.textContent).toContain('请先撤销：第 5 号')
    page.unmount()
  })
})
