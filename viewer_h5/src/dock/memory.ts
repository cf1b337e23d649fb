import { begin, type Edge, type Shown, type State } from './state'

/** The place in the HIS page's own storage: one panel for all its pages. */
const PLACE = 'mingying.dock'

const isEdge = (value: unknown): value is Edge => value === 'left' || value === 'right'
const isShown = (value: unknown): value is Shown => value === 'panel' || value === 'tab' || value === 'hidden'

/** How the doctor left it. A browser that keeps nothing begins anew. */
export function recall(edge: Edge): State {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? '{}') as Record<string, unknown>
    return begin(isEdge(kept.edge) ? kept.edge : edge, isShown(kept.shown) ? kept.shown : 'tab')
  } catch {
    return begin(edge, 'tab')
  }
}

export function keep({ edge, shown, opener }: State): void {
  try {
    localStorage.setItem(PLACE, JSON.stringify({ edge, shown: shown === 'panel' && opener !== 'doctor' ? 'tab' : shown }))
  } catch {
    // a browser that keeps nothing
  }
}
