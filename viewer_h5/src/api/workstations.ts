/** Doctors' desks, as administrators see and switch them. */
import { get, put, send } from './http'

export interface Switches {
  history_reminders: boolean
  duplicate_reminders: boolean
}

export interface Workstation extends Switches {
  workstation: string
  label: string
  version: string
  outdated: boolean
  os: string
  online: boolean
  first_seen_at: string
  last_seen_at: string
  wakes: number
  last_woken_at: string | null
  switched_at: string | null
  /** Name of the account. */
  switched_by: string | null
}

export interface WorkstationList {
  total: number
  fitting: number
  newest_version: string
  workstations: Workstation[]
}

const DESKS = '/api/admin/workstations'

type Wanted = { q: string; condition: string }

function question(wanted: Wanted): string {
  return new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString()
}

export const listWorkstations = (wanted: Wanted) => get<WorkstationList>(`${DESKS}?${question(wanted)}`)
export const setSwitches = (workstation: string, switches: Switches) => put<Workstation>(`${DESKS}/${workstation}/switches`, switches)
export const fetchWorkstationTable = async (wanted: Wanted) => (await send(`${DESKS}/export.csv?${question(wanted)}`)).blob()
