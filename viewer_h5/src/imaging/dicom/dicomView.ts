import { Enums, RenderingEngine, type Types } from '@cornerstonejs/core'

import { LoadError } from '../net/errors'
import type { Frame } from '../model/stack'
import type { View } from '../model/view'
import { voiFunctionOf, windowBounds, type Window } from '../model/window'
import { offer, SCHEME, startCornerstone, withdraw } from './cornerstone'
import { isPainted, probesOf, type Probe } from './paintCheck'
import { layoutOf, type DecodedFrame } from './pixels'

const VIEWPORT = 'stack'
let engines = 0

/** One stack viewport on one element. The caller hands in decoded frames; this only paints. */
export class DicomView {
  private readonly engine: RenderingEngine
  private readonly viewport: Types.IStackViewport
  private frames: readonly Frame[] = []
  private imageIds: string[] = []
  private stacked = false
  /** Looked at once a series: reading the canvas back on every page would slow the paging down. */
  private proved = false
  private view: View = { zoom: 1, panX: 0, panY: 0 }
  private window: Window | undefined
  /** Dropped by the store while on screen: let go when the next picture is shown. */
  private overdue: number | undefined
  private current: { frame: DecodedFrame; index: number } | undefined
  private pending: Promise<void> = Promise.resolve()

  /** `onLost` is called when the browser takes the graphics context away: this view is dead then, make a new one. */
  constructor(
    private readonly element: HTMLDivElement,
    onLost: () => void,
  ) {
    startCornerstone()
    this.engine = new RenderingEngine(`mingying-${++engines}`)
    this.engine.enableElement({ viewportId: VIEWPORT, type: Enums.ViewportType.STACK, element })
    this.viewport = this.engine.getViewport(VIEWPORT) as Types.IStackViewport
    const renderWindow = this.engine.getOffscreenMultiRenderWindow(VIEWPORT).getOpenGLRenderWindow()
    renderWindow.get3DContext().canvas.addEventListener('webglcontextlost', onLost, { once: true })
  }

  /** Take another series; the old picture stays on screen until one of the new is shown. */
  setFrames(frames: readonly Frame[]): void {
    this.imageIds.forEach(withdraw)
    this.frames = frames
    this.imageIds = frames.map((f) => `${SCHEME}:instances/${f.instance.sop_instance_uid}/frames/${f.frameNumber}`)
    this.stacked = false
    this.proved = false
    this.current = undefined
    this.overdue = undefined
  }

  /**
   * Paint this frame with the window valid at that moment, and look whether it was really painted.
   *
   * Calls are taken one after the other. Throws a `LoadError` of kind `broken` when the canvas does not show the
   * frame's pixels: the library reports success for a black canvas too.
   */
  show(index: number, frame: DecodedFrame, window: () => Window): Promise<void> {
    const { frames } = this
    const turn = this.pending
      .catch(() => undefined)
      .then(() => (frames === this.frames ? this.paint(index, frame, window()) : undefined))
    this.pending = turn
    return turn
  }

  setWindow(window: Window): void {
    this.window = window
    if (!this.current) return
    this.applyWindow()
    this.viewport.render()
  }

  setView(view: View): void {
    this.view = view
    if (!this.current) return
    this.applyView()
    this.viewport.render()
  }

  /** Take the element's new size; a hidden element keeps the old one. */
  resize(): void {
    if (this.element.clientWidth === 0 || this.element.clientHeight === 0) return
    this.engine.resize(true, false)
    this.setView(this.view)
  }

  /** Where a pixel's centre lies on the element, in CSS pixels. */
  positionOf(column: number, row: number): [number, number] {
    const { imageData } = this.viewport.getImageData() as Types.IImageData
    return this.viewport.worldToCanvas(imageData.indexToWorld([column, row, 0]) as Types.Point3)
  }

  /** Tell the library to let go of a frame the store has dropped. */
  release(index: number): void {
    if (index === this.current?.index) this.overdue = index
    else this.withdraw(index)
  }

  close(): void {
    this.engine.destroy()
    this.imageIds.forEach(withdraw)
  }

  private withdraw(index: number): void {
    const imageId = this.imageIds[index]
    if (imageId) withdraw(imageId)
  }

