import { describe, expect, it } from 'vitest'

import type { ExplainedSentence, Finding, Interpretation } from '@/api/types'
import { groupExplanation, saysAllNormal } from '@/apps/patient/explain/groups'

const finding = (status: Finding['status']): Finding => ({
  text: '', section: 'findings', start: 0, end: 1, status, side: 'none', level: null, measurements: [], uncertain: false,
})
const sentence = (text: string, index: number | null): ExplainedSentence => ({ text, source_spans: [], citations: [], finding_index: index })

function interpretation(findings: Finding[], explanation: ExplainedSentence[] = [], critical = false): Interpretation {
  return {
    report_id: 'r', report_version: 1, findings_text: '', impression_text: '', from_paper: false, ai_label: '', knowledge_version: '',
    critical, critical_reasons: [], urgency: 4, terms: [], findings, explanation,
  }
}

describe('the order of an explanation', () => {
  it('puts every sentence in exactly one group, by its finding', () => {
    const findings = [finding('normal'), finding('abnormal'), finding('uncertain')]
    const groups = groupExplanation(interpretation(findings, [sentence('n', 0), sentence('a', 1), sentence('u', 2), sentence('g', null)]))
    expect(Object.entries(groups).map(([name, items]) => [name, items.map((item: { sentence: ExplainedSentence }) => item.sentence.text)])).toEqual([
      ['general', ['g']], ['abnormal', ['a']], ['uncertain', ['u']], ['normal', ['n']],
    ])
  })

  it('loses no sentence whose finding is not there', () => {
    expect(groupExplanation(interpretation([], [sentence('x', 7)])).general).toHaveLength(1)
  })
})

describe('saying that all is normal', () => {
  it('is said when every finding is', () => {
    expect(saysAllNormal(interpretation([finding('normal'), finding('normal')]))).toBe(true)
  })

  it.each([
    ['one finding is not', interpretation([finding('normal'), finding('abnormal')])],
    ['one can not be judged', interpretation([finding('uncertain')])],
    ['nothing was found in the text', interpretation([])],
    ['the report is critical', interpretation([finding('normal')], [], true)],
  ])('is not said when %s', (_why, given) => {
    expect(saysAllNormal(given)).toBe(false)
  })
})
