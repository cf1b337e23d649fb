/** Sign-in of staff, the same for every staff app. */
import { get, post, remove } from './http'

/** What a sign-in still lacks; `open`: nothing. */
export type Stage = 'code' | 'enrol' | 'new_password' | 'open'

export interface SignedIn {
  login: string
  name: string
  roles: string[]
  stage: Stage
}

export interface SecondFactor {
  secret: string
  uri: string
  qr_svg: string
}

export const whoIsIn = () => get<SignedIn>('/api/staff/session')
export const signIn = (login: string, password: string) => post<SignedIn>('/api/staff/session', { login, password })
export const signOut = () => remove('/api/staff/session')
export const proveCode = (code: string) => post<SignedIn>('/api/staff/session/code', { code })
export const proposeSecondFactor = () => post<SecondFactor>('/api/staff/second-factor')
export const enrol = (secret: string, code: string) => post<SignedIn>('/api/staff/second-factor/confirm', { secret, code })
export const setPassword = (current: string, next: string) => post<SignedIn>('/api/staff/password', { current, new: next })
