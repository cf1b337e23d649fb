import type { DicomJson } from '../contract'
import { numbersOf, textOf } from './dicomJson'

/** Window level 窗位 and width 窗宽 in rescaled units (Hounsfield units for CT). */
export interface Window {
  center: number
  width: number
}

/** PS3.3 C.11.2.1.3: which curve the window describes. */
export type VoiFunction = 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID'

/** Lowest and highest rescaled value that is not clipped (PS3.3 C.11.2.1.2.1 and C.11.2.1.3.2). */
export function windowBounds({ center, width }: Window, voi: VoiFunction = 'LINEAR'): [number, number] {
  if (voi === 'LINEAR') return [center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2]
  return [center - width / 2, center + width / 2]
}

/**
 * Grey level 0-255 of one rescaled value.
 *
 * PS3.3 gives a real number; we round half up, floor(y + 0.5), here and on the server, because any other
 * rule on one side moves ties by a grey level.
 */
export function greyOf(value: number, window: Window, voi: VoiFunction = 'LINEAR'): number {
  if (voi === 'SIGMOID') {
    return Math.floor(255 / (1 + Math.exp((-4 * (value - window.center)) / window.width)) + 0.5)
  }
  const [lower, upper] = windowBounds(window, voi)
  if (value <= lower) return 0
  if (value > upper) return 255
  return Math.floor(((value - lower) / (upper - lower)) * 255 + 0.5)
}

/** The windows an instance brings (0028,1050 and 0028,1051), unusable ones left out. */
export function windowsOf(json: DicomJson): Window[] {
  const widths = numbersOf(json, '00281051')
  const windows: Window[] = []
  numbersOf(json, '00281050').forEach((center, i) => {
    const width = widths[i]
    // C.11.2.1.2.1: a width below 1 has no meaning for LINEAR
    if (width !== undefined && width > 0 && (voiFunctionOf(json) !== 'LINEAR' || width >= 1)) windows.push({ center, width })
  })
  return windows
}

export function voiFunctionOf(json: DicomJson): VoiFunction {
  const name = textOf(json, '00281056')
  return name === 'LINEAR_EXACT' || name === 'SIGMOID' ? name : 'LINEAR'
}

/** A window that shows every value: for pictures that bring none. */
export function fullWindow(min: number, max: number): Window {
  const width = Math.max(max - min + 1, 1)
  return { center: min + width / 2, width }
}

/**
 * The window after a drag: to the right wider, downwards brighter level raised, as on hospital workstations.
 *
 * Speed follows the width the drag started from, so a brain window (80) moves finely and a bone window (2000) fast.
 */
export function windowAfterDrag(start: Window, dx: number, dy: number): Window {
  const step = Math.max(start.width, 16) / 256
  const width = Math.max(1, start.width + dx * step)
  const center = start.center + dy * step
  return { center: Math.round(center), width: Math.round(width) }
}

export interface WindowPreset extends Window {
  name: string
}

/** CT windows in Hounsfield units, as radiology departments set them. */
export const CT_PRESETS: readonly WindowPreset[] = [
  { name: '肺窗', center: -600, width: 1500 },
  { name: '纵隔窗', center: 40, width: 400 },
  { name: '骨窗', center: 500, width: 2000 },
  { name: '脑窗', center: 40, width: 80 },
]

/** Presets mean something only where values are Hounsfield units. */
export function presetsFor(modality: string): readonly WindowPreset[] {
  return modality === 'CT' ? CT_PRESETS : []
}
