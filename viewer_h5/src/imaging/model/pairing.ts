// Which series of one study stands beside which of another.
import type { ManifestSeries } from '../contract'
import { numberOf, textOf } from './dicomJson'
import { commonAxis, geometryOf } from './position'
import { framesOf } from './stack'

export interface Pair {
  left: string
  right: string
}

/** What a reader must be told before comparing. */
export type Difference = 'modality' | 'body_part' | 'side' | 'plane' | 'thickness'

interface Traits {
  modality: string
  bodyPart: string
  side: string
  words: ReadonlySet<string>
  thickness: number | undefined
  slices: number
  geometry: ReturnType<typeof geometryOf>
}

/** The two series most alike, of one modality; undefined where the studies share none, or only of different sides. */
export function bestPair(left: readonly ManifestSeries[], right: readonly ManifestSeries[]): Pair | undefined {
  const pictures = (all: readonly ManifestSeries[]) => all.filter((s) => s.kind === 'image' && s.frame_count > 0)
  const rights = pictures(right).map((series) => ({ series, traits: traitsOf(series) }))
  let best: { pair: Pair; score: number } | undefined
  for (const series of pictures(left)) {
    const traits = traitsOf(series)
    for (const other of rights) {
      const score = likeness(traits, other.traits)
      if (score === undefined || (best && score <= best.score)) continue
      best = { pair: { left: series.series_instance_uid, right: other.series.series_instance_uid }, score }
    }
  }
  return best?.pair
}

/** In what two series chosen by hand differ. */
export function differencesOf(left: ManifestSeries, right: ManifestSeries): Difference[] {
  const [a, b] = [traitsOf(left), traitsOf(right)]
  const found: Difference[] = []
  if (a.modality !== b.modality) found.push('modality')
  if (a.bodyPart && b.bodyPart && a.bodyPart !== b.bodyPart) found.push('body_part')
  if (a.side && b.side && a.side !== b.side) found.push('side')
  if (a.geometry && b.geometry && !commonAxis(a.geometry, b.geometry)) found.push('plane')
  if (a.thickness && b.thickness && Math.abs(a.thickness - b.thickness) > 0.01) found.push('thickness')
  return found
}

/** Undefined: not to be compared by themselves. */
function likeness(a: Traits, b: Traits): number | undefined {
  if (a.modality !== b.modality || (a.side && b.side && a.side !== b.side)) return undefined
  let score = 0
  if (a.bodyPart && b.bodyPart) score += a.bodyPart === b.bodyPart ? 4 : -4
  if (a.geometry && b.geometry) score += commonAxis(a.geometry, b.geometry) ? 4 : -4
  score += 4 * shared(a.words, b.words)
  if (a.thickness && b.thickness) score += 2 * ratio(a.thickness, b.thickness)
  // a localizer of one picture is never what a stack is compared with; of equal pairs the one with more pictures
  score += (a.slices > 1) === (b.slices > 1) ? 2 : -6
  score += Math.min(1, Math.log10(Math.min(a.slices, b.slices)) / 3)
  return score
}

function traitsOf(series: ManifestSeries): Traits {
  const json = series.instances[0]?.metadata ?? {}
  const text = (series.description ?? '').toLowerCase()
  return {
    modality: series.modality,
    bodyPart: (series.body_part ?? '').trim().toUpperCase(),
    side: sideOf(textOf(json, '00200062') ?? textOf(json, '00200060') ?? '', text),
    // numbers of a thickness are compared as such
    words: new Set(text.match(/\p{Script=Han}|[a-z]\w*/gu) ?? []),
    thickness: numberOf(json, '00180050'),
    slices: series.frame_count,
    geometry: geometryOf(framesOf(series)),
  }
}

function sideOf(laterality: string, text: string): string {
  if (laterality === 'L' || laterality === 'R') return laterality
  const [left, right] = [/\b(lt|left)\b|左/.test(text), /\b(rt|right)\b|右/.test(text)]
  return left === right ? '' : left ? 'L' : 'R'
}

/** The side a series says it shows. */
export function sideOfSeries(series: ManifestSeries): string {
  return traitsOf(series).side
}

function shared(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const all = new Set([...a, ...b])
  return all.size === 0 ? 0 : [...a].filter((word) => b.has(word)).length / all.size
}

function ratio(a: number, b: number): number {
  return Math.min(a, b) / Math.max(a, b)
}
