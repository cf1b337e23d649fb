import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { Patient } from '@/api/plugin'
import PluginApp from '@/apps/plugin/PluginApp.vue'
import { ASK_AGAIN_MS } from '@/apps/plugin/session'

const exam = { reference: 'a1', item: '胸部CT平扫', on: '2026-01-10', institution: '测试二院', elsewhere: true, held: true }
const patient: Patient = {
  name: '测试患者',
  badge: '外院 1 次检查',
  elsewhere_count: 1,
  elsewhere: 'answered',
  notice: null,
  kinds: [
    { kind: 'imaging', label: '影像', examinations: [exam, { ...exam, reference: 'a2', institution: '测试一院', elsewhere: false }] },
    { kind: 'ecg', label: '心电', examinations: [{ ...exam, reference: 'a3', item: '常规心电图' }] },
  ],
  reminders: [],
}
const prior = { level: '相同项目', institution: '测试二院', item: '胸部CT平扫', on: '2026-01-10' }
const reminder = { item: '胸部CT平扫', level: '相同项目', decided: false, checked_at: '2026-03-02T01:00:00Z', priors: [prior] }
const awake = { name: '林测试', patient_named: true }
const person = { reference: 'p1', name: '张三', sex: 'M', age: 61 }

type Answer = [number, unknown]
let answers: Record<string, Answer | Promise<Answer>>
let asked: { call: string; body: unknown }[]
let page: VueWrapper

beforeEach(() => {
  answers = {
    'POST /api/plugin/session': [200, awake],
    'GET /api/plugin/session': [200, awake],
    'DELETE /api/plugin/session': [204, null],
    'GET /api/plugin/patient': [200, patient],
    'POST /api/plugin/patient': [204, null],
    'GET /api/plugin/reminders': [200, { reminders: [] }],
    'GET /api/plugin/recents': [200, { patients: [{ ...person, seen_at: '2026-03-01T02:00:00Z' }] }],
    'POST /api/plugin/search': [200, { patients: [{ ...person, reference: 'p2', last_exam_on: null }], more: true }],
    'POST /api/plugin/openings': [200, { url: 'https://imaging.example/plugin/open/x' }],
  }
  asked = []
  vi.stubGlobal('fetch', async (path: string, init?: RequestInit) => {
    const call = `${init?.method ?? 'GET'} ${path}`
    asked.push({ call, body: typeof init?.body === 'string' ? JSON.parse(init.body) : null })
    const [status, body] = await (answers[call] ?? [500, {}])
    return new Response(body === null ? null : JSON.stringify(body), { status })
  })
})

afterEach(() => {
  page?.unmount()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
  history.replaceState(null, '', '/plugin')
})

const problem = (status: number, code: string, title: string): Answer => [status, { code, title, detail: '' }]

async function opened(token = '') {
  history.replaceState(null, '', `/plugin${token && '#'}${token}`)
  page = mount(PluginApp, { attachTo: document.body })
  await flushPromises()
  return page
}

const calls = (call: string) => asked.filter((one) => one.call === call)

async function launchedAgain(token: string) {
  history.replaceState(null, '', `/plugin#${token}`)
  window.dispatchEvent(new Event('hashchange'))
  await flushPromises()
}

