import { reactive } from 'vue'

import { FITTED, type View } from '../model/view'
import type { Window } from '../model/window'

/** Where the reader is in one series; the same in JPG and DICOM. */
export interface SeriesState {
  index: number
  view: View
  /** Null until the reader changes it: then each picture's own window holds. */
  window: Window | null
}

/** States by series UID, made on first use and kept while the pane lives. */
export class SeriesStates {
  private readonly states = reactive(new Map<string, SeriesState>())

  of(seriesInstanceUid: string, firstIndex: () => number): SeriesState {
    const known = this.states.get(seriesInstanceUid)
    if (known) return known
    this.states.set(seriesInstanceUid, { index: firstIndex(), view: { ...FITTED }, window: null })
    return this.states.get(seriesInstanceUid) as SeriesState
  }
}
