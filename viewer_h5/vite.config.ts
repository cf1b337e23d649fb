import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

import vue from '@vitejs/plugin-vue'
import pdfjs from 'pdfjs-dist/package.json' with { type: 'json' }
import { build, type Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const BROWSERS = ['chrome80', 'safari13.1'] // old phones and WeChat's browser

// One entry page per app; plugin and reading add theirs here.
const pages = { patient: here('index.html'), editor: here('editor.html'), admin: here('admin.html'), plugin: here('plugin.html'), reading: here('reading.html'), laboratory: here('laboratory.html') }

const EVERYWHERE =
  /node_modules\/(vue|@vue|pinia|vue-router)\/|plugin-vue:export-helper|oxc-project|preload-helper|modulepreload-polyfill|rolldown|src\/apps\/patient\/stores\/(consents|clear)\.ts|src\/ui\/(theme\.css|ProblemNote\.vue|chineseFont\.ts)|src\/(api\/(http|problem|patient|early)|i18n\/(index|format|zh-CN\/core))\.ts/

/** Character maps, fonts and decoders that pdf.js fetches by name: they keep their names beside the pages. */
function pdfjsFiles(): Plugin {
  return {
    name: 'pdfjs-files',
    apply: 'build',
    generateBundle() {
      for (const folder of ['cmaps', 'standard_fonts', 'wasm']) {
        const from = here(`node_modules/pdfjs-dist/${folder}/`)
        for (const file of readdirSync(from)) {
          this.emitFile({ type: 'asset', fileName: `assets/pdfjs-${pdfjs.version}/${folder}/${file}`, source: readFileSync(from + file) })
        }
      }
    },
  }
}

/** A brotli and a gzip twin of each text and wasm file, which the service sends instead where the browser takes it. */
function compressedTwins(): Plugin {
  return {
    name: 'compressed-twins',
    apply: 'build',
    writeBundle({ dir = '' }, bundle) {
      for (const name of Object.keys(bundle).filter((file) => /\.(js|css|svg|wasm)$/.test(file))) {
        const path = join(dir, name)
        const content = readFileSync(path)
        if (content.length < 1024) continue
        const params = { [constants.BROTLI_PARAM_QUALITY]: content.length > 500_000 ? 9 : 11 }
        writeFileSync(`${path}.br`, brotliCompressSync(content, { params }))
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }))
      }
    },
  }
}

/** The script with which a page of a HIS shows the plugin: a classic script of its own, with a name that stays. */
function dockScript(): Plugin {
  return {
    name: 'dock-script',
    apply: 'build',
    async writeBundle({ dir = '' }) {
      const lib = { entry: here('src/dock/main.ts'), formats: ['iife' as const], name: 'MingyingDock', fileName: () => 'plugin/dock.js' }
      await build({ configFile: false, logLevel: 'warn', publicDir: false, build: { outDir: dir, emptyOutDir: false, target: BROWSERS, lib } })
    },
  }
}

export default defineConfig({
  plugins: [vue(), pdfjsFiles(), compressedTwins(), dockScript()],
  resolve: { alias: { '@': here('src') } },
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_PROD_DEVTOOLS__: false,
  },
  build: {
    target: BROWSERS,
    cssTarget: BROWSERS,
    chunkSizeWarningLimit: 4500, // the imaging chunk is large and loaded lazily
    rolldownOptions: {
      input: pages,
      output: {
        // What every page needs arrives in one piece instead of eight.
        codeSplitting: { groups: [{ name: 'base', test: EVERYWHERE }] },
        // .mjs is not a name every server knows the type of
        assetFileNames: ({ names }) => `assets/[name]-[hash]${names[0]?.endsWith('.mjs') ? '.js' : '[extname]'}`,
      },
    },
  },
  worker: { format: 'es' },
  optimizeDeps: {
    exclude: ['@cornerstonejs/dicom-image-loader'],
    include: [
      'dicom-parser',
      'pako',
      '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs',
      '@cornerstonejs/codec-charls/decodewasmjs',
      '@cornerstonejs/codec-openjpeg/decodewasmjs',
      '@cornerstonejs/codec-openjph/wasmjs',
    ],
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8042' } },
  test: { environment: 'happy-dom', include: ['tests/**/*.test.ts', 'src/**/*.test.ts'] },
})
