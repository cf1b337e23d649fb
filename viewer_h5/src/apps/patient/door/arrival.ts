import type { LocationQuery } from 'vue-router'

const ARRIVALS = ['here', 'nothing', 'refused', 'unavailable'] as const

/** How a way in from a citizen platform ended; the service puts it behind the `#`. */
export type Arrival = (typeof ARRIVALS)[number]

/** Anybody can write an address: only words of ours count, and whether somebody is verified the door says alone. */
export function arrivalIn(query: LocationQuery): Arrival | null {
  return ARRIVALS.find((arrival) => arrival === query.citizen) ?? null
}
