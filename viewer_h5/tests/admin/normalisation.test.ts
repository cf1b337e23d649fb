import { flushPromises, mount, RouterLinkStub, type VueWrapper } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'

import type { NormalisedStudy, Overview } from '@/api/normalisation'
import DeviceRuleSheet from '@/apps/admin/DeviceRuleSheet.vue'
import NormalisationPage from '@/apps/admin/NormalisationPage.vue'
import NormalisedStudyPage from '@/apps/admin/NormalisedStudyPage.vue'
import { partsOf } from '@/apps/admin/pages'
import { ruleInWords } from '@/i18n/zh-CN/normalisation'

const KEY = 'a'.repeat(32)
const RULE = {
  rule_key: KEY,
  current: {
    version: 2,
    name: 'DR-2 只写胸部',
    active: true,
    created_at: '2026-03-02T01:00:00Z',
    created_by: '习系统',
    rule: {
      matcher: { station_name: 'DR-2', ae_title: '', manufacturer: '', model_name: '', serial_number: '' },
      when_modality: '',
      when_body_part: 'CHEST',
      modality: '',
      body_part_from: 'description' as const,
      body_part: '',
    },
  },
  earlier: [],
}

function overview(about: Partial<Overview> = {}): Overview {
  return {
    studies: 10,
    waiting: 0,
    findings: [
      { code: 'charset_wrong', severity: 'info', findings: 9, studies: 9 },
      { code: 'needed_empty', severity: 'error', findings: 1, studies: 1 },
    ],
    charsets: [{ declared: 'ISO_IR 100', rule: 'gb18030', series: 9 }],
    devices: [
      {
        device_key: 'b'.repeat(32),
        station_name: 'DR-2',
        manufacturer: 'ACME',
        model_name: 'Plate',
        serial_number: '77',
        first_seen_at: '2026-01-01T01:00:00Z',
        last_seen_at: '2026-03-02T01:00:00Z',
        series: 4,
        with_findings: 3,
      },
    ],
    rules: [RULE],
    modalities: ['CT', 'DR'],
    body_parts: ['胸部', '腰椎'],
    ...about,
  }
}

const TRIAL = {
  matching: 4,
  looked_at: 4,
  changing: 1,
  examples: [
    { study_instance_uid: '1.2', series_instance_uid: '1.3', modality_before: 'CR', modality_after: 'CR', body_part_before: '胸部', body_part_after: '腰椎' },
  ],
}

/** A service that answers by the end of the address. */
function serve(answers: Record<string, unknown>) {
  const asked: { method: string; url: string; body: unknown }[] = []
  vi.stubGlobal(
    'fetch',
    vi.fn((url: string, init: RequestInit = {}) => {
      asked.push({ method: init.method ?? 'GET', url, body: typeof init.body === 'string' ? JSON.parse(init.body) : null })
      const fitting = Object.keys(answers).find((end) => url.endsWith(end))
      return Promise.resolve(fitting ? Response.json(answers[fitting]) : new Response('', { status: 404 }))
    }),
  )
  return asked
}

async function press(shown: VueWrapper, label: string): Promise<void> {
  await shown.findAll('button').find((button) => button.text() === label)?.trigger('click')
}

const plain = { global: { stubs: { RouterLink: RouterLinkStub } } }

afterEach(() => vi.unstubAllGlobals())

describe('the page of normalising', () => {
  it('shows errors before what was mended, and how texts were read', async () => {
    serve({ '/normalisation': overview() })
    const shown = mount(NormalisationPage, plain)
    await flushPromises()
    const kinds = shown.findAll('[aria-label="发现的问题"] li').map((row) => row.text())
    expect(kinds[0]).toContain('医院需要的项目是空的')
    expect(kinds[1]).toContain('声明的字符集不对')
    expect(shown.get('[aria-label="文字按什么字符集读"]').text()).toContain('声明的读不通，按 GB18030 读')
    expect(shown.text()).toContain('3（75%）')
  })

  it('says how much is still to be done while a rule is applied', async () => {
    serve({ '/normalisation': overview({ waiting: 4 }) })
    const shown = mount(NormalisationPage, plain)
    await flushPromises()
    expect(shown.text()).toContain('正在重新规整：共 10 次检查，还剩 4 次')
    expect(shown.get('progress').attributes('value')).toBe('6')
    shown.unmount()
  })

  it('is for system administrators alone', () => {
    expect(partsOf(['system_administrator']).map((part) => part.name)).toContain('normalisation')
    expect(partsOf(['security_administrator', 'auditor']).map((part) => part.name)).not.toContain('normalisation')
  })
})

describe('the sheet of a rule', () => {
  function sheet(answers: Record<string, unknown>) {
    const asked = serve(answers)
    const { current } = RULE
    const props = { kept: RULE, draft: current.rule, name: current.name, modalities: ['CT', 'DR'], bodyParts: ['腰椎'] }
    return { asked, shown: mount(DeviceRuleSheet, { props, global: { stubs: { teleport: true, transition: true } } }) }
  }

  it('tries before it saves, and forgets the trial when the rule changes', async () => {
    const { shown, asked } = sheet({ '/rules/try': TRIAL })
    await flushPromises()
    await press(shown, '先试一试')
    await flushPromises()
    expect(asked[0]).toMatchObject({ method: 'POST', body: { rule_key: KEY, rule: { when_body_part: 'CHEST' } } })
    expect(shown.text()).toContain('这些设备有 4 个序列，会改变 1 个。')
    expect(shown.text()).toContain('胸部 → 腰椎')
    await shown.get('select').setValue('DR')
    expect(shown.text()).not.toContain('会改变')
  })

  it('saves over the version that was seen', async () => {
    const { shown, asked } = sheet({ [`/rules/${KEY}`]: { rule: RULE, studies: 2 } })
    await flushPromises()
    await press(shown, '保存规则')
    await flushPromises()
    expect(asked[0]).toMatchObject({ method: 'PUT', body: { seen: 2, active: true, name: 'DR-2 只写胸部' } })
    expect(shown.emitted('saved')).toHaveLength(1)
  })
})

describe('one study', () => {
  it('shows what was received, what it became and the rule, a device rule by its name', async () => {
    const value = { field: 'body_part', raw: 'CHEST', value: '腰椎', rule: `device:${KEY}`, version: 2 }
    const study: NormalisedStudy = {
      study_instance_uid: '1.2',
      normalised_at: '2026-03-02T01:00:00Z',
      waiting: false,
      modalities: ['CT'],
      body_parts: ['腰椎'],
      values: [{ field: 'patient_name', raw: '²âÊÔ', value: '测试', rule: 'charset.gb18030', version: 1 }],
      series: [{ series_instance_uid: '1.3', device_key: '', ae_title: '', charset_declared: 'ISO_IR 100', charset_rule: 'gb18030', values: [value] }],
      findings: [],
    }
    serve({ '/studies/1.2': study, '/normalisation': overview() })
    const shown = mount(NormalisedStudyPage, { props: { study: '1.2' }, ...plain })
    await flushPromises()
    const rows = shown.findAll('tbody tr').map((row) => row.text())
    expect(rows[0]).toContain('声明的读不通，按 GB18030 读')
    expect(rows[1]).toContain('设备规则：DR-2 只写胸部')
  })

  it('keeps a rule it has no words for as it is', () => {
    expect(ruleInWords('age.new', String)).toBe('age.new')
  })
})
