/** The patient's calls, one function each; names follow `docs/patient-api.md`. */
import { takeEarly } from './early'
import { get, post, remove, tell, upload } from './http'
import type {
  CodeSent,
  Conversation,
  Door,
  Elsewhere,
  FirstScreen,
  FrameKey,
  Interpretation,
  KnowledgeEntry,
  Paper,
  PaperBrief,
  Proof,
  Purpose,
  Study,
} from './types'

const root = '/api/patient'
const part = encodeURIComponent

export const exchangeLink = (token: string) => tell(`${root}/link`, { token })
export const fetchDoor = () => get<Door>(`${root}/door`)
export const sendCode = (phone: string) => post<CodeSent>(`${root}/verification/code`, { phone })
export const verify = (proof: Proof) => post<{ expires_at: string }>(`${root}/verification`, proof)
export const leave = () => tell(`${root}/leave`)
export const giveConsent = (purpose: Purpose, version: string, given: boolean) =>
  tell(`${root}/consents`, { purpose, version, given })

export function fetchFirstScreen(study?: string): Promise<FirstScreen> {
  const path = `${root}/first-screen${study ? `?study=${part(study)}` : ''}`
  return get<FirstScreen>(path, takeEarly(path))
}
export const fetchStudies = () => get<Study[]>(`${root}/studies`)
export const fetchElsewhere = () => get<Elsewhere>(`${root}/elsewhere`)
/** The address opens once and soon: asked for at the tap. */
export const fetchElsewhereAddress = (handle: string) => post<{ url: string }>(`${root}/elsewhere/${part(handle)}`)

export const fetchInterpretation = (report: string) =>
  get<Interpretation>(`${root}/reports/${part(report)}/interpretation`)
export const fetchEntry = (entry: string) => get<KnowledgeEntry>(`${root}/knowledge/${part(entry)}`)
export const fetchConversation = (report: string) => get<Conversation>(`${root}/reports/${part(report)}/conversation`)
export const clearConversation = (report: string) => remove(`${root}/reports/${part(report)}/conversation`)
export const sendFeedback = (answer: string, helpful: boolean) =>
  tell(`${root}/answers/${part(answer)}/feedback`, { helpful })

export const uploadPaper = (file: File, onProgress: (sent: number) => void) =>
  upload<{ paper_id: string }>(`${root}/papers`, file, onProgress)
export const fetchPapers = () => get<PaperBrief[]>(`${root}/papers`)
export const fetchPaper = (paper: string) => get<Paper>(`${root}/papers/${part(paper)}`)
export const confirmPaper = (paper: string, fields: Record<string, string>) =>
  post<{ report_id: string }>(`${root}/papers/${part(paper)}/confirm`, { fields })
export const deletePaper = (paper: string) => remove(`${root}/papers/${part(paper)}`)

export const reportPdfUrl = (report: string) => `${root}/reports/${part(report)}/pdf`
export const documentUrl = (document: string) => `${root}/documents/${part(document)}`
export const paperPictureUrl = (paper: string) => `${root}/papers/${part(paper)}/picture`

/** A JPG of one frame. With the manifest's version the address is kept for good by the browser. */
export function frameJpgUrl(
  study: string,
  key: FrameKey,
  size: 'thumbnail' | 'preview',
  manifestVersion: string | null,
): string {
  const address = `${root}/studies/${part(study)}/instances/${part(key.sop_instance_uid)}/frames/${key.frame_number}/${size}`
  return manifestVersion ? `${address}?v=${part(manifestVersion)}` : address
}
