import type { DicomJson, ManifestSeries } from '@/imaging/contract'

export interface StackWish {
  uid?: string
  modality?: string
  description?: string
  bodyPart?: string
  thickness?: number
  /** ImagePositionPatient of each slice; null where it is missing. */
  positions: readonly (readonly [number, number, number] | null)[]
  orientation?: readonly number[]
  frameOfReference?: string
  laterality?: string
  size?: number
  spacing?: number
}

const ds = (...values: number[]) => ({ vr: 'DS', Value: values })

/** A series as the manifest tells it. */
export function series(wish: StackWish): ManifestSeries {
  const { uid = '1', modality = 'CT', description = 'Chest', bodyPart = 'CHEST', orientation = [1, 0, 0, 0, 1, 0] } = wish
  const instances = wish.positions.map((position, i) => {
    const metadata: DicomJson = {
      '00200052': { vr: 'UI', Value: [wish.frameOfReference ?? uid] },
      '00280010': { vr: 'US', Value: [wish.size ?? 512] },
      '00280011': { vr: 'US', Value: [wish.size ?? 512] },
      '00280030': ds(wish.spacing ?? 0.7, wish.spacing ?? 0.7),
      ...(position && { '00200032': ds(...position), '00200037': ds(...orientation) }),
      ...(wish.thickness !== undefined && { '00180050': ds(wish.thickness) }),
      ...(wish.laterality && { '00200060': { vr: 'CS', Value: [wish.laterality] } }),
    }
    return { sop_instance_uid: `${uid}.${i}`, instance_number: i + 1, frames: 1, has_preview: true, web_frame: true, metadata }
  })
  return {
    series_instance_uid: uid,
    modality,
    series_number: 1,
    description,
    kind: 'image',
    instance_count: instances.length,
    frame_count: instances.length,
    key: null,
    body_part: bodyPart,
    has_preview: true,
    instances,
  }
}

/** Axial slices at these heights. */
export const axial = (heights: readonly number[], wish: Partial<StackWish> = {}): ManifestSeries =>
  series({ positions: heights.map((z) => [-180, -180, z] as const), ...wish })

export const range = (count: number, from: number, step: number): number[] => Array.from({ length: count }, (_, i) => from + i * step)
