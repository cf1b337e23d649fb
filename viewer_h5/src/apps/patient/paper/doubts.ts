import type { Paper, PaperDoubt, PaperField, PixelBox } from '@/api/types'

/** Below this the reading engine itself was unsure. */
const SURE = 0.85

function overlap(a: PixelBox, b: PixelBox): boolean {
  return a[0] < b[0] + b[2] && b[0] < a[0] + a[2] && a[1] < b[1] + b[3] && b[1] < a[1] + a[3]
}

/** The doubts that concern a field: inside its box, or quoted from its value where one of them has no box. */
export function doubtsOf(field: PaperField, doubts: readonly PaperDoubt[]): PaperDoubt[] {
  return doubts.filter((doubt) =>
    field.box && doubt.box ? overlap(field.box, doubt.box) : doubt.text !== '' && field.value.includes(doubt.text),
  )
}

export function isUnsure(field: PaperField, doubts: readonly PaperDoubt[]): boolean {
  return field.confidence < SURE || doubtsOf(field, doubts).length > 0
}

/** How many places a person should look at. */
export function unsureCount({ fields, doubts }: Paper): number {
  return fields.filter((field) => isUnsure(field, doubts)).length
}
