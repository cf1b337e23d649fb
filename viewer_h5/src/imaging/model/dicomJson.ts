import type { DicomJson } from '../contract'

/** Numbers of an attribute; an absent or unreadable one gives an empty list. */
export function numbersOf(json: DicomJson, tag: string): number[] {
  const values = json[tag]?.Value ?? []
  return values.map(Number).filter(Number.isFinite)
}

export function numberOf(json: DicomJson, tag: string): number | undefined {
  return numbersOf(json, tag)[0]
}

export function textOf(json: DicomJson, tag: string): string | undefined {
  const value = json[tag]?.Value?.[0]
  return typeof value === 'string' ? value.trim() : undefined
}
