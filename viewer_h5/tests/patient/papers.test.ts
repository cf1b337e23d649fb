import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { Paper, PaperDoubt, PaperField } from '@/api/types'
import { doubtsOf, isUnsure } from '@/apps/patient/paper/doubts'
import { usePapers } from '@/apps/patient/stores/papers'

const field = (over: Partial<PaperField> = {}): PaperField => ({
  key: 'findings', label: '检查所见', value: '结节8mm', box: [0, 0, 100, 20], confidence: 0.95, ...over,
})
const doubt = (over: Partial<PaperDoubt> = {}): PaperDoubt => ({ text: '8mm', box: [50, 5, 20, 10], why: '请核对', ...over })

describe('the doubts of a field', () => {
  it('are those inside its box', () => {
    expect(doubtsOf(field(), [doubt(), doubt({ box: [50, 40, 20, 10] })])).toHaveLength(1)
  })

  it('do not count boxes that only touch', () => {
    expect(doubtsOf(field(), [doubt({ box: [100, 0, 10, 10] })])).toEqual([])
  })

  it('are found by their text where there is no box', () => {
    expect(doubtsOf(field({ box: null }), [doubt(), doubt({ text: '9mm' })])).toHaveLength(1)
    expect(doubtsOf(field(), [doubt({ box: null, text: '' })])).toEqual([])
  })

  it('mark a field, as does a reading the engine was not sure of', () => {
    expect(isUnsure(field(), [])).toBe(false)
    expect(isUnsure(field(), [doubt()])).toBe(true)
    expect(isUnsure(field({ confidence: 0.5 }), [])).toBe(true)
  })
})

describe('confirming', () => {
  beforeEach(() => setActivePinia(createPinia()))
  afterEach(() => vi.unstubAllGlobals())

  it('sends what was read with what was corrected, and then shows what the service kept', async () => {
    const read: Paper = {
      paper_id: 'p', state: 'read', reason: null, progress: 1, width: 1, height: 1, rows: [], doubts: [], report_id: null,
      owner_mismatch: false, fields: [field({ key: 'impression', value: '未见结节' }), field()],
    }
    const sent: unknown[] = []
    vi.stubGlobal('fetch', (path: string, init: RequestInit = {}) => {
      if (init.method === 'POST') sent.push(JSON.parse(String(init.body)))
      const reply = path.endsWith('/confirm') ? { report_id: 'paper-p' } : sent.length ? { ...read, state: 'confirmed', report_id: 'paper-p' } : read
      return Promise.resolve(new Response(JSON.stringify(reply)))
    })
    const papers = usePapers()
    await papers.load('p')
    papers.editsOf('p').impression = '右肺结节'
    await papers.confirm('p')
    expect(sent).toEqual([{ fields: { impression: '右肺结节', findings: '结节8mm' } }])
    expect(papers.byId.get('p')?.report_id).toBe('paper-p')
    expect(papers.editsOf('p')).toEqual({})
  })
})
