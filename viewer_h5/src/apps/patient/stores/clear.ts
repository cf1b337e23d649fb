const clearers = new Set<() => void>()

/** Stores that hold something of a patient register here how they forget it. */
export function forgetOnLeave(clear: () => void): void {
  clearers.add(clear)
}

export function clearPatientStores(): void {
  for (const clear of clearers) clear()
}
