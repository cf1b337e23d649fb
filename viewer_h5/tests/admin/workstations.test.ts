import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'

import type { Workstation } from '@/api/workstations'
import { partsOf } from '@/apps/admin/pages'
import WorkstationsPage from '@/apps/admin/WorkstationsPage.vue'

function desk(about: Partial<Workstation> = {}): Workstation {
  return {
    workstation: 'a'.repeat(32),
    label: '门诊3诊室',
    version: '0.1.0',
    outdated: false,
    os: 'Windows 11',
    online: true,
    first_seen_at: '2026-03-01T01:00:00Z',
    last_seen_at: '2026-03-02T01:00:00Z',
    wakes: 4,
    last_woken_at: '2026-03-02T00:50:00Z',
    history_reminders: true,
    duplicate_reminders: true,
    switched_at: null,
    switched_by: null,
    ...about,
  }
}

/** The page over a service with these desks; `answer` is what a switch gets. */
async function page(desks: Workstation[], answer: () => Response = () => Response.json(desks[0])) {
  const asked: { method: string; url: string; body: unknown }[] = []
  vi.stubGlobal(
    'fetch',
    vi.fn((url: string, init: RequestInit = {}) => {
      asked.push({ method: init.method ?? 'GET', url, body: typeof init.body === 'string' ? JSON.parse(init.body) : null })
      const list = { total: desks.length, fitting: desks.length, newest_version: '0.2.0', workstations: desks }
      return Promise.resolve(init.method === 'PUT' ? answer() : Response.json(list))
    }),
  )
  const shown = mount(WorkstationsPage)
  await flushPromises()
  return { shown, asked }
}

afterEach(() => vi.unstubAllGlobals())

describe('the list of desks', () => {
  it('says in words who is online, whose version is old and who set a switch', async () => {
    const old = desk({ online: false, outdated: true, switched_at: '2026-03-02T00:00:00Z', switched_by: '习系统', history_reminders: false })
    const { shown } = await page([old])
    const row = shown.get('tbody tr').text()
    for (const said of ['门诊3诊室', '离线', '不是最新，请更新', '唤起 4 次', '关闭', '开启', '习系统 于']) expect(row).toContain(said)
    expect(shown.text()).toContain('最新版本 0.2.0')
  })

  it('switches one reminder and leaves the other as it is', async () => {
    const { shown, asked } = await page([desk()], () => Response.json(desk({ history_reminders: false })))
    await shown.get('[aria-label="门诊3诊室 历史检查提醒"]').setValue(false)
    await flushPromises()
    expect(asked.find((call) => call.method === 'PUT')).toEqual({
      method: 'PUT',
      url: `/api/admin/workstations/${'a'.repeat(32)}/switches`,
      body: { history_reminders: false, duplicate_reminders: true },
    })
    expect(shown.get('[role=status]').text()).toBe('门诊3诊室：历史检查提醒已关闭。')
  })

  it('shows a switch as the service has it when setting it was refused', async () => {
    const refusal = { title: '没有权限', detail: '', status: 403, code: 'role_missing' }
    const { shown } = await page([desk()], () => Response.json(refusal, { status: 403, headers: { 'Content-Type': 'application/problem+json' } }))
    const box = shown.get<HTMLInputElement>('[aria-label="门诊3诊室 重复检查提醒"]')
    await box.setValue(false)
    await flushPromises()
    expect(box.element.checked).toBe(true)
    expect(shown.text()).not.toContain('已关闭')
    expect(shown.text()).toContain('没有权限')
  })

  it('without desks says how the first one comes', async () => {
    const { shown } = await page([])
    expect(shown.text()).toContain('还没有工作站登记')
  })

  it('is for system administrators alone', () => {
    expect(partsOf(['system_administrator']).map((part) => part.name)).toContain('workstations')
    expect(partsOf(['security_administrator', 'auditor', 'doctor']).map((part) => part.name)).not.toContain('workstations')
  })
})
