/** Two examinations of one patient, opened side by side from the doctor's plugin. */
import { get } from './http'
import type { FirstScreen } from './types'

export interface Comparison {
  current: FirstScreen
  prior: FirstScreen
  /** False: nothing tells which of the two was first. */
  in_order: boolean
}

export const fetchComparison = () => get<Comparison>('/api/patient/comparison')
export const stillGranted = () => get<unknown>('/api/patient/grant')
