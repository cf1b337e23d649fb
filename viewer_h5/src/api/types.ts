/**
 * What travels between the patient's page and the service. `docs/patient-api.md` says what a type can't:
 * offsets count Unicode code points of a section's text (see `text/codePoints.ts`), times are ISO 8601 with zone.
 */

export type SectionName = 'findings' | 'impression'
export type Purpose = 'view' | 'interpret' | 'ocr' | 'elsewhere'
/** What a report's link asks for; a share asks for its passcode, or for nothing (`open`). */
export type VerificationMethod = 'phone' | 'id_number'
export type DoorMethod = VerificationMethod | 'passcode' | 'open'

export interface Door {
  hospital: string
  operator: string
  hospital_phone: string
  certificates: { name: string; number: string }[]
  /** Citizen platforms by which one comes here verified. */
  entries: { title: string; address: string }[]
  linked: boolean
  verified: boolean
  methods: DoorMethod[]
  ai_label: string
  demo: boolean
}

export interface CodeSent {
  retry_after_seconds: number
  code_length: number
}

export type Proof =
  | { method: 'phone'; phone: string; code: string }
  | { method: 'id_number'; id_number: string }
  | { method: 'passcode'; passcode: string }
  | { method: 'open' }

export interface Consent {
  purpose: string
  version: string
  given: boolean
  at: string
}

export interface Patient {
  name: string
  sex: string
  age: number | null
}

export interface Study {
  study_instance_uid: string
  study_date: string | null
  modalities: string[]
  exam_item: string
  description: string
  body_part: string
  institution: string
  series_count: number
  instance_count: number
  has_report: boolean
  has_preview: boolean
  state: 'ready' | 'preparing' | 'partly'
}

/** An examination that another hospital registered; `handle` opens it for this visit. */
export interface ExamElsewhere {
  handle: string
  exam_date: string
  exam_item: string
  modality: string
  institution: string
  has_images: boolean
  has_report: boolean
}

export interface Elsewhere {
  state: 'answered' | 'unavailable' | 'not_connected' | 'no_id_number'
  exams: ExamElsewhere[]
}

export interface Report {
  report_id: string
  status: 'verified' | 'amended'
  exam_item: string
  findings: string
  impression: string
  reporting_physician: string
  verifying_physician: string
  reported_at: string | null
  amended: boolean
}

export interface ReportDocument {
  document_id: string
  title: string
  media_type: string
  bytes: number
}

export interface FrameKey {
  sop_instance_uid: string
  frame_number: number
}

export interface SeriesBrief {
  series_instance_uid: string
  modality: string
  series_number: number | null
  description: string
  kind: 'image' | 'document' | 'waveform' | 'other'
  instance_count: number
  frame_count: number
  key: FrameKey | null
  /** A key object points this image out. */
  key_marked: boolean
  has_preview: boolean
  body_part: string
}

export interface FirstScreen {
  holder: 'patient' | 'share' | 'doctor'
  patient: Patient
  study: Study
  report: Report | null
  documents: ReportDocument[]
  series: SeriesBrief[]
  manifest_version: string | null
  rights: string[]
  consents: Consent[]
  history_count: number
}

/** A slice of one section, in code points. */
export interface Span {
  section: SectionName
  start: number
  end: number
}

export interface Term extends Span {
  text: string
  entry_id: string | null
  negated: boolean
}

export type FindingStatus = 'abnormal' | 'normal' | 'uncertain'

export interface Finding extends Span {
  text: string
  status: FindingStatus
  side: 'left' | 'right' | 'both' | 'none' | 'midline'
  level: string | null
  measurements: { value: number; unit: string }[]
  uncertain: boolean
}

export interface ExplainedSentence {
  text: string
  source_spans: [SectionName, number, number][]
  citations: string[]
  finding_index: number | null
}

export interface Interpretation {
  report_id: string
  report_version: number | string
  /** The text the offsets belong to. */
  findings_text: string
  impression_text: string
  from_paper: boolean
  ai_label: string
  knowledge_version: string
  critical: boolean
  critical_reasons: string[]
  urgency: 1 | 2 | 3 | 4
  terms: Term[]
  findings: Finding[]
  explanation: ExplainedSentence[]
}

export interface KnowledgeEntry {
  entry_id: string
  kind: string
  title: string
  plain: string
  body_html: string
  state: string
  /** Who answers for the text; null while nobody has reviewed it. */
  reviewer: string | null
  reviewed_at: string | null
  sources: KnowledgeSource[]
}

export interface KnowledgeSource {
  source_id: string
  title_zh: string
  organisation: string
  year: number | null
  version: string
}

export interface Citation {
  label: string
  entry_id?: string | null
  title?: string | null
  section?: SectionName | null
  start?: number | null
  end?: number | null
}

export interface AnswerSentence {
  index: number
  text: string
  citations: Citation[]
}

export interface Emergency {
  title: string
  text: string
  reasons: string[]
  call: string
  hospital_phone: string | null
}

export type Triage = 'emergency' | 'urgent' | 'routine' | 'self_care' | 'none'

export interface Answer {
  answer_id: string
  sentences: Omit<AnswerSentence, 'index'>[]
  emergency: Emergency | null
  triage: Triage
  refused: boolean
  /** Why refused, as a code: no_knowledge, out_of_scope, dose, … */
  reason: string | null
  model: string | null
}

export interface Conversation {
  conversation_id: string | null
  turns: { question: string; answer: Answer; asked_at: string }[]
  suggestions: string[]
}

export type AnswerEvent =
  | { type: 'started'; answer_id: string; model: string | null; ai_label: string }
  | { type: 'stage'; stage: string }
  | ({ type: 'emergency' } & Emergency)
  | ({ type: 'sentence' } & AnswerSentence)
  | { type: 'finished'; triage: Triage; refused: boolean; reason: string | null; suggestions: string[] }
  | { type: 'failed'; title: string; detail: string }

/** Left, top, width, height in pixels of the upright picture. */
export type PixelBox = [number, number, number, number]

export interface PaperField {
  key: string
  label: string
  value: string
  box: PixelBox | null
  confidence: number
}

export interface PaperRow {
  item: string
  value: string
  unit: string
  reference: string
  flag: string
}

export interface PaperDoubt {
  text: string
  box: PixelBox | null
  why: string
}

export interface Paper {
  paper_id: string
  state: 'reading' | 'read' | 'refused' | 'confirmed'
  reason: string | null
  /** 0..1 while reading. */
  progress: number
  width: number
  height: number
  fields: PaperField[]
  rows: PaperRow[]
  doubts: PaperDoubt[]
  report_id: string | null
  owner_mismatch: boolean
}

export type PaperBrief = Omit<Paper, 'width' | 'height' | 'fields' | 'rows' | 'doubts'> & { created_at: string }

export interface ShareWish {
  study: string
  expires_days: number
  protected: boolean
  passcode?: string
  with_history: boolean
  with_explanation: boolean
}

export interface MadeShare {
  share_id: string
  link: string
  /** A data address. */
  qr: string
  passcode: string | null
  expires_at: string
}

export interface Share {
  share_id: string
  study_instance_uid: string
  study_date: string | null
  modalities: string[]
  description: string
  state: 'active' | 'expired' | 'revoked' | 'locked'
  protected: boolean
  with_history: boolean
  with_explanation: boolean
  created_at: string
  expires_at: string
  opened_count: number
  last_opened_at: string | null
}

export interface Download {
  download_id: string
  expires_at: string
  bytes: number
}

export interface MadeDownload extends Download {
  code: string
}
