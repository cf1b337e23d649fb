/** The doctor's plugin: a launch of the HIS becomes a session, which shows one patient after another. */
import { get, post, remove, tell } from './http'

export interface Woken {
  name: string
  patient_named: boolean
}

export interface Examination {
  reference: string
  item: string
  on: string
  institution: string
  elsewhere: boolean
  /** Its archive is here: two of these can be compared. */
  held: boolean
}

export interface Kind {
  kind: string
  label: string
  examinations: Examination[]
}

export interface Prior {
  level: string
  institution: string
  item: string
  on: string
}

export interface Reminder {
  item: string
  level: string
  decided: boolean
  checked_at: string
  priors: Prior[]
}

/** A reminder of any patient of this doctor; `patient` is a reference, null for who is not registered. */
export interface PatientReminder extends Reminder {
  patient: string | null
  name: string | null
}

export interface Patient {
  name: string
  badge: string
  elsewhere_count: number
  elsewhere: 'answered' | 'late' | 'failed' | 'no_identity' | 'not_connected'
  notice: string | null
  kinds: Kind[]
  reminders: Reminder[]
}

/** Somebody who may be chosen: from the recent ones, or found by name. */
export interface Person {
  reference: string
  name: string
  sex: string
  age: number | null
  seen_at?: string
  last_exam_on?: string | null
}

export const wake = (token: string) => post<Woken>('/api/plugin/session', { token })
export const whoIsAwake = () => get<Woken>('/api/plugin/session')
export const sleep = () => remove('/api/plugin/session')
export const fetchPatient = () => get<Patient>('/api/plugin/patient')
export const choosePatient = (reference: string) => tell('/api/plugin/patient', { reference })
export const fetchOpening = (reference: string) => post<{ url: string }>('/api/plugin/openings', { reference })
export const fetchComparison = (references: readonly string[]) => post<{ url: string }>('/api/plugin/comparisons', { references })
export const fetchRecents = () => get<{ patients: Person[] }>('/api/plugin/recents')
export const searchPatients = (text: string) => post<{ patients: Person[]; more: boolean }>('/api/plugin/search', { text })
export const fetchReminders = () => get<{ reminders: PatientReminder[] }>('/api/plugin/reminders')