describe('a launch', () => {
  it('is gone from the address before it is used, and wakes the plugin', async () => {
    answers['POST /api/plugin/session'] = new Promise(() => undefined)
    await opened('once')
    expect(location.hash).toBe('')
    expect(calls('POST /api/plugin/session')[0]?.body).toEqual({ token: 'once' })
    expect(page.text()).toContain('正在启动')
  })

  it('shows whose plugin it is, the patient, the count and every kind', async () => {
    await opened('once')
    const text = page.text()
    for (const said of ['林测试 医生', '测试患者', '外院 1 次检查', '影像 2', '心电 1', '本院']) expect(text).toContain(said)
    expect(document.title).toBe('外院 1 次检查 · 检查助手')
  })

  it('that was used says so in words, with nothing of the patient before', async () => {
    await opened('once')
    answers['POST /api/plugin/session'] = problem(401, 'launch_replayed', '启动地址已经用过')
    await launchedAgain('once')
    expect(page.get('h1').text()).toBe('启动地址已经用过')
    expect(page.text()).toContain('请从 HIS 重新打开')
    expect(page.text()).not.toContain('测试患者')
    expect(document.title).toBe('检查助手')
  })

  it('replaces everything, also what is still being asked', async () => {
    await opened('first')
    await page.get('#tab-people').trigger('click')
    let late: (answer: Answer) => void = () => undefined
    answers['GET /api/plugin/patient'] = new Promise<Answer>((resolve) => (late = resolve))
    await launchedAgain('second')
    answers['GET /api/plugin/patient'] = [200, { ...patient, name: '测试邻居' }]
    await launchedAgain('third')
    late([200, patient])
    await flushPromises()
    expect(page.get('h1').text()).toBe('测试邻居')
  })
})

describe('without a launch', () => {
  it('goes on where the session is', async () => {
    await opened()
    expect(page.text()).toContain('测试患者')
    expect(calls('POST /api/plugin/session')).toEqual([])
  })

  it('says calmly to open it from the HIS', async () => {
    answers['GET /api/plugin/session'] = problem(401, 'launch_needed', '请从 HIS 打开')
    await opened()
    expect(page.text()).toContain('请从 HIS 重新打开患者')
  })
})

describe('the session', () => {
  it('that ended meanwhile takes everything off the screen', async () => {
    await opened('once')
    answers['GET /api/plugin/recents'] = problem(401, 'launch_needed', '请从 HIS 打开')
    await page.get('#tab-people').trigger('click')
    await flushPromises()
    expect(page.text()).toContain('插件没有在使用')
    expect(page.text()).not.toContain('林测试')
  })

  it('ends here when the doctor leaves, even if the service does not hear it', async () => {
    await opened('once')
    answers['DELETE /api/plugin/session'] = [500, {}]
    await page.findAll('header button')[1]?.trigger('click')
    await flushPromises()
    expect(page.get('h1').text()).toBe('已经退出')
    expect(page.text()).not.toContain('测试患者')
  })
})

describe('the patient', () => {
  it.each([
    ['plugin_no_patient', '没有选定患者'],
    ['plugin_patient_unknown', '患者未在影像系统登记'],
  ])('who is none is said without alarm: %s', async (code, title) => {
    answers['GET /api/plugin/patient'] = problem(404, code, title)
    await opened('once')
    expect(page.get('#tab-panel').text()).toContain(title)
    expect(page.find('[role=alert]').exists()).toBe(false)
  })

  it('whose list is not complete says so beside the count', async () => {
    answers['GET /api/plugin/patient'] = [200, { ...patient, badge: '外院 0 次检查（未查全）', elsewhere: 'failed', notice: '区域平台暂时无法访问', kinds: [] }]
    await opened('once')
    for (const said of ['外院 0 次检查（未查全）', '区域平台暂时无法访问', '没有查到', '再查一次']) expect(page.text()).toContain(said)
  })

  it('of a platform that was late is asked for again by itself, twice, then by hand', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    answers['GET /api/plugin/patient'] = [200, { ...patient, badge: '外院 0 次检查（未查全）', elsewhere: 'late' }]
    await opened('once')
    expect(page.text()).toContain('正在再问一次')
    for (const after of ASK_AGAIN_MS) {
      vi.advanceTimersByTime(after)
      await flushPromises()
    }
    expect(calls('GET /api/plugin/patient')).toHaveLength(3)
    expect(vi.getTimerCount()).toBe(0)
    answers['GET /api/plugin/patient'] = [200, patient]
    await page.findAll('button').find((button) => button.text() === '再查一次')?.trigger('click')
    await flushPromises()
    expect(page.text()).toContain('外院 1 次检查')
    expect(page.text()).not.toContain('再查一次')
  })

  it('has reminders only when there are some, with what they repeat', async () => {
    await opened('once')
    expect(page.find('[data-part=reminders]').exists()).toBe(false)
    answers['GET /api/plugin/patient'] = [200, { ...patient, reminders: [reminder, { ...reminder, decided: true }] }]
    await launchedAgain('next')
    const text = page.get('[data-part=reminders]').text()
    expect(document.title).toBe('外院 1 次检查 · 1 条重复检查提醒 · 检查助手')
    for (const said of ['相同项目：2026-01-10 测试二院 胸部CT平扫', '待处理', '已处理']) expect(text).toContain(said)
  })

  it('with tags in another system’s words shows them as words', async () => {
    const evil = { ...exam, item: '<img src=x onerror=alert(1)>' }
    answers['GET /api/plugin/patient'] = [200, { ...patient, kinds: [{ kind: 'imaging', label: '影像', examinations: [evil] }] }]
    await opened('once')
    expect(page.find('img').exists()).toBe(false)
    expect(page.text()).toContain('<img src=x')
  })
})

