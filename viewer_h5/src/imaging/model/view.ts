/** How a picture lies in its stage: zoom 1 fits it, pan is the shift of its centre in CSS pixels. */
export interface View {
  zoom: number
  panX: number
  panY: number
}

export interface Size {
  width: number
  height: number
}

export const FITTED: View = { zoom: 1, panX: 0, panY: 0 }
export const MIN_ZOOM = 0.5
export const MAX_ZOOM = 16

/** The largest size that shows the whole picture; `pixelAspect` is row spacing over column spacing. */
export function fittedSize(picture: Size, stage: Size, pixelAspect = 1): Size {
  const height = picture.height * pixelAspect
  const scale = Math.min(stage.width / picture.width, stage.height / height)
  return { width: picture.width * scale, height: height * scale }
}

/** Zoom by a factor while the point (CSS pixels from the stage's centre) stays under the finger. */
export function zoomAbout(view: View, factor: number, x: number, y: number): View {
  const zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, view.zoom * factor))
  const ratio = zoom / view.zoom
  return { zoom, panX: x - (x - view.panX) * ratio, panY: y - (y - view.panY) * ratio }
}

export function pannedBy(view: View, dx: number, dy: number): View {
  return { ...view, panX: view.panX + dx, panY: view.panY + dy }
}

/** Keep at least a quarter of the stage covered, so that a picture cannot be lost. */
export function keptInStage(view: View, fitted: Size, stage: Size): View {
  const limit = (size: number, room: number) => Math.max(0, (size * view.zoom + room) / 2 - room / 4)
  const clamp = (value: number, most: number) => Math.min(most, Math.max(-most, value))
  return {
    zoom: view.zoom,
    panX: clamp(view.panX, limit(fitted.width, stage.width)),
    panY: clamp(view.panY, limit(fitted.height, stage.height)),
  }
}
