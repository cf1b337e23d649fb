/** Where the panel stands and how far out it is. Only changes, no screen. */
export type Edge = 'left' | 'right'
/** `panel`: slid out; `tab`: only the tab at the edge; `hidden`: nothing at all. */
export type Shown = 'panel' | 'tab' | 'hidden'
/** Who slid it out: the pointer's passing by also slides it back, a launch slides it back when there is nothing to tell. */
type Opener = 'pointer' | 'launch' | 'doctor'

export interface State {
  edge: Edge
  shown: Shown
  opener: Opener
}

export const begin = (edge: Edge, shown: Shown): State => ({ edge, shown, opener: 'doctor' })

const out = (state: State, opener: Opener): State => ({ ...state, shown: 'panel', opener })
const back = (state: State): State => ({ ...state, shown: 'tab' })

export const show = (state: State) => out(state, 'doctor')
export const hide = (state: State): State => ({ ...state, shown: 'hidden' })
export const slideBack = (state: State) => (state.shown === 'panel' ? back(state) : state)
export const toggle = (state: State) => (state.shown === 'panel' ? back(state) : show(state))
export const dockTo = (state: State, edge: Edge): State => ({ ...state, edge })

/** A click on the tab keeps out what only the pointer had brought out. */
export const press = (state: State) => (state.shown === 'panel' && state.opener !== 'doctor' ? show(state) : toggle(state))

export const pointerCame = (state: State) => (state.shown === 'tab' ? out(state, 'pointer') : state)
export const pointerWent = (state: State) => (state.shown === 'panel' && state.opener === 'pointer' ? back(state) : state)

/** What a doctor hid stays hidden. */
export const launched = (state: State) => (state.shown === 'tab' ? out(state, 'launch') : state)
export const nothingToTell = (state: State) => (state.shown === 'panel' && state.opener === 'launch' ? back(state) : state)
