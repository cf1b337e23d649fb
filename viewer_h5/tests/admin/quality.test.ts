import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'

import type { QualityIndicator } from '@/api/admin'
import { partsOf } from '@/apps/admin/pages'
import QualityRow from '@/apps/admin/QualityRow.vue'

function row(about: Partial<QualityIndicator>) {
  const indicator: QualityIndicator = {
    key: 'reported',
    group: '检查报告',
    want: 'more',
    name: '影像报告匹配率',
    definition: '影像有对应的已审核报告。',
    numerator_words: '有已审核报告的检查',
    denominator_words: '期内有影像的全部检查',
    numerator: 3,
    denominator: 4,
    ratio: 0.75,
    share: '75.0%',
    ...about,
  }
  return mount(QualityRow, { props: { indicator, open: null } })
}

describe('an indicator', () => {
  it('without data shows neither bar nor studies', () => {
    const shown = row({ numerator: 0, denominator: 0, ratio: null, share: '暂无数据' })
    expect(shown.get('strong').text()).toBe('暂无数据')
    expect(shown.find('svg').exists()).toBe(false)
    expect(shown.findAll('button')).toHaveLength(0)
    expect(shown.text()).not.toContain('%')
  })

  it('shows its share as bar and in words, and leads to those that are missing first', async () => {
    const shown = row({})
    expect(shown.get('.part').attributes('width')).toBe('75')
    expect(shown.get('.share strong').text()).toBe('75.0%')
    expect(shown.get('.share span').text()).toBe('3 / 4 项')
    expect(shown.findAll('button').map((button) => button.text())).toEqual(['其余 1 项', '计入的 3 项'])
    await shown.get('button').trigger('click')
    expect(shown.emitted('toggle')).toEqual([['missing']])
  })

  it('of what should be rare leads to what is counted first, and to no empty list', () => {
    expect(row({ want: 'fewer' }).get('button').text()).toBe('计入的 3 项')
    expect(row({ numerator: 4 }).findAll('button').map((button) => button.text())).toEqual(['计入的 4 项'])
  })
})

describe('the page', () => {
  it('is for system administrators alone', () => {
    expect(partsOf(['system_administrator']).map((part) => part.name)).toContain('quality')
    expect(partsOf(['security_administrator', 'auditor']).map((part) => part.name)).not.toContain('quality')
  })
})
