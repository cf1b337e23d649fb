// The lazy half of the imaging module: everything that pulls in Cornerstone3D stands behind this file.
import { startCornerstone } from './cornerstone'
import { warmUpDecoder } from './frameSource'

export { DicomView } from './dicomView'

/** Compile the decoder and start the library, so that a tap only waits for the frame. */
export async function warmUp(): Promise<void> {
  startCornerstone()
  await warmUpDecoder()
}
