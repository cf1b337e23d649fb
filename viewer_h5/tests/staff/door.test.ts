import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'

import type { SignedIn, Stage } from '@/api/staff'
import StaffDoor from '@/ui/staff/StaffDoor.vue'

const who = (stage: Stage): SignedIn => ({ login: 'shenji', name: '申审计', roles: ['auditor'], stage })

/** Answers of the service, in the order in which the page asks. */
function service(...answers: [number, unknown][]) {
  const asked: { path: string; body: unknown }[] = []
  vi.stubGlobal('fetch', (path: string, init?: RequestInit) => {
    asked.push({ path, body: typeof init?.body === 'string' ? JSON.parse(init.body) : null })
    const [status, body] = answers[asked.length - 1] ?? [500, {}]
    return Promise.resolve(new Response(JSON.stringify(body), { status }))
  })
  return asked
}

const door = (begun: SignedIn | null) => mount(StaffDoor, { props: { title: '知识内容管理', begun }, attachTo: document.body })

afterEach(() => {
  vi.unstubAllGlobals()
  document.body.innerHTML = ''
})

describe('the door of staff', () => {
  it('lets in who needs nothing more', async () => {
    service([200, who('open')])
    const page = door(null)
    await page.get('#login').setValue('bianji')
    await page.get('#password').setValue('secret')
    await page.get('form').trigger('submit')
    await flushPromises()
    expect(page.emitted('in')).toEqual([[who('open')]])
  })

  it('says in words that it was not right, and for how long to wait', async () => {
    service([429, { code: 'sign_in_locked', title: '尝试次数过多', detail: '请稍后再试。', retry_after_seconds: 870 }])
    const page = door(null)
    await page.get('#login').setValue('bianji')
    await page.get('#password').setValue('wrong')
    await page.get('form').trigger('submit')
    await flushPromises()
    expect(page.get('[role="alert"]').text()).toContain('尝试次数过多')
    expect(page.get('[role="alert"]').text()).toContain('15 分钟')
    expect(page.emitted('in')).toBeUndefined()
  })

  it('asks for the six digits when they are due', async () => {
    const asked = service([200, who('code')], [200, who('open')])
    const page = door(null)
    await page.get('#login').setValue('shenji')
    await page.get('#password').setValue('secret')
    await page.get('form').trigger('submit')
    await flushPromises()
    expect(page.emitted('in')).toBeUndefined()
    await page.get('#code').setValue('123456')
    await page.get('form').trigger('submit')
    await flushPromises()
    expect(asked[1]).toEqual({ path: '/api/staff/session/code', body: { code: '123456' } })
    expect(page.emitted('in')).toHaveLength(1)
  })

  it('binds an authenticator by QR or by its secret, then asks for a new password', async () => {
    const factor = { secret: 'ABCDEFGH', uri: 'otpauth://x', qr_svg: '<svg xmlns="http://www.w3.org/2000/svg"></svg>' }
    const asked = service([200, factor], [200, who('new_password')], [200, who('open')])
    const page = door(who('enrol'))
    await flushPromises()
    expect(page.get('img').attributes('src')).toContain(encodeURIComponent('<svg'))
    expect(page.text()).toContain('ABCDEFGH')
    await page.get('#code').setValue('654321')
    await page.get('form').trigger('submit')
    await flushPromises()
    expect(asked[1]?.body).toEqual({ secret: 'ABCDEFGH', code: '654321' })
    await page.get('#password').setValue('old')
    await page.get('#next').setValue('Neues-2026-x')
    await page.get('#again').setValue('something else')
    await page.get('form').trigger('submit')
    await flushPromises()
    expect(page.text()).toContain('两次输入的新密码不一致')
    expect(asked).toHaveLength(2)
    await page.get('#again').setValue('Neues-2026-x')
    await page.get('form').trigger('submit')
    await flushPromises()
    expect(asked[2]).toEqual({ path: '/api/staff/password', body: { current: 'old', new: 'Neues-2026-x' } })
    expect(page.emitted('in')).toHaveLength(1)
  })
})
