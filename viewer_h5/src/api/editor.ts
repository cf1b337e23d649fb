/** The content editor's part of the service. */
import { get, post, put, tell } from './http'
import type { KnowledgeSource } from './types'

export interface EntryText {
  title: string
  plain: string
  body: string
  surfaces: string[]
  questions: string[]
  source_ids: string[]
}

export interface Change {
  field: keyof EntryText
  pieces: { kind: 'same' | 'added' | 'removed'; text: string }[]
}

export interface Finding {
  rule: string
  detail: string
}

export type DraftState = 'draft' | 'in_review' | 'returned'

export interface EntryLine {
  entry_id: string
  kind: string
  title: string
  plain: string
  state: 'starter' | 'reviewed' | 'new'
  version: number
  reviewer: string | null
  reviewed_at: string | null
  draft_state: DraftState | null
  draft_author: string | null
}

export interface EntryList {
  total: number
  starter: number
  entries: EntryLine[]
}

export interface Draft {
  text: EntryText
  state: DraftState
  revision: number
  based_on: number
  author: string
  mine: boolean
  changed_at: string
  reason: string
  stale: boolean
  changes: Change[]
  unsafe: Finding[]
  warnings: Finding[]
}

export interface Version {
  version: number
  author: string
  reviewer: string | null
  published_at: string | null
  restored_from: number | null
  mine: boolean
}

export interface EntryDetail {
  entry_id: string
  kind: string
  state: 'starter' | 'reviewed'
  version: number
  text: EntryText | null
  guide: { concepts: string[]; plain_name: string; meaning: string; next_step: string } | null
  draft: Draft | null
  versions: Version[]
}

export interface Preview {
  title: string
  plain: string
  body_html: string
  sources: KnowledgeSource[]
  unsafe: Finding[]
  warnings: Finding[]
}

export interface Hit {
  entry_id: string
  title: string
  text: string
  state: string
  told: boolean
  score: number
  keyword: number
  keyword_rank: number | null
  vector: number | null
  vector_rank: number | null
  name: number
  names: string[]
  shared: string[]
  asked_exactly: boolean
}

export interface HitTest {
  known: boolean
  probability: number
  threshold: number
  knowledge_version: string
  hits: Hit[]
}

export interface WaitingWord {
  word: string
  in_reports: number
  in_questions: number
  last_seen_at: string
}

const BASE = '/api/editor'
const at = (entry: string) => `${BASE}/entries/${encodeURIComponent(entry)}`

export function listEntries(wanted: { q?: string; state?: string; kind?: string }): Promise<EntryList> {
  const given = Object.entries(wanted).filter(([, value]) => value)
  return get(`${BASE}/entries?${new URLSearchParams(given)}`)
}
export const fetchDetail = (entry: string) => get<EntryDetail>(at(entry))
export const fetchVersion = (entry: string, version: number) =>
  get<{ version: number; text: EntryText; changes: Change[] }>(`${at(entry)}/versions/${version}`)
export const fetchSources = () => get<KnowledgeSource[]>(`${BASE}/sources`)
export const beginEntry = (text: EntryText) => post<EntryDetail>(`${BASE}/entries`, { text })
export const saveDraft = (entry: string, text: EntryText, basedOn: number, seen: number) =>
  put<EntryDetail>(`${at(entry)}/draft`, { text, based_on: basedOn, seen })
export const submitDraft = (entry: string, seen: number) => post<EntryDetail>(`${at(entry)}/draft/submit`, { seen })
export const publishDraft = (entry: string, seen: number) => post<EntryDetail>(`${at(entry)}/draft/publish`, { seen })
export const returnDraft = (entry: string, seen: number, reason: string) => post<EntryDetail>(`${at(entry)}/draft/return`, { seen, reason })
export const restoreVersion = (entry: string, version: number, seen: number) => post<EntryDetail>(`${at(entry)}/restore`, { version, seen })
export const previewText = (entry: string | null, text: EntryText) => post<Preview>(`${BASE}/preview`, { entry_id: entry, text })
export const hitTest = (question: string) => post<HitTest>(`${BASE}/hit-test`, { question })
export const waitingWords = () => get<WaitingWord[]>(`${BASE}/words`)
export const dismissWord = (word: string) => tell(`${BASE}/words/dismiss`, { word })
