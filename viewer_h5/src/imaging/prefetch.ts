import { hasWebGl2, savesData } from './capability'

type DicomModule = typeof import('./dicom')

let code: Promise<DicomModule> | undefined

/** The DICOM part of the viewer, loaded once; a failed load is forgotten so that a later tap tries again. */
export function loadDicomModule(): Promise<DicomModule> {
  code ??= import('./dicom').catch((error: unknown) => {
    code = undefined
    throw error
  })
  return code
}

/**
 * Load the DICOM viewer's code and decoder while the reader looks at the first JPG.
 *
 * Waits for an idle moment. Does nothing where it could not be used (no WebGL2) or where data is spared; a failure
 * is silent, the tap will try again and say so.
 */
export function prefetchViewerCode(): void {
  if (savesData()) return
  whenIdle(() => {
    if (!hasWebGl2()) return
    loadDicomModule()
      .then((dicom) => dicom.warmUp())
      .catch(() => undefined)
  })
}

function whenIdle(task: () => void): void {
  // Safari has no requestIdleCallback
  if ('requestIdleCallback' in window) window.requestIdleCallback(task, { timeout: 2000 })
  else setTimeout(task, 200)
}
