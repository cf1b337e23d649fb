import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { LocationQuery } from 'vue-router'

import { arrivalIn } from '@/apps/patient/door/arrival'
import { proofFrom, tidyNumber } from '@/apps/patient/door/proof'
import { takeToken } from '@/apps/patient/door/token'
import { useSession } from '@/apps/patient/stores/session'

const door = { hospital: '测试医院', entries: [], linked: true, verified: false, methods: ['phone'] }

describe('the token of a link', () => {
  const take = (address: string) => {
    window.history.replaceState(null, '', address)
    return takeToken(window.location, window.history)
  }

  it('is taken and cleared from the address at once', () => {
    expect(take('/r#AbC-_123')).toBe('AbC-_123')
    expect(window.location.hash).toBe('')
    expect(window.location.pathname).toBe('/r')
  })

  it.each(['/r', '/r#', '/r#/', '/r#/study?study=1.2.3'])('is not there in %s', (address) => {
    expect(take(address)).toBeNull()
  })

  it("leaves the page's own address as it is", () => {
    take('/r#/papers')
    expect(window.location.hash).toBe('#/papers')
  })
})

describe('what was typed', () => {
  it('loses gaps, full-width digits and a small x', () => {
    expect(tidyNumber(' ３４０１ 0000-12x ')).toBe('3401000012X')
  })

  it.each([
    [{ phone: '', code: '1' }, 'phone'],
    [{ phone: '138', code: ' ' }, 'code'],
  ])('asks for the missing field of %j', (typed, field) => {
    expect(proofFrom({ method: 'phone', idNumber: '', ...typed })).toMatchObject({ field })
  })

  it('judges no number: fifteen digits and passports go to the service', () => {
    expect(proofFrom({ method: 'id_number', phone: '', code: '', idNumber: 'e12345678' })).toEqual({
      proof: { method: 'id_number', id_number: 'E12345678' },
    })
  })
})

describe('an arrival from a citizen platform', () => {
  it.each(['here', 'nothing', 'refused', 'unavailable'])('knows %s', (citizen) => {
    expect(arrivalIn({ citizen })).toBe(citizen)
  })

  it.each<LocationQuery>([{}, { citizen: 'verified' }, { citizen: ['here', 'here'] }, { citizen: null }])('ignores %j', (query) => {
    expect(arrivalIn(query)).toBeNull()
  })
})

describe('opening the door', () => {
  beforeEach(() => setActivePinia(createPinia()))
  afterEach(() => vi.unstubAllGlobals())

  function service(linkStatus: number): string[] {
    const calls: string[] = []
    vi.stubGlobal('fetch', (path: string) => {
      calls.push(path.split('/').pop() ?? '')
      const refusal = JSON.stringify({ code: 'link_not_found', title: '链接无效', detail: '' })
      if (path.endsWith('/door')) return Promise.resolve(new Response(JSON.stringify(door)))
      return Promise.resolve(linkStatus === 204 ? new Response(null, { status: 204 }) : new Response(refusal, { status: linkStatus }))
    })
    return calls
  }

  it('exchanges a token once, never again on retry', async () => {
    const calls = service(204)
    const session = useSession()
    session.token = 'AbC'
    await session.open()
    await session.open()
    expect(calls).toEqual(['link', 'door', 'door'])
  })

  it('still says whose door it is when the link is dead', async () => {
    service(404)
    const session = useSession()
    session.token = 'dead'
    await expect(session.open()).rejects.toMatchObject({ code: 'link_not_found' })
    expect(session.door?.hospital).toBe('测试医院')
  })

  it('remembers why the last page was ended, and nothing else', () => {
    const session = useSession()
    session.forget('expired')
    expect(session.ended).toBe('expired')
    expect(session.door).toBeNull()
  })
})
