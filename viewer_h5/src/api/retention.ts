/** Until when studies are kept, legal holds, and disposal plans. */
import { get, post, tell } from './http'

export interface StudyTerm {
  study_instance_uid: string
  accession_number: string
  study_date: string | null
  modalities: string[]
  keep_until: string
  counted_from: string
  years: number
  why: string
  policy_version: string
  held: boolean
  came_again: boolean
}

export interface Policy {
  version: string
  in_force_from: string
  source: string
}

export interface Terms {
  policy: string
  policies: Policy[]
  total: number
  studies: StudyTerm[]
}

export interface Hold {
  hold_key: string
  study_instance_uid: string | null
  patient_id: string | null
  reason: string
  placed_by: string
  placed_at: string
  mine: boolean
}

export type PlanState = 'proposed' | 'rejected' | 'approved' | 'running' | 'done'

export interface Plan {
  plan_key: string
  state: PlanState
  as_of: string
  policy_version: string
  content_digest: string
  studies: number
  instances: number
  size: number
  made_by: string
  made_at: string
  decided_by: string
  decided_at: string | null
  decision_reason: string
  finished_at: string | null
  disposed: number
  dropped: number
  bytes_left: number
  mine: boolean
}

export interface PlanLine {
  study_instance_uid: string
  accession_number: string
  study_date: string | null
  keep_until: string
  counted_from: string
  years: number
  why: string
  policy_version: string
  instances: number
  instances_digest: string
  state: 'planned' | 'disposed' | 'dropped'
  dropped_because: string
  settled_at: string | null
}

const ROOT = '/api/admin/retention'
const planPath = (key: string) => `${ROOT}/plans/${encodeURIComponent(key)}`

export const retentionTerms = (study: string) => get<Terms>(`${ROOT}?${new URLSearchParams({ study }).toString()}`)
export const listHolds = () => get<Hold[]>(`${ROOT}/holds`)
export const placeHold = (hold: { study: string; patient_id: string; reason: string }) => post<Hold[]>(`${ROOT}/holds`, hold)
export const releaseHold = (key: string, reason: string) => tell(`${ROOT}/holds/${encodeURIComponent(key)}/release`, { reason })
export const listPlans = () => get<Plan[]>(`${ROOT}/plans`)
export const makePlan = () => post<Plan>(`${ROOT}/plans`)
export const planLines = (key: string, offset: number) => get<{ plan: Plan; lines: PlanLine[] }>(`${planPath(key)}?offset=${offset}`)
export const approvePlan = (plan: Plan) => post<Plan>(`${planPath(plan.plan_key)}/approve`, { content_digest: plan.content_digest })
export const rejectPlan = (plan: Plan, reason: string) => post<Plan>(`${planPath(plan.plan_key)}/reject`, { reason })
export const runPlan = (plan: Plan) => post<Plan>(`${planPath(plan.plan_key)}/run`)
