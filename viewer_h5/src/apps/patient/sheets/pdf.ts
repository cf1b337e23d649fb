import { getDocument, GlobalWorkerOptions, version } from 'pdfjs-dist/legacy/build/pdf.mjs'
import workerUrl from 'pdfjs-dist/legacy/build/pdf.worker.min.mjs?url'

import { send } from '@/api/http'

/** More pages than any report has; the original can always be opened whole. */
const MOST_PAGES = 30
/** Keeps one page's canvas below what iPhones allow. */
const WIDEST = 2400

export interface PdfPages {
  count: number
  /** Draws a page (from 1) as wide as given, in CSS pixels. */
  draw: (page: number, canvas: HTMLCanvasElement, width: number) => Promise<void>
  close: () => Promise<void>
}

/** Fetches a PDF and opens it. Throws a `Problem` when refused, pdf.js' error when it is no PDF. */
export async function openPdf(url: string): Promise<PdfPages> {
  GlobalWorkerOptions.workerSrc = workerUrl
  const data = await (await send(url)).arrayBuffer()
  // Character maps and fonts for PDFs that embed none (a HIS often doesn't) lie beside the pages.
  const assets = `${import.meta.env.BASE_URL}assets/pdfjs-${version}`
  const task = getDocument({ data, cMapUrl: `${assets}/cmaps/`, standardFontDataUrl: `${assets}/standard_fonts/`, wasmUrl: `${assets}/wasm/` })
  const document = await task.promise
  return {
    count: Math.min(document.numPages, MOST_PAGES),
    async draw(number, canvas, width) {
      const page = await document.getPage(number)
      const pixels = Math.min(width * window.devicePixelRatio, WIDEST)
      const viewport = page.getViewport({ scale: pixels / page.getViewport({ scale: 1 }).width })
      canvas.width = viewport.width
      canvas.height = viewport.height
      await page.render({ canvas, viewport }).promise
    },
    close: () => task.destroy(),
  }
}
