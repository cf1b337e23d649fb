/** What the service tells of an electrocardiogram: leads in microvolts, the standard twelve first. */
export interface Ecg {
  samples_per_second: number
  leads: { name: string; microvolts: number[] }[]
}

/** How it is drawn; a doctor reads intervals and heights off the paper, so both scales are always said. */
export interface Scale {
  /** 25 or 50. */
  mmPerSecond: number
  /** 5, 10 or 20. */
  mmPerMillivolt: number
}

export const SPEEDS = [25, 50]
export const GAINS = [5, 10, 20]

/** Left of the first sample: the lead's name and the 1 mV mark. */
export const HEAD_MM = 15
const ROW_MM_AT_STANDARD_GAIN = 25
const STANDARD_GAIN = 10

export function rowMm(scale: Scale): number {
  return (ROW_MM_AT_STANDARD_GAIN * scale.mmPerMillivolt) / STANDARD_GAIN
}

export function secondsOf(ecg: Ecg): number {
  return Math.max(0, ...ecg.leads.map((lead) => lead.microvolts.length)) / ecg.samples_per_second
}

export function sheetMm(ecg: Ecg, scale: Scale): { width: number; height: number } {
  return { width: HEAD_MM + secondsOf(ecg) * scale.mmPerSecond, height: ecg.leads.length * rowMm(scale) }
}

/**
 * The curve of a lead in millimetres from its own base line, upwards negative. Where more samples fall into a column of
 * `columnMm` than can be told apart, its first, lowest, highest and last stand for all: no peak is lost.
 */
export function curve(microvolts: number[], samplesPerSecond: number, scale: Scale, columnMm: number): [number, number][] {
  const mmPerSample = scale.mmPerSecond / samplesPerSecond
  const each = Math.max(1, Math.floor(columnMm / mmPerSample))
  const height = (value: number): number => (-value / 1000) * scale.mmPerMillivolt
  const points: [number, number][] = []
  for (let start = 0; start < microvolts.length; start += each) {
    for (const index of telling(microvolts, start, Math.min(start + each, microvolts.length))) {
      points.push([index * mmPerSample, height(microvolts[index] ?? 0)])
    }
  }
  return points
}

/** The indices of the first, lowest, highest and last sample of a piece, in their order, each once. */
function telling(samples: number[], start: number, end: number): number[] {
  const piece = samples.slice(start, end)
  const lowest = start + piece.indexOf(Math.min(...piece))
  const highest = start + piece.indexOf(Math.max(...piece))
  return [...new Set([start, lowest, highest, end - 1])].sort((a, b) => a - b)
}

export function pathOf(points: [number, number][]): string {
  return points.length === 0 ? '' : `M${points.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(3)}`).join('L')}`
}
