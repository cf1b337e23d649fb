import type { Manifest } from '../contract'
import type { StudyAddresses } from './addresses'
import { abortableSleep, type Transport } from './transport'

export interface ManifestOptions {
  signal: AbortSignal
  /** Told each time the service says that frames are still being made. */
  onPreparing?: () => void
  sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>
}

const FIRST_WAIT_MS = 2000
const LONGEST_WAIT_MS = 15_000

/** The study's manifest, asked for again while it is being prepared; throws `LoadError` or an AbortError. */
export async function loadManifest(addresses: StudyAddresses, transport: Transport, options: ManifestOptions): Promise<Manifest> {
  const sleep = options.sleep ?? abortableSleep
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 1.5, LONGEST_WAIT_MS)) {
    const { status, body } = await transport.json(addresses.manifest(), { signal: options.signal })
    if (status !== 202) return body as Manifest
    options.onPreparing?.()
    await sleep(wait, options.signal)
  }
}
