import { flushPromises, mount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent } from 'vue'

import type { Door, FirstScreen } from '@/api/types'
import PasscodeForm from '@/apps/patient/share/PasscodeForm.vue'
import { watchShare } from '@/apps/patient/share/watchShare'
import { useSession } from '@/apps/patient/stores/session'
import { useStudy } from '@/apps/patient/stores/study'
import { downloadWords } from '@/i18n/zh-CN/download'

const screenOf = (holder: FirstScreen['holder']) => ({ holder, consents: [] }) as unknown as FirstScreen

let asked: { path: string; body: unknown }[]

function service(status: number, answer: unknown = {}): void {
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
    asked.push({ path, body: init?.body ? JSON.parse(init.body as string) : null })
    return Promise.resolve(status === 204 ? new Response(null, { status }) : new Response(JSON.stringify(answer), { status }))
  })
}

beforeEach(() => {
  setActivePinia(createPinia())
  asked = []
})
afterEach(() => vi.unstubAllGlobals())

describe('the page of a share', () => {
  const page = () => mount(defineComponent({ setup: watchShare, template: '<p />' }))

  beforeEach(() => vi.useFakeTimers())
  afterEach(() => vi.useRealTimers())

  it('asks every five seconds whether it still may, and again when it is looked at', async () => {
    service(204)
    useStudy().screen = screenOf('share')
    const shown = page()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(asked.map((call) => call.path)).toEqual(Array(3).fill('/api/patient/grant'))
    document.dispatchEvent(new Event('visibilitychange'))
    expect(asked).toHaveLength(4)
    shown.unmount()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(asked).toHaveLength(4)
  })

  it("is the only one that asks: the patient's own does not", async () => {
    service(204)
    useStudy().screen = screenOf('patient')
    const shown = page()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(asked).toEqual([])
    shown.unmount()
  })

  it('stays without network, and stops asking once the study has left the page', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')))
    const study = useStudy()
    study.screen = screenOf('share')
    const shown = page()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(study.screen).not.toBeNull()
    service(204)
    study.screen = null
    await vi.advanceTimersByTimeAsync(15_000)
    expect(asked).toEqual([])
    shown.unmount()
  })

  it.each([
    ['share', 'share'],
    ['doctor', 'doctor'],
    ['patient', 'expired'],
  ] as const)('of a %s says that it is ended as "%s", and keeps nothing', (holder, why) => {
    const study = useStudy()
    study.screen = screenOf(holder)
    useSession().forget('expired')
    expect(useSession().ended).toBe(why)
    expect(study.screen).toBeNull()
  })
})

describe('the door of a share', () => {
  const form = (method: 'passcode' | 'open') => mount(PasscodeForm, { props: { door: { methods: [method] } as unknown as Door }, attachTo: document.body })

  it('does not send an empty passcode', async () => {
    service(200)
    const door = form('passcode')
    await door.get('form').trigger('submit')
    expect(asked).toEqual([])
    expect(door.get('input').attributes('aria-invalid')).toBe('true')
    door.unmount()
  })

  it('sends the passcode as it was typed, and opens', async () => {
    service(200, { expires_at: '' })
    const door = form('passcode')
    await door.get('input').setValue('妈妈 4815')
    await door.get('form').trigger('submit')
    await flushPromises()
    expect(asked[0]?.body).toEqual({ method: 'passcode', passcode: '妈妈 4815' })
    expect(door.emitted('opened')).toHaveLength(1)
    door.unmount()
  })

  it('says how many tries are left', async () => {
    service(403, { code: 'verification_failed', title: '验证未通过', detail: '', tries_left: 3 })
    const door = form('passcode')
    await door.get('input').setValue('000001')
    await door.get('form').trigger('submit')
    await flushPromises()
    expect(door.get('[role="alert"]').text()).toContain('还可以再试 3 次')
    expect(door.emitted('opened')).toBeUndefined()
    door.unmount()
  })

  it('asks for nothing where the patient wanted no passcode', async () => {
    service(200, { expires_at: '' })
    const door = form('open')
    expect(door.find('input').exists()).toBe(false)
    await door.get('form').trigger('submit')
    await flushPromises()
    expect(asked[0]?.body).toEqual({ method: 'open' })
    door.unmount()
  })
})

describe('the size of a package', () => {
  it.each([
    [300_000, '大小不到 1 MB'],
    [52_428_800, '大小约 52 MB'],
  ])('of %d bytes is told in megabytes', (bytes, told) => {
    expect(downloadWords.size(bytes)).toBe(told)
  })
})
