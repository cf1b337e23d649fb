/** What the panel's page and the HIS page around it say to each other. Nothing of a patient but how many. */

/** From the page around: who is there, and the doctor leaves the HIS. */
export type ToPanel = { type: 'mingying:hello' } | { type: 'mingying:leave' }

export interface Badge {
  type: 'mingying:badge'
  /** Examinations at other hospitals; null while no patient is shown. */
  count: number | null
  /** The count in words, with 未查全 where there may be more. */
  text: string
  /** Whether everybody answered who was asked. */
  complete: boolean
  /** Reminders of today of this patient that wait for a decision. */
  reminders: number
}

/** From the panel. `ended`: there is no session, the HIS has to launch again. */
export type FromPanel = Badge | { type: 'mingying:ended' } | { type: 'mingying:close' }

const NAMES = new Set(['mingying:badge', 'mingying:ended', 'mingying:close'])

export function isFromPanel(data: unknown): data is FromPanel {
  return typeof data === 'object' && data !== null && NAMES.has(String((data as { type?: unknown }).type))
}
