import { computed } from 'vue'

import type { ImagingFirstScreen } from '../contract'
import { FITTED } from '../model/view'
import { StudyAddresses } from '../net/addresses'
import type { RequestQueue } from '../net/requestQueue'
import type { Transport } from '../net/transport'
import { usePreviews } from './usePreviews'
import { useStack } from './useStack'
import { useStatus } from './useStatus'
import { useStudy } from './useStudy'
import { useWindowing } from './useWindowing'

export interface ReaderOptions {
  apiBase: string
  studyInstanceUid: string
  firstScreen: () => ImagingFirstScreen
  /** Two studies on one page share theirs: what the reader waits for goes first, whichever study it is of. */
  queue: RequestQueue
  transport: Transport
}

/** One study being read: its manifest, where the reader is in it, what is painted. A page holds as many as it shows. */
export function useReader({ apiBase, studyInstanceUid, firstScreen, queue, transport }: ReaderOptions) {
  const study = useStudy(apiBase, studyInstanceUid, transport)
  const stack = useStack(() => firstScreen().series, study.manifest)
  const status = useStatus(stack, { preparing: study.preparing, manifestFailure: study.failure })
  const windowing = useWindowing(stack)
  const version = computed(() => study.manifest.value?.version ?? firstScreen().manifest_version ?? undefined)
  const addresses = computed(() => new StudyAddresses(apiBase, studyInstanceUid, version.value))
  const previews = usePreviews(queue, transport, addresses)

  /** Fitted again, each picture with its own window. */
  function reset(): void {
    if (stack.state.value) stack.state.value.view = { ...FITTED }
    windowing.choose(null)
  }

  return { study, stack, status, windowing, addresses, previews, queue, transport, reset }
}

export type Reader = ReturnType<typeof useReader>
