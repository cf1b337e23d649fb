import { describe, expect, it } from 'vitest'

import { scrollForTurn } from '@/apps/patient/chat/follow'

const place = (over: Partial<Parameters<typeof scrollForTurn>[0]>) =>
  scrollForTurn({ questionTop: 1000, questionBottom: 1050, contentHeight: 1200, viewHeight: 500, ...over })

describe('following an answer', () => {
  it('shows the end as long as all of the turn fits', () => {
    expect(place({})).toBe(700)
  })

  it('stops with the question at the top, however long the answer grows', () => {
    expect(place({ contentHeight: 1600 })).toBe(992)
    expect(place({ contentHeight: 9000 })).toBe(992)
  })

  it('shows the end of a very long question, and the start of its answer', () => {
    const top = place({ questionBottom: 1900, contentHeight: 9000 })
    expect(top).toBe(1700)
    expect(top + 500).toBeGreaterThan(1900)
  })

  it('does not move where everything fits', () => {
    expect(place({ questionTop: 100, questionBottom: 150, contentHeight: 300 })).toBe(0)
  })
})
