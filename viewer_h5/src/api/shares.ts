/** Passing a study on and taking it away; loaded with the sheets that do it. */
import { get, post, remove, send } from './http'
import type { Download, MadeDownload, MadeShare, Share, ShareWish } from './types'

const root = '/api/patient'
const part = encodeURIComponent

export const createShare = (wish: ShareWish) => post<MadeShare>(`${root}/shares`, wish)
export const fetchShares = () => get<Share[]>(`${root}/shares`)
export const revokeShare = (share: string) => remove(`${root}/shares/${part(share)}`)

export const createDownload = (study: string) => post<MadeDownload>(`${root}/downloads`, { study })
export const fetchDownloads = (study: string) => get<Download[]>(`${root}/downloads?study=${part(study)}`)
export const unlockDownload = (download: string, code: string) =>
  post<{ url: string; expires_in_seconds: number }>(`${root}/downloads/${part(download)}/unlock`, { code })

/** A refusal means that the share was ended; it leads to the door by itself, like every 401. */
export async function askWhetherGranted(): Promise<void> {
  await send(`${root}/grant`)
}
