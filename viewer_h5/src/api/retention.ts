/** Until when studies are kept. */
import { get } from './http'

export interface StudyTerm {
  study_instance_uid: string
  accession_number: string
  study_date: string | null
  modalities: string[]
  keep_until: string
  counted_from: string
  years: number
  why: string
}

export const retentionTerms = (study: string) =>
  get<{ policy: string; total: number; studies: StudyTerm[] }>(`/api/admin/retention?${new URLSearchParams({ study }).toString()}`)