describe('an examination', () => {
  const row = (number: number) => page.findAll('li .row')[number]

  function tab() {
    const made = { opener: window, document: { title: '' }, close: vi.fn(), location: { replace: vi.fn() } }
    vi.spyOn(window, 'open').mockReturnValue(made as unknown as Window)
    return made
  }

  it('opens in a tab made by the click, which cannot reach back', async () => {
    await opened('once')
    const made = tab()
    await row(0)?.trigger('click')
    expect(window.open).toHaveBeenCalledOnce()
    await flushPromises()
    expect(calls('POST /api/plugin/openings')[0]?.body).toEqual({ reference: 'a1' })
    expect(made.location.replace).toHaveBeenCalledWith('https://imaging.example/plugin/open/x')
    expect(made.opener).toBeNull()
  })

  it('that does not open says why beside itself, and the tab is gone', async () => {
    await opened('once')
    const made = tab()
    answers['POST /api/plugin/openings'] = problem(503, 'elsewhere_silent', '其他医院暂时无法访问')
    await row(0)?.trigger('click')
    await flushPromises()
    expect(made.close).toHaveBeenCalledOnce()
    expect(page.findAll('.kind li')[0]?.get('[role=alert]').text()).toContain('其他医院暂时无法访问')
    expect(page.findAll('.kind li')[1]?.find('[role=alert]').exists()).toBe(false)
  })

  it('whose tab the browser kept back is offered as a link', async () => {
    await opened('once')
    vi.spyOn(window, 'open').mockReturnValue(null)
    await row(0)?.trigger('click')
    await flushPromises()
    expect(page.get('li a').attributes('href')).toBe('https://imaging.example/plugin/open/x')
  })

  it('says to a screen reader what opens', async () => {
    await opened('once')
    expect(row(0)?.attributes('aria-label')).toBe('打开 2026-01-10 测试二院 的 胸部CT平扫，新窗口')
  })

  it('is reached by arrow keys', async () => {
    await opened('once')
    const first = row(0)?.element as HTMLElement
    first.focus()
    await row(0)?.trigger('keydown', { key: 'ArrowDown' })
    expect(document.activeElement).toBe(row(1)?.element)
    await row(1)?.trigger('keydown', { key: 'Home' })
    expect(document.activeElement).toBe(first)
  })
})

describe('two examinations', () => {
  const begin = () => page.findAll('.kind button').find((button) => button.text() === '选两次对比')

  it('side by side are offered only where two of them are held here', async () => {
    answers['GET /api/plugin/patient'] = [200, { ...patient, kinds: [{ kind: 'imaging', label: '影像', examinations: [exam, { ...exam, reference: 'a2', held: false }] }] }]
    await opened('once')
    expect(begin()).toBeUndefined()
  })

  it('exactly two of them, open in a tab', async () => {
    answers['POST /api/plugin/comparisons'] = problem(404, 'not_found', '没有找到')
    const third = { ...exam, reference: 'a4' }
    const kinds = [{ kind: 'imaging', label: '影像', examinations: [exam, { ...exam, reference: 'a2' }, third] }]
    answers['GET /api/plugin/patient'] = [200, { ...patient, kinds }]
    await opened('once')
    vi.spyOn(window, 'open').mockReturnValue(null)
    await begin()?.trigger('click')
    const boxes = page.findAll('input[type=checkbox]')
    const go = page.get('fieldset button')
    await boxes[0]?.setValue(true)
    expect(go.attributes('disabled')).toBeDefined()
    await boxes[2]?.setValue(true)
    expect(boxes[1]?.attributes('disabled')).toBeDefined()
    await go.trigger('click')
    await flushPromises()
    expect(calls('POST /api/plugin/comparisons')[0]?.body).toEqual({ references: ['a1', 'a4'] })
    expect(page.get('.kind [role=alert]').text()).toContain('没有找到')
  })
})

