// Where the pictures of a stack lie in the patient, and which picture of another stack lies at the same place.
import { numberOf, numbersOf, textOf } from './dicomJson'
import type { Frame } from './stack'

export type Vector = readonly [number, number, number]

/** A stack of parallel pictures. */
export interface StackGeometry {
  normal: Vector
  /** The middle of each picture, mm. */
  centres: readonly Vector[]
  /** How far from a picture's plane it still shows the patient, mm: half a slice or half the step, whichever is more. */
  reach: number
  frameOfReference: string
}

/** Directions of pictures of one stack differ by rounding only. */
const PARALLEL = Math.cos((1 * Math.PI) / 180)
/** Two stacks may be tilted against each other as far as a gantry tilts, and no plane is taken for another. */
const SAME_PLANE = Math.cos((30 * Math.PI) / 180)
const ROUNDING_MM = 0.05

/** Undefined where pictures do not say where they lie, are not parallel, or lie all at one place (cine). */
export function geometryOf(frames: readonly Frame[]): StackGeometry | undefined {
  const planes = frames.map(planeOf)
  const first = planes[0]
  if (!first || !planes.every((plane) => plane !== undefined && dot(plane.normal, first.normal) >= PARALLEL)) return undefined
  const centres = planes.map((plane) => (plane as Plane).centre)
  const along = centres.map((centre) => dot(centre, first.normal)).sort((a, b) => a - b)
  const steps = along.slice(1).map((value, i) => value - (along[i] as number))
  // two pictures at one place (another phase, another echo): the place does not name a picture
  if (steps.some((step) => step < 1e-3)) return undefined
  const json = (frames[0] as Frame).instance.metadata
  const step = steps.length ? (steps.sort((a, b) => a - b)[steps.length >> 1] as number) : 0
  const reach = Math.max(step, numberOf(json, '00180050') ?? 0) / 2 + ROUNDING_MM
  return { normal: first.normal, centres, reach, frameOfReference: textOf(json, '00200052') ?? '' }
}

/**
 * The direction along which two stacks are compared, the same whichever way each was numbered; undefined for
 * different planes. Between two tilted stacks it is the middle of both normals.
 */
export function commonAxis(a: StackGeometry, b: StackGeometry): Vector | undefined {
  const cosine = dot(a.normal, b.normal)
  if (Math.abs(cosine) < SAME_PLANE) return undefined
  const other = cosine < 0 ? scaled(b.normal, -1) : b.normal
  const axis = unit([a.normal[0] + other[0], a.normal[1] + other[1], a.normal[2] + other[2]])
  const largest = axis.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0)
  return largest < 0 ? scaled(axis, -1) : axis
}

/** Millimetres along an axis, one number a picture. */
export function positionsAlong({ centres }: StackGeometry, axis: Vector): number[] {
  return centres.map((centre) => dot(centre, axis))
}

/** The picture nearest to a place, and how far from it; of two equally near the first. */
export function nearest(positions: readonly number[], target: number): { index: number; distance: number } {
  let [index, distance] = [0, Infinity]
  positions.forEach((position, i) => {
    const away = Math.abs(position - target)
    if (away < distance - 1e-6) [index, distance] = [i, away]
  })
  return { index, distance }
}

/** The middle of what a stack covers. */
export function middleOf(positions: readonly number[]): number {
  return (Math.min(...positions) + Math.max(...positions)) / 2
}

interface Plane {
  normal: Vector
  centre: Vector
}

function planeOf({ instance, frameNumber }: Frame): Plane | undefined {
  const json = instance.metadata
  const [x, y, z] = numbersOf(json, '00200032')
  const [rx, ry, rz, cx, cy, cz] = numbersOf(json, '00200037')
  // frames after the first of an instance have a place of their own, which the manifest does not tell
  if (frameNumber > 1 || x === undefined || y === undefined || z === undefined || cz === undefined) return undefined
  const row: Vector = [rx as number, ry as number, rz as number]
  const column: Vector = [cx as number, cy as number, cz]
  const normal = cross(row, column)
  if (Math.hypot(...normal) < 0.9) return undefined
  const [rowSpacing = 0, columnSpacing = 0] = numbersOf(json, '00280030')
  const right = (columnSpacing * ((numberOf(json, '00280011') ?? 1) - 1)) / 2
  const down = (rowSpacing * ((numberOf(json, '00280010') ?? 1) - 1)) / 2
  const centre: Vector = [
    x + row[0] * right + column[0] * down,
    y + row[1] * right + column[1] * down,
    z + row[2] * right + column[2] * down,
  ]
  return { normal: unit(normal), centre }
}

/** Letters at the four edges of a picture (PS3.3 C.7.6.1.1.1); none where the picture does not say. */
export interface EdgeLetters {
  left: string
  right: string
  top: string
  bottom: string
}

export function edgeLettersOf(frame: Frame | undefined): EdgeLetters | undefined {
  const numbers = frame ? numbersOf(frame.instance.metadata, '00200037') : []
  if (numbers.length < 6) return undefined
  const row = numbers.slice(0, 3)
  const column = numbers.slice(3, 6)
  return { left: letters(row, -1), right: letters(row, 1), top: letters(column, -1), bottom: letters(column, 1) }
}

const LETTERS = [
  ['R', 'L'],
  ['A', 'P'],
  ['F', 'H'],
] as const

/** The patient's directions (L, P and H are the positive ones), the strongest first; weak ones are left out. */
function letters(direction: readonly number[], sign: number): string {
  return direction
    .map((value, axis) => ({ value: value * sign, axis }))
    .filter(({ value }) => Math.abs(value) > 0.3)
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .map(({ value, axis }) => LETTERS[axis]?.[value > 0 ? 1 : 0] ?? '')
    .join('')
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

function scaled(a: Vector, factor: number): Vector {
  return [a[0] * factor, a[1] * factor, a[2] * factor]
}

function unit(a: Vector): Vector {
  return scaled(a, 1 / Math.hypot(...a))
}
