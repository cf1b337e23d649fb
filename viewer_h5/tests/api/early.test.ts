import { afterEach, describe, expect, it, vi } from 'vitest'

import { fetchFirstScreen } from '@/api/patient'

const root = '/api/patient/first-screen'
const answer = (name: string) => Promise.resolve(new Response(JSON.stringify({ patient: { name } })))

afterEach(() => {
  vi.unstubAllGlobals()
  delete window.earlyFirstScreen
})

describe('the first screen asked for early', () => {
  it('is used once, then the service is asked again', async () => {
    vi.stubGlobal('fetch', () => answer('asked'))
    window.earlyFirstScreen = { path: root, response: answer('early') }
    expect((await fetchFirstScreen()).patient.name).toBe('early')
    expect((await fetchFirstScreen()).patient.name).toBe('asked')
  })

  it('is never used for another study', async () => {
    vi.stubGlobal('fetch', () => answer('asked'))
    window.earlyFirstScreen = { path: `${root}?study=1.2`, response: answer('early') }
    expect((await fetchFirstScreen('1.2.3')).patient.name).toBe('asked')
  })

  it('leads to the same words when it failed', async () => {
    window.earlyFirstScreen = { path: root, response: Promise.reject(new TypeError('failed to fetch')) }
    await expect(fetchFirstScreen()).rejects.toMatchObject({ code: 'offline' })
  })
})