describe('finding a patient', () => {
  async function people() {
    await opened('once')
    await page.get('#tab-people').trigger('click')
    await flushPromises()
  }

  it('begins with the recent ones, and choosing one switches', async () => {
    await people()
    expect(page.get('[data-part=recents]').text()).toContain('张三')
    answers['GET /api/plugin/patient'] = [200, { ...patient, name: '张三' }]
    await page.get('[data-part=recents] button').trigger('click')
    await flushPromises()
    expect(calls('POST /api/plugin/patient')[0]?.body).toEqual({ reference: 'p1' })
    expect(page.get('h1').text()).toBe('张三')
  })

  it('asks once after the typing, in the body and not in the address', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await people()
    const field = page.get('input')
    await field.setValue('z')
    await field.setValue('zs')
    vi.runAllTimers()
    await flushPromises()
    expect(calls('POST /api/plugin/search').map(({ body }) => body)).toEqual([{ text: 'zs' }])
    for (const said of ['张三', '男 61 岁', '没有检查', '还有更多']) expect(page.get('[data-part=found]').text()).toContain(said)
  })

  it('shows nothing found for what is no longer in the field', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await people()
    let late: (answer: Answer) => void = () => undefined
    answers['POST /api/plugin/search'] = new Promise<Answer>((resolve) => (late = resolve))
    await page.get('input').setValue('li')
    vi.runAllTimers()
    await page.get('input').setValue('wang')
    late([200, { patients: [{ ...person, name: '李四' }], more: false }])
    await flushPromises()
    expect(page.text()).not.toContain('李四')
  })

  it('that was refused shows no patient at all', async () => {
    await people()
    answers['POST /api/plugin/patient'] = problem(404, 'not_found', '没有找到')
    await page.get('[data-part=recents] button').trigger('click')
    await flushPromises()
    expect(page.get('#tab-panel').text()).toContain('没有找到')
    expect(page.text()).not.toContain('测试患者')
  })
})

describe('today’s reminders', () => {
  it('are counted at their tab while they wait, and lead to their patient', async () => {
    const of = (decided: boolean) => ({ ...reminder, patient: 'p7', name: '李四', decided })
    answers['GET /api/plugin/reminders'] = [200, { reminders: [of(false), of(true)] }]
    await opened('once')
    expect(page.get('#tab-reminders .chip').attributes('aria-label')).toBe('1 条待处理')
    await page.get('#tab-patient').trigger('keydown', { key: 'ArrowLeft' })
    await flushPromises()
    expect(document.activeElement?.id).toBe('tab-reminders')
    await page.get('h2 button').trigger('click')
    await flushPromises()
    expect(calls('POST /api/plugin/patient')[0]?.body).toEqual({ reference: 'p7' })
  })

  it('of somebody who is not registered lead nowhere', async () => {
    answers['GET /api/plugin/reminders'] = [200, { reminders: [{ ...reminder, patient: null, name: null }] }]
    await opened('once')
    await page.get('#tab-reminders').trigger('click')
    await flushPromises()
    expect(page.get('h2').text()).toBe('未登记的患者')
    expect(page.find('h2 button').exists()).toBe(false)
  })

  it('that could not be had are no empty list', async () => {
    answers['GET /api/plugin/reminders'] = [500, {}]
    await opened('once')
    await page.get('#tab-reminders').trigger('click')
    await flushPromises()
    expect(page.text()).toContain('暂时无法完成')
    expect(page.text()).not.toContain('今天没有')
  })
})
