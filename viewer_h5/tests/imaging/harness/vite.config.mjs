import { fileURLToPath } from 'node:url'

import product from '../../../vite.config.ts'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

/** The pane on a page of its own, built exactly as the product is. */
export default {
  ...product,
  root: here('.'),
  build: { ...product.build, rolldownOptions: { input: here('index.html') }, emptyOutDir: true },
}
