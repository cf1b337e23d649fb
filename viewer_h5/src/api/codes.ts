/** Code mappings (编码对照) for administrators. */
import { get, post, put, send } from './http'

export type MappingState = 'confirmed' | 'changed' | 'suggested' | 'unmapped'

/** One part examined one way. */
export interface StandardItem {
  modality: string
  body_part: string
  side: string
  methods: string[]
}

export interface KnownItem extends StandardItem {
  standard_code: string | null
  score: number | null
}

export interface LocalItem {
  code: string
  name: string
  uses: number
  state: MappingState
  /** Of what was decided, to be sent along; 0 for nothing yet. */
  version: number
  suggested: KnownItem[]
  score: number
  unknown: string[]
  proposed: KnownItem[]
  confirmed: KnownItem[]
  decided_by: string | null
  decided_at: string | null
}

export interface Coverage {
  items: number
  items_covered: number
  uses: number
  uses_covered: number
}

export interface CodeList {
  catalogue_version: string
  catalogue_is_demo: boolean
  counts: Partial<Record<MappingState, number>>
  coverage: Coverage
  fitting: number
  items: LocalItem[]
}

export interface CodeCatalogue {
  version: string
  modalities: string[]
  parts: { name: string; paired: boolean }[]
  methods: string[]
}

export interface CodeSheet {
  total: number
  errors: { row: number; column: string; reason: string }[]
}

const CODES = '/api/admin/codes'
export const CODES_TABLE = `${CODES}/export.csv`

export const listCodes = (wanted: { state: string; q: string }) =>
  get<CodeList>(`${CODES}?${new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString()}`)
export const codeCatalogue = () => get<CodeCatalogue>(`${CODES}/catalogue`)
export const confirmMapping = (item: LocalItem, items: StandardItem[], unlikeName: boolean) =>
  put<LocalItem>(`${CODES}/mapping`, { code: item.code, name: item.name, seen: item.version, items, unlike_name: unlikeName })
export const reopenMapping = (item: LocalItem) =>
  post<LocalItem>(`${CODES}/mapping/reopen`, { code: item.code, name: item.name, seen: item.version })

async function sendSheet<T>(path: string, file: File): Promise<T> {
  const body = new FormData()
  body.append('file', file)
  return (await (await send(path, { method: 'POST', body })).json()) as T
}

export const checkCodes = (file: File) => sendSheet<CodeSheet>(`${CODES}/import/check`, file)
export const importCodes = (file: File) => sendSheet<{ total: number; new: number }>(`${CODES}/import`, file)
