import { CodePoints } from './codePoints'

interface Range {
  start: number
  end: number
}

interface TermRange extends Range {
  text: string
}

/** A piece of text to draw: plain, or one whole term; `lit` where it belongs to a highlighted source. */
export interface Piece<T> {
  start: number
  text: string
  term: T | null
  lit: boolean
}

/**
 * Terms that can be drawn: verbatim at their place and not inside or across another one. Of two that overlap the
 * longer stays (支气管扩张 over 支气管). A mark at the wrong place would explain the wrong word, so it is left out.
 */
function drawable<T extends TermRange>(points: CodePoints, terms: readonly T[]): T[] {
  const kept: T[] = []
  const longestFirst = [...terms].sort((a, b) => b.end - b.start - (a.end - a.start) || a.start - b.start)
  for (const term of longestFirst) {
    const inside = term.start >= 0 && term.end > term.start && term.end <= points.length
    const verbatim = inside && points.slice(term.start, term.end) === term.text
    if (verbatim && kept.every((other) => term.end <= other.start || term.start >= other.end)) kept.push(term)
  }
  return kept.sort((a, b) => a.start - b.start)
}

/** Cuts text into pieces in order; joined they are the text again. Offsets are code points. */
export function markText<T extends TermRange>(text: string, terms: readonly T[], lit: readonly Range[] = []): Piece<T>[] {
  const points = new CodePoints(text)
  const marked = drawable(points, terms)
  const overlapsLit = (start: number, end: number) => lit.some((range) => range.start < end && range.end > start)
  const pieces: Piece<T>[] = []

  const addPlain = (from: number, to: number) => {
    const inside = (at: number) => at > from && at < to
    const borders = lit.flatMap(({ start, end }) => [start, end]).filter(inside)
    const cuts = [from, ...new Set(borders), to].sort((a, b) => a - b)
    for (let i = 0; i + 1 < cuts.length; i++) {
      const [start, end] = [cuts[i] as number, cuts[i + 1] as number]
      if (end > start) pieces.push({ start, text: points.slice(start, end), term: null, lit: overlapsLit(start, end) })
    }
  }

  let at = 0
  for (const term of marked) {
    addPlain(at, term.start)
    pieces.push({ start: term.start, text: term.text, term, lit: overlapsLit(term.start, term.end) })
    at = term.end
  }
  addPlain(at, points.length)
  return pieces
}
