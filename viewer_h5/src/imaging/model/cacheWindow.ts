/** Frames to keep near the one in view, most wanted first. */
export interface WantedOptions {
  index: number
  count: number
  /** +1 or -1: the way the reader pages; more is fetched ahead than behind. */
  direction: 1 | -1
  ahead: number
  behind: number
}

/**
 * The frame in view, then two ahead for one behind.
 *
 * `wantedFrames({index: 5, count: 10, direction: 1, ahead: 4, behind: 2})` is `[5, 6, 7, 4, 8, 9, 3]`.
 */
export function wantedFrames({ index, count, direction, ahead, behind }: WantedOptions): number[] {
  const wanted = [index]
  let front = 1
  let back = 1
  while (front <= ahead || back <= behind) {
    if (front <= ahead) wanted.push(index + direction * front++)
    if (front <= ahead) wanted.push(index + direction * front++)
    if (back <= behind) wanted.push(index - direction * back++)
  }
  return wanted.filter((i) => i >= 0 && i < count)
}

/**
 * Which kept frames must go so that the rest fits: the farthest from the view first, the one in view never.
 */
export function framesToDrop(kept: ReadonlyMap<number, number>, index: number, capBytes: number): number[] {
  let total = 0
  for (const bytes of kept.values()) total += bytes
  const farthestFirst = [...kept.keys()].filter((i) => i !== index).sort((a, b) => Math.abs(b - index) - Math.abs(a - index))
  const dropped: number[] = []
  for (const candidate of farthestFirst) {
    if (total <= capBytes) break
    total -= kept.get(candidate) ?? 0
    dropped.push(candidate)
  }
  return dropped
}
