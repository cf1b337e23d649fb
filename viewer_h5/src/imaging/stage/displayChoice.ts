import type { SeriesBrief } from '../contract'
import type { Frame } from '../model/stack'
import { words } from '../words'

export type Mode = 'preview' | 'dicom'

export interface DisplayChoice {
  /** What the stage shows; null when there is nothing it could show. */
  mode: Mode | null
  /** A sentence the reader should know, empty when all is as asked. */
  note: string
}

/**
 * What to show for one picture: what was asked for where it exists, else the other with a sentence.
 *
 * `frame` is undefined until the manifest is there: then the series' own word counts. WebGL2 is asked only when
 * it matters, because asking costs a context.
 */
export function chooseDisplay(asked: Mode, series: SeriesBrief, frame: Frame | undefined, webGl2: () => boolean): DisplayChoice {
  const preview = series.has_preview && (frame?.instance.has_preview ?? true)
  const webFrame = frame?.instance.web_frame ?? true
  if (asked === 'preview' && preview) return { mode: 'preview', note: '' }
  if (webFrame && webGl2()) {
    if (asked === 'dicom') return { mode: 'dicom', note: '' }
    return { mode: 'dicom', note: series.has_preview ? words.noPreviewHere : words.noPreview }
  }
  if (preview) return { mode: 'preview', note: webFrame ? words.noWebGl : words.noWebFrame }
  return { mode: null, note: webFrame ? words.noWebGlNoPreview : words.nothing }
}
