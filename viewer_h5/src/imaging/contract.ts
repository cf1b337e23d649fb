// The shapes of docs/patient-api.md this pane reads. Names are the contract's, snake case included.

export type SeriesKind = 'image' | 'document' | 'waveform' | 'other'

export interface FrameKey {
  sop_instance_uid: string
  /** Counts from 1, as in DICOMweb. */
  frame_number: number
}

export interface SeriesBrief {
  series_instance_uid: string
  modality: string
  series_number: number | null
  description: string | null
  kind: SeriesKind
  instance_count: number
  frame_count: number
  key: FrameKey | null
  /** Only in the first screen, which also says by its order which series is to be seen first. */
  body_part?: string
  has_preview: boolean
}

/** What the pane needs of the first-screen bundle; the version lets the first picture be cached for good. */
export interface ImagingFirstScreen {
  series: SeriesBrief[]
  manifest_version?: string | null
}

/** PS3.18 F.2: attributes by eight-digit tag. */
export type DicomJson = Record<string, { vr: string; Value?: unknown[] } | undefined>

export interface ManifestInstance {
  sop_instance_uid: string
  instance_number: number | null
  frames: number
  has_preview: boolean
  /** False where no lossless frame could be made for the browser. */
  web_frame: boolean
  metadata: DicomJson
}

export interface ManifestSeries extends SeriesBrief {
  instances: ManifestInstance[]
}

export interface Manifest {
  study_instance_uid: string
  version: string | number
  series: ManifestSeries[]
}
