import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { LaboratoryReport, Measured } from '@/api/laboratory'
import LaboratoryApp from '@/apps/laboratory/LaboratoryApp.vue'
import { placed, plainNumber, trendOf } from '@/apps/laboratory/trend'

const day = (number: number) => `2026-01-${String(number).padStart(2, '0')}T01:00:00Z`
const measured = (value: string, on = 20, unit = 'U/L'): Measured => ({ value, unit, observed_at: day(on) })

/** Every text of up to three signs of those that laboratories write around numbers. */
function* texts(most = 3): Generator<string> {
  const signs = [...'01.-+<>e, 阳%']
  let last = ['']
  for (let length = 1; length <= most; length++) {
    last = last.flatMap((text) => signs.map((sign) => text + sign))
    yield* last
  }
}

describe('what a trend line joins', () => {
  it('never has a point for a text that says more or else than a number', () => {
    const now = measured('7')
    let drawn = 0
    for (const text of texts()) {
      const plain = /^[-+]?[01]+$|^[-+]?[01]+\.[01]+$/.test(text.trim())
      const points = trendOf(now, [measured(text, 1)])
      if (plain) drawn++
      expect(points.length, text).toBe(plain ? 2 : 0)
      if (plain) expect(points[0]?.value, text).toBe(Number(text))
      expect(trendOf(measured(text), [measured('7', 1)]).length, text).toBe(plain ? 2 : 0)
    }
    expect(drawn).toBeGreaterThan(50)
  })

  it.each(['', ' ', 'NaN', 'Infinity', '0x1F', '1e3', '5.', '.5', '１２', '1,200', '3-5', '9'.repeat(400)])('knows no number in %j', (text) => {
    expect(plainNumber(text)).toBeNull()
  })

  it('never has two units, whatever the numbers', () => {
    const units = ['U/L', 'u/l', 'mmol/L', '', '%']
    for (const unit of units) {
      const earlier = units.map((other, index) => measured(String(100 + index), index + 1, other))
      const points = trendOf(measured('1', 20, unit), earlier)
      expect(points.map((point) => point.value)).toEqual([100 + units.indexOf(unit), 1])
    }
  })

  it('is nothing with one point, and goes by time', () => {
    expect(trendOf(measured('1'), [])).toEqual([])
    expect(trendOf(measured('1'), [measured('2', 3), measured('3', 2), measured('阴性', 4)]).map((point) => point.value)).toEqual([3, 2, 1])
  })

  it('stays in its box, also for equal values and for the largest', () => {
    for (const values of [['1', '1'], ['-3', '8'], [`-${'9'.repeat(308)}`, '9'.repeat(308)]] as const) {
      for (const { x, y } of placed(trendOf(measured(values[1]), [measured(values[0], 1)]), 100, 30)) {
        expect(x >= 0 && x <= 100 && y >= 0 && y <= 30, values[0]).toBe(true)
      }
    }
  })
})

const report: LaboratoryReport = {
  reference: 'a1',
  title: '血常规',
  report_number: 'L2',
  observed_at: day(20),
  institution: '测试医院',
  name: '测试患者',
  sex: 'M',
  age: 61,
  lines: [
    {
      item: '白细胞计数',
      value: '11.20',
      unit: '10^9/L',
      reference_range: '3.5-9.5',
      flag: 'H',
      flag_words: '偏高',
      marked: true,
      earlier: [
        { observed_at: day(10), value: '<0.50', unit: '10^9/L', flag: 'L' },
        { observed_at: day(5), value: '6.10', unit: '10^9/L', flag: '' },
      ],
    },
    { item: 'C反应蛋白', value: '>200', unit: 'mg/L', reference_range: '', flag: '', flag_words: '', marked: false, earlier: [{ ...measured('8.0', 5, 'mg/L'), flag: '' }] },
  ],
  reports: [
    { reference: 'a1', title: '血常规', observed_at: day(20), institution: '测试医院' },
    { reference: 'a2', title: '肝功能', observed_at: day(5), institution: '测试二院' },
  ],
}

let page: VueWrapper | undefined
let answers: Record<string, [number, unknown]>

beforeEach(() => {
  answers = { a1: [200, report], a2: [200, { ...report, reference: 'a2', title: '肝功能', lines: [] }] }
  vi.stubGlobal('fetch', async (path: string) => {
    const [status, body] = answers[path.replace('/api/laboratory/reports/', '')] ?? [500, {}]
    return new Response(JSON.stringify(body), { status })
  })
})

afterEach(() => {
  page?.unmount()
  page = undefined
  vi.unstubAllGlobals()
  history.replaceState(null, '', '/laboratory')
})

async function opened(reference: string) {
  history.replaceState(null, '', `/laboratory#${reference}`)
  const shown = (page = mount(LaboratoryApp, { attachTo: document.body }))
  await flushPromises()
  return shown
}

describe('the page of a report', () => {
  it('says that the view is over, and shows no table', async () => {
    answers.a1 = [401, { code: 'laboratory_ended', title: '检验报告已关闭', detail: '请在插件里重新点开。' }]
    const page = await opened('a1')
    expect(page.get('[role=alert]').text()).toContain('检验报告已关闭')
    expect(page.find('table').exists()).toBe(false)
  })

  it('asks for nothing without a reference', async () => {
    const page = await opened('')
    expect(page.text()).toContain('没有选定报告')
  })

  it('is a table with names for its columns and rows, everything as written, the mark in words too', async () => {
    const page = await opened('a1')
    expect(page.get('caption').text()).toBe('血常规，测试医院')
    expect(page.findAll('thead th[scope=col]')).toHaveLength(5)
    const [first] = page.findAll('tbody tr')
    expect(first?.findAll('th, td').map((cell) => cell.text())).toEqual(['白细胞计数', '11.20', '10^9/L', '3.5-9.5', 'H 偏高'])
  })

  it('draws what may be drawn and says all of it with its day', async () => {
    const page = await opened('a1')
    const [counted, above] = page.findAll('.before')
    expect(counted?.findAll('circle')).toHaveLength(2)
    expect(counted?.findAll('.trend span').map((end) => end.text())).toEqual(['2026年1月5日', '2026年1月20日'])
    expect(counted?.findAll('li').map((item) => item.text())).toEqual(['2026年1月10日 <0.50 10^9/L L', '2026年1月5日 6.10 10^9/L'])
    expect(above?.find('svg').exists()).toBe(false)
    expect(above?.text()).toContain('2026年1月5日 8.0 mg/L')
  })

  it('leads to the other reports, and forgets the one before at once', async () => {
    const page = await opened('a1')
    expect(page.get('nav a[aria-current=page]').text()).toContain('血常规')
    location.hash = '#a2'
    window.dispatchEvent(new Event('hashchange'))
    await flushPromises()
    expect(page.get('h1').text()).toBe('肝功能')
    expect(page.text()).not.toContain('11.20')
    expect(document.activeElement).toBe(page.get('h1').element)
  })
})
