import type { FrameKey, ManifestInstance, ManifestSeries, SeriesBrief } from '../contract'

/** One picture of a stack: one frame of one instance. */
export interface Frame {
  instance: ManifestInstance
  /** Counts from 1. */
  frameNumber: number
}

/** Frames in the manifest's (anatomical) order; multi-frame instances unroll in place. */
export function framesOf(series: ManifestSeries): Frame[] {
  return series.instances.flatMap((instance) =>
    Array.from({ length: Math.max(0, instance.frames) }, (_, i) => ({ instance, frameNumber: i + 1 })),
  )
}

/** Where the key picture stands; the middle of the stack where it has none. */
export function indexOfKey(frames: readonly Frame[], key: FrameKey | null): number {
  const found = key
    ? frames.findIndex((f) => f.instance.sop_instance_uid === key.sop_instance_uid && f.frameNumber === key.frame_number)
    : -1
  return found >= 0 ? found : Math.floor(frames.length / 2)
}

export function clampedIndex(index: number, count: number): number {
  return Math.min(Math.max(0, count - 1), Math.max(0, Math.round(index)))
}

/**
 * The manifest's series as the first screen opens the study: its order, its key images, its body parts.
 * Series that have come since stand at the end.
 */
export function asOpened(series: readonly ManifestSeries[], briefs: readonly SeriesBrief[]): ManifestSeries[] {
  const place = new Map(briefs.map((brief, at) => [brief.series_instance_uid, { at, brief }]))
  return series
    .map((item) => {
      const known = place.get(item.series_instance_uid)
      const { key, body_part } = known?.brief ?? item
      return { at: known?.at ?? briefs.length, item: { ...item, key: key ?? item.key, body_part } }
    })
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** The series a patient sees first: pictures with a preview, then any pictures, then anything. */
export function firstSeries(series: readonly SeriesBrief[]): SeriesBrief | undefined {
  return (
    series.find((s) => s.kind === 'image' && s.has_preview && s.frame_count > 0) ??
    series.find((s) => s.kind === 'image' && s.frame_count > 0) ??
    series[0]
  )
}

/**
 * Whole slices to page for a drag, and what is left over for the next move.
 *
 * A stage height pages through the stack once, but a slice never needs less than 4 px (it would flicker) nor
 * more than 32 px (a short stack would feel stuck).
 */
export function slicesForDrag(rest: number, dy: number, count: number, stageHeight: number): { slices: number; rest: number } {
  const perSlice = Math.min(32, Math.max(4, stageHeight / Math.max(1, count)))
  const total = rest + dy
  const slices = Math.trunc(total / perSlice)
  return { slices, rest: total - slices * perSlice }
}
