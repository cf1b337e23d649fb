import { afterEach, describe, expect, it, vi } from 'vitest'

import { fetchFirstScreen, frameJpgUrl } from '@/api/patient'

import page from '../../index.html?raw'

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

describe('the script in the page', () => {
  const script = /<script>([^]*?)<\/script>/.exec(page)?.[1] ?? ''
  const key = { sop_instance_uid: '1.2.3.4', frame_number: 2 }
  const screen = (over = {}) => ({
    study: { study_instance_uid: '1.2' }, manifest_version: 'v1',
    series: [{ has_preview: false, key: null }, { has_preview: true, key }], ...over,
  })

  /** Runs it as the browser does, with this answer of the service; returns the pictures asked for and the calls. */
  async function run(hash: string, body: unknown, status = 200) {
    const pictures: string[] = []
    const calls: string[] = []
    vi.stubGlobal('fetch', (path: string) => {
      calls.push(path)
      return Promise.resolve(new Response(JSON.stringify(body), { status }))
    })
    vi.stubGlobal('Image', class {
      set src(address: string) {
        pictures.push(address)
      }
    })
    window.location.hash = hash
    new Function(script)()
    await window.earlyFirstScreen?.response
    return { pictures, calls }
  }

  it('asks for the first picture at the very address the page will use', async () => {
    const { pictures, calls } = await run('#/study?study=1.2', screen())
    expect(calls).toEqual([`${root}?study=1.2`])
    expect(pictures).toEqual([frameJpgUrl('1.2', key, 'preview', 'v1')])
  })

  it('hands the whole answer on, refusals too', async () => {
    await run('#/study', { code: 'no_grant' }, 401)
    const response = await window.earlyFirstScreen?.response
    expect([response?.status, await response?.json()]).toEqual([401, { code: 'no_grant' }])
  })

  it('asks for no picture where none is kept for good, and for nothing at the door', async () => {
    expect((await run('#/study', screen({ manifest_version: null }))).pictures).toEqual([])
    expect((await run('#/study', screen({ series: [] }))).pictures).toEqual([])
    delete window.earlyFirstScreen
    expect((await run('#/', screen())).calls).toEqual([])
  })
})
