import { modalityName } from '@/i18n'

import type { SeriesBrief } from './contract'
import { words } from './words'

export interface SeriesName {
  /** What the series is, in Chinese where that is known. */
  name: string
  /** The scanner's own words, where `name` says them otherwise. */
  original: string
}

/** English words of scanners, as they stand between blanks in lower case, and their Chinese. */
type Table = readonly (readonly [RegExp, string])[]

const BODY_PARTS: Table = [
  [/\b(head|brain|skull|cranium|headneck)\b/, '头部'],
  [/\b(neck|headneck)\b/, '颈部'],
  [/\b(c ?spine|cspine|cervical)\b/, '颈椎'],
  [/\b(t ?spine|tspine|thoracic spine)\b/, '胸椎'],
  [/\b(l ?spine|lspine|lumbar)\b/, '腰椎'],
  [/\b(chest|thorax)\b/, '胸部'],
  [/\bbreast\b/, '乳腺'],
  [/\b(heart|cardiac)\b/, '心脏'],
  [/\babdomen\b/, '腹部'],
  [/\bpelvis\b/, '盆腔'],
  [/\bshoulder\b/, '肩关节'],
  [/\belbow\b/, '肘关节'],
  [/\bwrist\b/, '腕关节'],
  [/\bhand\b/, '手部'],
  [/\bhip\b/, '髋关节'],
  [/\bknee\b/, '膝关节'],
  [/\bankle\b/, '踝关节'],
  [/\bfoot\b/, '足部'],
]
const SIDES: Table = [
  [/\b(lt|left)\b/, '左'],
  [/\b(rt|right)\b/, '右'],
]
const SIDE_LETTERS: Table = [
  [/\b(l|lt|left)\b/, '左'],
  [/\b(r|rt|right)\b/, '右'],
]
const PLANES: Table = [
  [/\b(ax|axial|tra|transverse)\b/, '横断位'],
  [/\bcoronal\b|\bcor\b(?!.*\b(cta|heart|cardiac)\b)/, '冠状位'],
  [/\b(sag|sagittal)\b/, '矢状位'],
]
const PROJECTIONS: Table = [
  [/\b(pa|ap)\b/, '正位'],
  [/\b(lat|lateral|ll|rl)\b/, '侧位'],
  [/\b(obl|oblique)\b/, '斜位'],
]
const KINDS: Record<string, Table> = {
  CT: [
    [/\b(localizer|localiser|scout|topogram|surview|scanogram)\b/, '定位像'],
    [/\bdose\b/, '剂量记录'],
    [/\blung\b/, '肺窗'],
    [/\b(mediastinum|mediastinal|medias|med)\b/, '纵隔窗'],
    [/\bbone\b/, '骨窗'],
    [/\b(soft|soft tissue|softtissue)\b/, '软组织窗'],
    [/\b(arterial|artery|art)\b/, '动脉期'],
    [/\bportal\b/, '门脉期'],
    [/\b(delay|delayed)\b/, '延迟期'],
    [/\b(plain|non ?contrast|noncontrast)\b/, '平扫'],
    [/\bmip\b/, '最大密度投影'],
    [/\b(vr|vrt|3d)\b/, '三维重建'],
    ...PLANES,
  ],
  MR: [
    [/\b(localizer|localiser|scout|survey|3 ?plane)\b/, '定位像'],
    [/\bflair\b/, '水抑制 FLAIR'],
    [/\b(t1|t1w|t1wi)\b/, 'T1 加权'],
    [/\b(t2|t2w|t2wi)\b/, 'T2 加权'],
    [/\b(pd|pdw)\b/, '质子密度'],
    [/\b(dwi|diffusion|ep2d diff)\b/, '弥散'],
    [/\badc\b/, 'ADC 图'],
    [/\bswi\b/, '磁敏感'],
    [/\b(tof|mra)\b/, '血管成像'],
    [/\b(fs|fatsat|stir|spair)\b/, '压脂'],
    ...PLANES,
  ],
  DX: PROJECTIONS,
  MG: [
    [/\bcc\b/, '头尾位'],
    [/\bmlo\b/, '内外斜位'],
  ],
}
KINDS.CR = KINDS.DR = PROJECTIONS
/** Where one letter is a side of the body and not part of a technical name. */
const LETTERED = new Set(['DX', 'CR', 'DR', 'MG'])

const spaced = (text: string) => text.toLowerCase().replace(/[^a-z0-9+.]+/g, ' ').trim()
const found = (table: Table, text: string) => table.filter(([word]) => word.test(text)).map(([, chinese]) => chinese)

/** A series in words a patient can read; the scanner's own words where the table has none for them. */
export function seriesName({ modality, description, body_part, series_number }: SeriesBrief): SeriesName {
  const original = description?.trim() ?? ''
  if (/\p{Script=Han}/u.test(original)) return { name: original, original: '' }
  const said = spaced(original)
  const parts = found(BODY_PARTS, said)
  const part = (parts.length ? parts : found(BODY_PARTS, spaced(body_part ?? ''))).join('')
  const side = found(LETTERED.has(modality) ? SIDE_LETTERS : SIDES, said)
  const kinds = found(KINDS[modality] ?? [], said)
  // two sides in one name: better none than a wrong one
  const place = (side.length === 1 ? side[0] : '') + part
  if (kinds.length) return { name: [place, ...kinds].filter(Boolean).join(' '), original }
  if (place) return { name: `${place} ${modalityName(modality)}`, original }
  if (original) return { name: original, original: '' }
  return { name: series_number === null ? modalityName(modality) : words.seriesNumber(series_number), original: '' }
}
