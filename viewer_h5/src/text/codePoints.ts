/** The service counts code points, JavaScript UTF-16 units: rare characters of names and places are two units. */

/** Text cut once into code points, so that offsets of the service can be used on it. */
export class CodePoints {
  private readonly points: readonly string[]

  constructor(text: string) {
    this.points = Array.from(text)
  }

  get length(): number {
    return this.points.length
  }

  slice(start: number, end: number): string {
    return this.points.slice(start, end).join('')
  }
}

export function codePointLength(text: string): number {
  return Array.from(text).length
}