  private async paint(index: number, frame: DecodedFrame, window: Window): Promise<void> {
    const imageId = this.imageIds[index]
    const json = this.frames[index]?.instance.metadata
    if (!imageId || !json) throw new LoadError('broken', 'no such picture')
    offer(imageId, { frame, json, window })
    this.window = window
    if (this.stacked) await this.viewport.setImageIdIndex(index)
    else await this.viewport.setStack(this.imageIds, index)
    this.stacked = true
    this.current = { frame, index }
    if (this.overdue !== undefined && this.overdue !== index) this.withdraw(this.overdue)
    this.overdue = undefined
    this.applyWindow()
    this.applyView()
    const done = painted(this.element)
    this.engine.renderViewport(VIEWPORT)
    await done
    if (this.proved || this.element.clientWidth === 0) return
    this.proved = this.showsPixels()
    if (!this.proved) throw new LoadError('broken', 'the canvas does not show the pixels')
  }

  private applyWindow(): void {
    if (!this.window || !this.current) return
    const json = this.frames[this.current.index]?.instance.metadata
    const [lower, upper] = windowBounds(this.window, json ? voiFunctionOf(json) : 'LINEAR')
    // the library divides by the width: a one-value window still needs two ends
    this.viewport.setProperties({ voiRange: { lower, upper: Math.max(upper, lower + 1e-3) } })
  }

  /** Zoom and pan from the fitted camera: the library's setPan skips shifts under one pixel. */
  private applyView(): void {
    this.viewport.resetCamera({ resetPan: true, resetZoom: true, resetToCenter: true, suppressEvents: true })
    const camera = this.viewport.getCamera()
    const { focalPoint, position, parallelScale, viewUp, viewPlaneNormal } = camera
    if (!focalPoint || !position || !parallelScale || !viewUp || !viewPlaneNormal) return
    const scale = parallelScale / this.view.zoom
    const perPixel = (2 * scale) / Math.max(1, this.element.clientHeight)
    const right = cross(viewUp, viewPlaneNormal)
    const shift = [0, 1, 2].map((i) => (viewUp[i as 0] * this.view.panY - (right[i] ?? 0) * this.view.panX) * perPixel)
    const moved = (point: Types.Point3): Types.Point3 => [
      point[0] + (shift[0] ?? 0),
      point[1] + (shift[1] ?? 0),
      point[2] + (shift[2] ?? 0),
    ]
    this.viewport.setCamera({ ...camera, parallelScale: scale, focalPoint: moved(focalPoint), position: moved(position) })
  }

  private showsPixels(): boolean {
    const json = this.current && this.frames[this.current.index]?.instance.metadata
    if (!json || !this.current || !this.window) return true
    const layout = layoutOf(json)
    const inverted = layout.photometricInterpretation === 'MONOCHROME1'
    const probes = probesOf(this.current.frame, layout, this.window, voiFunctionOf(json), inverted)
    const seen = copyOf(this.viewport.getCanvas())
    return isPainted(probes, (probe) => this.greyOnScreen(seen, probe))
  }

  private greyOnScreen({ data, width, height }: ImageData, { column, row, size }: Probe): number | undefined {
    const ratio = width / this.element.clientWidth
    // pixel (column, row) has its centre there: the square starts half a pixel before
    const [left, top] = this.positionOf(column - 0.5, row - 0.5)
    const [right, bottom] = this.positionOf(column + size - 0.5, row + size - 0.5)
    const [x0, x1] = [Math.ceil(Math.min(left, right) * ratio), Math.floor(Math.max(left, right) * ratio)]
    const [y0, y1] = [Math.ceil(Math.min(top, bottom) * ratio), Math.floor(Math.max(top, bottom) * ratio)]
    if (x0 < 0 || y0 < 0 || x1 > width || y1 > height || x1 <= x0 || y1 <= y0) return undefined
    let sum = 0
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) sum += data[(y * width + x) * 4] ?? 0
    }
    return sum / ((x1 - x0) * (y1 - y0))
  }
}

/** The canvas's pixels by way of another canvas: one that is itself read back often is painted slowly ever after. */
function copyOf(canvas: HTMLCanvasElement): ImageData {
  const copy = document.createElement('canvas')
  copy.width = canvas.width
  copy.height = canvas.height
  const context = copy.getContext('2d', { willReadFrequently: true })
  if (!context) throw new LoadError('broken', 'the canvas cannot be read')
  context.drawImage(canvas, 0, 0)
  return context.getImageData(0, 0, copy.width, copy.height)
}

function cross(a: Types.Point3, b: Types.Point3): Types.Point3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/** Resolves when the library has painted; a hidden page is never painted, so don't wait for ever. */
function painted(element: HTMLElement): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      element.removeEventListener(Enums.Events.IMAGE_RENDERED, done)
      resolve()
    }
    const timer = setTimeout(done, 500)
    element.addEventListener(Enums.Events.IMAGE_RENDERED, done)
  })
}
