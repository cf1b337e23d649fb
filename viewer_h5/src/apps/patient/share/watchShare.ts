import { computed, onScopeDispose, watch } from 'vue'

import { askWhetherGranted } from '@/api/shares'

import { useStudy } from '../stores/study'

const SECONDS = 5

/** A page that another person's doing can end (a share, a doctor's opening) asks every few seconds whether it still may, and leaves the screen once it may not. */
export function watchShare(): void {
  const study = useStudy()
  const shared = computed(() => (study.screen?.holder ?? 'patient') !== 'patient')
  let timer: number | undefined

  function ask(): void {
    // Without network nothing is known: the page stays, and the next answer decides.
    if (!document.hidden) askWhetherGranted().catch(() => undefined)
  }

  function stop(): void {
    window.clearInterval(timer)
    document.removeEventListener('visibilitychange', ask)
  }

  watch(
    shared,
    (isShared) => {
      stop()
      if (!isShared) return
      timer = window.setInterval(ask, SECONDS * 1000)
      document.addEventListener('visibilitychange', ask)
    },
    { immediate: true },
  )
  onScopeDispose(stop)
}
