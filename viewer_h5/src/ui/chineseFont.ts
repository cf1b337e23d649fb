/** Two characters that no shared fallback box can tell apart. */
const SAMPLES = ['明', '影'] as const

function drawn(context: CanvasRenderingContext2D, character: string): string {
  context.clearRect(0, 0, 24, 24)
  context.fillText(character, 2, 18)
  return context.getImageData(0, 0, 24, 24).data.join()
}

/** Does the machine draw Chinese by itself? Without a font every character is the same empty box. */
export function hasChineseFont(): boolean {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 24
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) return true
  context.font = '16px sans-serif'
  return drawn(context, SAMPLES[0]) !== drawn(context, SAMPLES[1])
}

/** Loads the font that comes with the pages, only where it is needed: its style sheet alone is 30 kB. */
export async function ensureChineseFont(): Promise<void> {
  if (!hasChineseFont()) await import('@fontsource/noto-sans-sc/400.css')
}
