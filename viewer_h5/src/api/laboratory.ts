/** Laboratory reports of one patient before a doctor. Everything is as the laboratory wrote it. */
import { get } from './http'

export interface Measured {
  observed_at: string
  value: string
  unit: string
}

export interface Earlier extends Measured {
  flag: string
}

export interface Line {
  item: string
  value: string
  unit: string
  reference_range: string
  flag: string
  flag_words: string
  marked: boolean
  earlier: Earlier[]
}

export interface ListedReport {
  reference: string
  title: string
  observed_at: string
  institution: string
}

export interface LaboratoryReport extends ListedReport {
  name: string
  sex: string
  age: number | null
  report_number: string
  lines: Line[]
  reports: ListedReport[]
}

export const fetchReport = (reference: string) => get<LaboratoryReport>(`/api/laboratory/reports/${encodeURIComponent(reference)}`)
