import { LoadError } from './errors'
import type { Loaded } from './slidingStore'
import type { FetchOptions, Transport } from './transport'

/** A JPG ready to be put on the page without a flash; throws `LoadError` when it is no picture. */
export async function loadPicture(url: string, transport: Transport, options: FetchOptions): Promise<Loaded<HTMLImageElement>> {
  const { body, type } = await transport.bytes(url, { accept: 'image/jpeg', ...options })
  const image = new Image()
  image.alt = ''
  image.draggable = false
  image.src = URL.createObjectURL(new Blob([body], { type: type || 'image/jpeg' }))
  try {
    await image.decode()
  } catch {
    releasePicture(image)
    throw new LoadError('broken', 'the preview is not a picture')
  }
  return { value: image, bytes: image.naturalWidth * image.naturalHeight * 4 }
}

export function releasePicture(image: HTMLImageElement): void {
  URL.revokeObjectURL(image.src)
}
