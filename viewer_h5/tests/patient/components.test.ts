import { mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { nextTick } from 'vue'

import type { Interpretation, Term } from '@/api/types'
import Composer from '@/apps/patient/chat/Composer.vue'
import UrgencyBanner from '@/apps/patient/explain/UrgencyBanner.vue'
import MarkedText from '@/apps/patient/study/MarkedText.vue'
import { useElder } from '@/ui/elder'

const term: Term = { text: '结节', section: 'findings', start: 2, end: 4, entry_id: 'e1', negated: false }

describe('a marked term', () => {
  it('opens by finger and by keyboard, and is announced as something that opens', async () => {
    const text = mount(MarkedText, { props: { text: '右肺结节，边界清', terms: [term] } })
    const mark = text.get('[role="button"]')
    await mark.trigger('click')
    await mark.trigger('keydown', { key: 'Enter' })
    await mark.trigger('keydown', { key: ' ' })
    expect(text.emitted('term')).toEqual([[term], [term], [term]])
    expect(mark.attributes()).toMatchObject({ tabindex: '0', 'aria-haspopup': 'dialog' })
  })

  it('adds no white space to the report', () => {
    expect(mount(MarkedText, { props: { text: '右肺结节，边界清', terms: [term] } }).text()).toBe('右肺结节，边界清')
  })
})

describe('two marked terms', () => {
  const second: Term = { text: '边界', section: 'findings', start: 4, end: 6, entry_id: 'e2', negated: false }
  const apart = (text: string, terms: Term[]) =>
    mount(MarkedText, { props: { text, terms } }).findAll('.term').map((mark) => mark.classes('adjoining'))

  it('are drawn apart where they adjoin', () => {
    expect(apart('右肺结节边界清', [term, second])).toEqual([false, true])
  })

  it('are as they are where something stands between them', () => {
    expect(apart('右肺结节，边界清', [term, { ...second, start: 5, end: 7 }])).toEqual([false, false])
  })
})

describe('the composer', () => {
  const composer = (draft: string, busy = false) => mount(Composer, { props: { modelValue: draft, busy } })

  it('sends the question without its outer gaps', async () => {
    const form = composer('  要紧吗？ ')
    await form.get('form').trigger('submit')
    expect(form.emitted('send')).toEqual([['要紧吗？']])
  })

  it.each([['', false], ['   ', false], ['长'.repeat(1001), false], ['问', true]])('does not send %#', async (draft, busy) => {
    const form = composer(draft, busy)
    await form.get('form').trigger('submit')
    expect(form.emitted('send')).toBeUndefined()
  })

  it('counts rare characters as one, as the service does', async () => {
    const form = composer('𠮷'.repeat(1000))
    await form.get('form').trigger('submit')
    expect(form.emitted('send')).toHaveLength(1)
    expect(form.text()).toContain('1000 / 1000')
  })

  it('does not send while an input method is choosing characters', async () => {
    const form = composer('yao jin ma')
    await form.get('textarea').trigger('keydown', { key: 'Enter', isComposing: true })
    expect(form.emitted('send')).toBeUndefined()
  })
})

describe('the urgency of a report', () => {
  const given = (over: Partial<Interpretation>): Interpretation => ({
    report_id: 'r', report_version: 1, findings_text: '', impression_text: '', from_paper: false, ai_label: '', knowledge_version: '',
    critical: false, critical_reasons: [], urgency: 4, terms: [], findings: [], explanation: [], ...over,
  })
  const banner = (over: Partial<Interpretation>, allNormal = false) =>
    mount(UrgencyBanner, { props: { interpretation: given(over), allNormal, hospitalPhone: '0550-1' } })

  it('alarms with its reasons and telephones when critical', () => {
    const alarm = banner({ critical: true, critical_reasons: ['张力性气胸'], urgency: 1 })
    expect(alarm.get('[role="alert"]').text()).toContain('张力性气胸')
    expect(alarm.findAll('a').map((link) => link.attributes('href'))).toEqual(['tel:120', 'tel:0550-1'])
  })

  it('says that normal is normal, without an alarm', () => {
    const calm = banner({}, true)
    expect(calm.text()).toContain('未见异常')
    expect(calm.find('[role="alert"]').exists()).toBe(false)
  })
})

describe('large text', () => {
  beforeEach(() => {
    setActivePinia(createPinia())
    localStorage.clear()
  })

  it('is kept on this phone', async () => {
    useElder().on = true
    await nextTick()
    expect(document.documentElement.hasAttribute('data-elder')).toBe(true)
    setActivePinia(createPinia())
    expect(useElder().on).toBe(true)
  })
})
