/** The work list: what waits for a person, remedies, what was decided, and patients' records. */
import { get, post } from './http'

export type Remedy = 'assign' | 'new_patient' | 'merge' | 'move' | 'split' | 'keep' | 'adopt' | 'link' | 'reprocess' | 'ignore'
export type Likeness = 'same' | 'variant' | 'different' | 'unlike' | 'absent' | 'unknown'

export interface WaitingCase {
  kind: string
  reason: string
  since: string
  subject: string
  state: string
  severity: 'high' | 'middle' | 'low'
  remedies: Remedy[]
  patient_id: string
  accession_number: string
  modalities: string[]
  study_date: string | null
  count: number
}

export interface Person {
  patient_id: string
  name: string
  sex: string
  birth_date: string | null
}

export interface PatientCandidate extends Person {
  same_number: boolean
  name_likeness: Likeness
  sex_likeness: Likeness
  birth_date_likeness: Likeness
  identity_likeness: Likeness
  verdict: string
  expects: boolean
  studies: number
}

export interface StudyCandidate {
  study_instance_uid: string
  accession_number: string
  modalities: string[]
  study_date: string | null
  study_description: string
  score: number
  reasons: string[]
}

export interface Revision {
  sop_instance_uid: string
  revision: number
  current: boolean
  received_at: string
  received_from: string
  size: number
  digest: string
  rows: number
  columns: number
  frames: number
  transfer_syntax_uid: string
}

export interface CaseDetail {
  case: WaitingCase
  person: Person | null
  report: { exam_item: string; examined_at: string | null; accession_number: string; exam_id: string } | null
  patients: PatientCandidate[]
  studies: StudyCandidate[]
  revisions: Revision[]
}

export interface NewPatient {
  name: string
  patient_id: string
  sex: string
  birth_date: string | null
}

export interface Choice {
  patient_id?: string
  new_patient?: NewPatient
  study_instance_uid?: string
}

export interface PastDecision {
  decision: number
  kind: string
  subject: string
  remedy: Remedy
  reason: string
  who: string
  at: string
  undone_at: string | null
  undone_by: string | null
  undone_reason: string | null
  can_be_undone: boolean
  patients: string[]
}

export interface PatientRecord extends Person {
  merged: string[]
  studies: {
    study_instance_uid: string
    accession_number: string
    modalities: string[]
    study_date: string | null
    study_description: string
    patient_name: string
  }[]
  laboratory_reports: string[]
}

const CASES = '/api/admin/cases'
const PATIENTS = '/api/admin/patients'

export const waitingCases = (kind: string) =>
  get<{ counts: Record<string, number>; cases: WaitingCase[] }>(`${CASES}${kind ? `?kind=${kind}` : ''}`)
export const caseDetail = (kind: string, subject: string) => get<CaseDetail>(`${CASES}/item?${String(new URLSearchParams({ kind, subject }))}`)
export const decideCase = ({ kind, subject, state }: WaitingCase, remedy: Remedy, reason: string, choice: Choice) =>
  post<{ decision: number }>(`${CASES}/decide`, { kind, subject, state, remedy, reason, ...choice })
export const pastDecisions = async () => (await get<{ decisions: PastDecision[] }>(`${CASES}/decisions`)).decisions
export const undoDecision = (decision: number, reason: string) => post(`${CASES}/decisions/${decision}/undo`, { reason })

export const patientRecord = (patient_id: string) => post<PatientRecord>(`${PATIENTS}/record`, { patient_id })
export const mergePatients = (into: string, merged: string, reason: string) => post(`${PATIENTS}/merge`, { into, merged, reason })
export const moveStudies = (body: {
  patient_id: string
  studies: string[]
  laboratory_reports: string[]
  to_patient_id?: string
  new_patient?: NewPatient
  reason: string
}) => post(`${PATIENTS}/move`, body)
