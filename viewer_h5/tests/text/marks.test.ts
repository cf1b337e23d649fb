import { describe, expect, it } from 'vitest'

import { codePointLength, CodePoints } from '@/text/codePoints'
import { markText } from '@/text/marks'

/** A term of `text` at its first (or `nth`) place, counted as the service counts: in code points. */
function termAt(text: string, word: string, nth = 0) {
  const points = Array.from(text)
  const length = Array.from(word).length
  const starts = points.map((_, at) => at).filter((at) => points.slice(at, at + length).join('') === word)
  const start = starts[nth]
  if (start === undefined) throw new Error(`${word} does not stand in the text`)
  return { text: word, start, end: start + length }
}

const words = (pieces: ReturnType<typeof markText>) => pieces.filter(({ term }) => term).map(({ text }) => text)
const whole = (pieces: ReturnType<typeof markText>) => pieces.map(({ text }) => text).join('')

describe('code points', () => {
  it('count a rare character once although JavaScript needs two units for it', () => {
    expect('𠮷某'.length).toBe(3)
    expect(codePointLength('𠮷某')).toBe(2)
    expect(new CodePoints('患者𠮷某，结节').slice(5, 7)).toBe('结节')
  })

  it('give an empty slice outside the text', () => {
    expect(new CodePoints('结节').slice(5, 9)).toBe('')
  })
})

describe('marking terms', () => {
  it('leaves a text without terms as one piece', () => {
    expect(markText('未见异常。', [])).toEqual([{ start: 0, text: '未见异常。', term: null, lit: false }])
  })

  it('gives no piece for an empty text', () => {
    expect(markText('', [])).toEqual([])
  })

  it('marks each occurrence at its own place', () => {
    const text = '右肺结节，左肺结节'
    const pieces = markText(text, [termAt(text, '结节'), termAt(text, '结节', 1)])
    expect(pieces.map((piece) => piece.text)).toEqual(['右肺', '结节', '，左肺', '结节'])
  })

  it('marks the right word behind characters outside the basic plane', () => {
    const text = '患者𠮷某𪚥，右肺磨玻璃结节。'
    const pieces = markText(text, [termAt(text, '磨玻璃结节')])
    expect(words(pieces)).toEqual(['磨玻璃结节'])
    expect(whole(pieces)).toBe(text)
  })

  it('keeps the longer of two terms that overlap', () => {
    const text = '双肺支气管扩张征象'
    const pieces = markText(text, [termAt(text, '支气管'), termAt(text, '支气管扩张'), termAt(text, '扩张征象')])
    expect(words(pieces)).toEqual(['支气管扩张'])
    expect(whole(pieces)).toBe(text)
  })

  it('marks neighbours that touch', () => {
    const text = '冠状动脉钙化'
    expect(words(markText(text, [termAt(text, '钙化'), termAt(text, '冠状动脉')]))).toEqual(['冠状动脉', '钙化'])
  })

  it.each([
    ['another text stands there', { text: '积液', start: 0, end: 2 }],
    ['it ends outside', { text: '结节', start: 2, end: 9 }],
    ['it begins before the text', { text: '结节', start: -2, end: 0 }],
    ['it is empty', { text: '', start: 1, end: 1 }],
    ['it ends before it begins', { text: '结节', start: 4, end: 2 }],
  ])('leaves a term out when %s', (_why, term) => {
    expect(words(markText('右肺结节', [term]))).toEqual([])
  })

  it('keeps line breaks', () => {
    const text = '1. 结节。\n2. 积液。'
    expect(whole(markText(text, [termAt(text, '积液')]))).toBe(text)
  })
})

describe('highlighting a source', () => {
  it('cuts plain text at the borders of the source', () => {
    const pieces = markText('甲乙丙丁戊', [], [{ start: 1, end: 3 }])
    expect(pieces.map(({ text, lit }) => [text, lit])).toEqual([['甲', false], ['乙丙', true], ['丁戊', false]])
  })

  it('lights a term whole that the source cuts, so that it stays one button', () => {
    const text = '右肺磨玻璃结节，边界清'
    const pieces = markText(text, [termAt(text, '磨玻璃结节')], [{ start: 0, end: 4 }])
    expect(pieces.map((piece) => [piece.text, piece.lit])).toEqual([['右肺', true], ['磨玻璃结节', true], ['，边界清', false]])
  })

  it('takes overlapping sources without losing or doubling a character', () => {
    const text = '甲乙丙丁戊己'
    const pieces = markText(text, [termAt(text, '丁戊')], [{ start: 0, end: 3 }, { start: 2, end: 4 }, { start: 5, end: 99 }])
    expect(whole(pieces)).toBe(text)
    expect(pieces.filter((piece) => piece.lit).map((piece) => piece.text).join('')).toBe('甲乙丙丁戊己')
  })

  it('joins to the text again whatever is marked', () => {
    const text = '患者𠮷某，双肺纹理增多，右肺上叶见磨玻璃结节。'
    const length = Array.from(text).length
    for (let start = 0; start < length; start++) {
      for (let end = start + 1; end <= length; end++) {
        const term = { text: new CodePoints(text).slice(start, end), start, end }
        const pieces = markText(text, [term, termAt(text, '磨玻璃结节')], [{ start: end - 1, end: end + 3 }])
        expect(whole(pieces)).toBe(text)
      }
    }
  })
})
