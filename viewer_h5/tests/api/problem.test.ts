import { afterEach, describe, expect, it, vi } from 'vitest'

import { get, onSignedOut, post, tell } from '@/api/http'
import { asProblem, Problem, problemFrom } from '@/api/problem'

/** The network, answering with what is given. */
function answering(status: number, body: string, headers: Record<string, string> = {}): void {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(status === 204 ? null : body, { status, headers })))
}

async function problemOf(call: Promise<unknown>): Promise<Problem> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof Problem)) throw new Error('the call was expected to be refused with a Problem')
  return error
}

afterEach(() => {
  vi.unstubAllGlobals()
  onSignedOut(() => undefined)
})

describe('a problem document', () => {
  it('keeps the words, the code, the extension members and the time to wait', () => {
    const body = JSON.stringify({ code: 'verification_failed', title: '验证未通过', detail: '请核对', status: 403, tries_left: 2 })
    const problem = problemFrom(403, body, '30')
    expect([problem.code, problem.title, problem.detail, problem.number('tries_left'), problem.retryAfterSeconds]).toEqual([
      'verification_failed', '验证未通过', '请核对', 2, 30,
    ])
  })

  it.each(['<html>502</html>', '', '{"detail":"no code"}', 'null'])('becomes plain words when the body is %j', (body) => {
    const problem = problemFrom(502, body, null)
    expect(problem.code).toBe('unreadable')
    expect(problem.title).not.toBe('')
    expect(problem.retryAfterSeconds).toBeNull()
  })

  it('ignores a time to wait that is a date or nonsense', () => {
    expect(problemFrom(429, '{}', 'Wed, 21 Oct 2026 07:28:00 GMT').retryAfterSeconds).toBeNull()
    expect(problemFrom(429, '{}', '-5').retryAfterSeconds).toBeNull()
  })

  it('is made of anything thrown', () => {
    expect(asProblem(new TypeError('x')).code).toBe('unexpected')
  })
})

describe('calls', () => {
  it('tell of every 401 before the caller sees it', async () => {
    const seen: string[] = []
    onSignedOut((problem) => seen.push(problem.code))
    answering(401, JSON.stringify({ code: 'verification_needed', title: '请先验证身份' }))
    expect((await problemOf(get('/api/x'))).status).toBe(401)
    expect(seen).toEqual(['verification_needed'])
  })

  it('do not take a refused verification for the end of the session', async () => {
    const seen: string[] = []
    onSignedOut((problem) => seen.push(problem.code))
    answering(403, JSON.stringify({ code: 'verification_failed', title: '验证未通过' }))
    await problemOf(post('/api/x'))
    expect(seen).toEqual([])
  })

  it('say in words that the network is away', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed to fetch')))
    expect((await problemOf(get('/api/x'))).code).toBe('offline')
  })

  it('refuse an answer that is no JSON although its status is good', async () => {
    answering(200, '<html>hotel login</html>')
    expect((await problemOf(get('/api/x'))).code).toBe('unreadable')
  })

  it('take 204 where nothing is answered', async () => {
    answering(204, '')
    await expect(tell('/api/x')).resolves.toBeUndefined()
  })
})
