import { describe, expect, it } from 'vitest'

import { csv } from '@/apps/admin/csv'

describe('a list to save', () => {
  it('opens in Chinese and keeps quotes', () => {
    expect(csv([['姓名', 'a"b']])).toBe('\ufeff"姓名","a""b"\r\n')
  })

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1'])('holds nothing that runs: %s', (value) => {
    expect(csv([[value]])).toBe(`\ufeff"'${value}"\r\n`)
  })
})
