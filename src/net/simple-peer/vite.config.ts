/**
 * Builds simple-peer for browsers: simple-peer.js → dist/simple-peer/simple-peer.js, an ES module that needs no Node.
 * simple-peer's own bundle (`simplepeer.min.js`, 27.6 KiB gzip) is browserify's, for browsers of 2016: a sixth of it is
 * simple-peer, the rest stands in for Node. This one has the same simple-peer, but for its log lines, on a stream, an
 * emitter and a Buffer made of what browsers have by now. Not minified: whoever bundles an application does that
 * (12.0 KiB gzip then).
 */

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { defineConfig } from 'vite'
import type { Plugin } from 'vite'

const here = import.meta.dirname

/** simple-peer's log lines: statements of a line each, read by nobody without `debug`. */
const LOG_LINES = /^ +this\._debug\(.*\)$/gm

/** Our stream is written after it, so its licence goes with the others. */
const readableStreamLicense: Plugin = {
  name: 'readable-stream-license',
  generateBundle: {
    order: 'post',
    async handler(_, bundle) {
      const text = await readFile(resolve(here, '../../../node_modules/readable-stream/LICENSE'), 'utf8')
      const licenses = bundle['licenses.md']
      if (licenses?.type !== 'asset') throw new Error('there are no licences to add to')
      licenses.source = `${String(licenses.source)}\n\n## readable-stream, rewritten (MIT)\n\n${text}`
    },
  },
}

export default defineConfig({
  root: here,
  plugins: [
    readableStreamLicense,
    {
      name: 'no-log-lines',
      transform: (code, id) => (id.endsWith('/simple-peer/index.js') ? code.replaceAll(LOG_LINES, '') : null),
    },
  ],
  resolve: {
    alias: [
      { find: /^debug$/, replacement: resolve(here, 'debug.cjs') },
      { find: /^readable-stream$/, replacement: resolve(here, 'duplex.ts') },
      { find: /^buffer$/, replacement: resolve(here, 'buffer.ts') },
      { find: /^randombytes$/, replacement: resolve(here, 'random-bytes.cjs') },
      { find: /^err-code$/, replacement: resolve(here, 'err-code.cjs') },
    ],
  },
  define: { global: 'globalThis' },
  build: {
    outDir: resolve(here, '../../../dist/simple-peer'),
    emptyOutDir: true,
    target: 'es2022',
    minify: false,
    license: { fileName: 'licenses.md' },
    lib: { entry: resolve(here, 'simple-peer.js'), formats: ['es'], fileName: () => 'simple-peer.js' },
  },
})
