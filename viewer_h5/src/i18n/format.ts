import { words } from './zh-CN/core'

// The hospital's clock, wherever the phone is.
const HOSPITAL_ZONE = 'Asia/Shanghai'
const DAY = { timeZone: HOSPITAL_ZONE, year: 'numeric', month: 'long', day: 'numeric' } as const
const day = new Intl.DateTimeFormat('zh-CN', DAY)
const minute = new Intl.DateTimeFormat('zh-CN', { ...DAY, hour: '2-digit', minute: '2-digit' })

/** A study date (`2026-11-20`, no zone) or a point in time, as a Chinese date. */
export function formatDate(iso: string | null): string {
  if (!iso) return words.common.dateUnknown
  return day.format(new Date(iso.length === 10 ? `${iso}T12:00:00+08:00` : iso))
}

export function formatDateTime(iso: string | null): string {
  return iso ? minute.format(new Date(iso)) : words.common.dateUnknown
}

/** DICOM modality in everyday words; an unknown code stays as it is. */
export function modalityName(modality: string): string {
  const names: Record<string, string> = words.modality
  return names[modality] ?? modality
}

export function sideName(side: string): string {
  const names: Record<string, string> = words.side
  return names[side] ?? ''
}

/** What a study is called: the exam item of its report, else its description, else its modalities. */
export function reportTitle(examItem: string | undefined, description: string, modalities: readonly string[]): string {
  return examItem || description || modalities.map(modalityName).join('、') || words.common.exam
}
