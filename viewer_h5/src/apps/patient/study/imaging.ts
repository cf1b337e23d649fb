import { type Component, defineAsyncComponent, h } from 'vue'

import { words } from '@/i18n'
import { whenIdle } from '@/ui/idle'

const load = () => import('@/imaging/ImagingPane.vue')

/** The pane that shows pictures; its DICOM part is megabytes of code and comes later still. */
export const ImagingPane: Component = defineAsyncComponent({
  loader: load,
  delay: 0,
  loadingComponent: () => h('p', { role: 'status', class: 'note' }, words.images.opening),
  errorComponent: () => h('p', { role: 'alert', class: 'note' }, words.images.failed),
  // A lost connection: tried again twice before it is said.
  onError: (_error, retry, fail, attempts) => (attempts <= 2 ? setTimeout(retry, 800) : fail()),
})

/** Fetches the pane at once, for an address that opens on the pictures; a failure is silent, opening tries again. */
export function fetchImagingPane(): void {
  load().catch(() => undefined)
}

/** Fetches the pane and then the DICOM viewer in moments of rest; a failure is silent, opening tries again. */
export function prefetchImaging(): void {
  whenIdle(() => {
    load()
      .then(() => import('@/imaging/prefetch'))
      .then(({ prefetchViewerCode }) => prefetchViewerCode())
      .catch(() => undefined)
  })
}
