/** The province's institutions, and from which of them studies can be retrieved. */
import { get, send } from './http'

export type InstitutionState = 'retrievable' | 'failed' | 'untried'

export interface Institution {
  code: string
  name: string
  area: string
  state: InstitutionState
  reason: string
  succeeded_at: string | null
  failed_at: string | null
}

export interface InstitutionList {
  total: number
  counts: Partial<Record<InstitutionState, number>>
  /** Null of an empty list. */
  ratio: number | null
  share: string
  wanted: number
  institutions: Institution[]
}

export interface InstitutionSheet {
  total: number
  errors: { row: number; column: string; reason: string }[]
}

const INSTITUTIONS = '/api/admin/institutions'
export const INSTITUTIONS_TABLE = `${INSTITUTIONS}/export.csv`

export const listInstitutions = (state: string) => get<InstitutionList>(`${INSTITUTIONS}${state ? `?state=${state}` : ''}`)

async function sendSheet(path: string, file: File): Promise<InstitutionSheet> {
  const body = new FormData()
  body.append('file', file)
  return (await (await send(path, { method: 'POST', body })).json()) as InstitutionSheet
}

export const checkInstitutions = (file: File) => sendSheet(`${INSTITUTIONS}/import/check`, file)
export const importInstitutions = (file: File) => sendSheet(`${INSTITUTIONS}/import`, file)
