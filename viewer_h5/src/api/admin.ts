/** The administrators' part of the service. */
import { get, post, put, send } from './http'

export interface Account {
  id: number
  login: string
  name: string
  department: string
  roles: string[]
  requested_roles: string[]
  created_at: string
  last_seen_at: string | null
  disabled: boolean
  second_factor: boolean
  password_is_initial: boolean
}

export interface AccountList {
  total: number
  waiting: number
  accounts: Account[]
}

export interface NewAccount {
  login: string
  name: string
  department: string
  requested_roles: string[]
}

/** The only answer that holds a password; it cannot be asked for again. */
export interface HandedOut {
  account: Account
  initial_password: string
}

const ACCOUNTS = '/api/admin/accounts'

/** The question part of an address, without what was left empty. */
function question(wanted: Record<string, string>): string {
  return new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString()
}

export const listAccounts = (wanted: { q: string; state: string; role: string }) => get<AccountList>(`${ACCOUNTS}?${question(wanted)}`)
export const createAccount = (account: NewAccount) => post<HandedOut>(ACCOUNTS, account)
export const grantRoles = (id: number, roles: string[]) => put<Account>(`${ACCOUNTS}/${id}/roles`, { roles })
export const disableAccount = (id: number) => post<Account>(`${ACCOUNTS}/${id}/disable`)
export const resetAccount = (id: number) => post<HandedOut>(`${ACCOUNTS}/${id}/reset`)

export interface SheetRow {
  row: number
  name: string
  login: string
  department: string
  requested_roles: string[]
}

export interface CellError {
  row: number
  column: string
  reason: string
}

export const TEMPLATE = `${ACCOUNTS}/template.xlsx`

async function sendSheet<T>(path: string, file: File): Promise<T> {
  const body = new FormData()
  body.append('file', file)
  return (await (await send(path, { method: 'POST', body })).json()) as T
}

export const checkSheet = (file: File) => sendSheet<{ rows: SheetRow[]; errors: CellError[] }>(`${ACCOUNTS}/import/check`, file)
export const importSheet = (file: File) => sendSheet<{ accounts: HandedOut[] }>(`${ACCOUNTS}/import`, file)

export interface AuditEvent {
  id: string
  at: string
  actor_kind: string
  actor: string
  action: string
  action_name: string
  object_kind: string
  object: string
  outcome: 'success' | 'refused' | 'failed'
  detail: Record<string, unknown>
  /** Number in the chain; null while it waits for its seal. */
  link: number | null
}

export interface AuditFilter {
  since: string
  until: string
  who: string
  kind: string
  outcome: string
  study: string
}

export interface ChainProof {
  intact: boolean
  sealed: number
  open: number
  anchored_at: number | null
  faults: string[]
  fault_count: number
}

const AUDIT = '/api/admin/audit'

export const searchAudit = (wanted: AuditFilter, before: string) =>
  get<{ events: AuditEvent[]; next: string | null }>(`${AUDIT}?${question({ ...wanted, before })}`)
export const fetchAuditTable = async (wanted: AuditFilter) => (await send(`${AUDIT}/export.csv?${question({ ...wanted })}`)).blob()
export const verifyAudit = () => post<ChainProof>(`${AUDIT}/verify`)

export type Side = 'missing' | 'counted'

export interface QualityIndicator {
  key: string
  group: string
  want: 'more' | 'fewer' | 'neither'
  name: string
  definition: string
  numerator_words: string
  denominator_words: string
  numerator: number
  denominator: number
  /** Null where there was nothing to count. */
  ratio: number | null
  share: string
}

export interface StudyBehind {
  study_instance_uid: string
  accession_number: string
  study_date: string
  /** In standard words once the study is normalised. */
  modalities: string[]
  body_parts: string[]
}

/** First and last study date, empty for open. */
export interface Days {
  since: string
  until: string
}

const QUALITY = '/api/admin/quality'

export const qualityFigures = (days: Days) =>
  get<{ undated: number; indicators: QualityIndicator[] }>(`${QUALITY}?${question({ ...days })}`)
export const fetchQualityTable = async (days: Days) => (await send(`${QUALITY}/export.csv?${question({ ...days })}`)).blob()
export const studiesBehind = (key: string, side: Side, days: Days) =>
  get<{ total: number; studies: StudyBehind[] }>(`${QUALITY}/${key}/studies?${question({ ...days, side })}`)
export const fetchStudiesTable = async (key: string, side: Side, days: Days) =>
  (await send(`${QUALITY}/${key}/studies.csv?${question({ ...days, side })}`)).blob()
