/**
 * Builds simple-peer for browsers: simple-peer.js → dist/simple-peer/simple-peer.js, an ES module that needs no Node.
 * simple-peer's own bundle (`simplepeer.min.js`, 27.6 KiB gzip) is browserify's, for browsers of 2016. This one has the
 * same modules from the same sources, without what a page cannot reach: of readable-stream only `Duplex`, which is what
 * simple-peer extends, and no `debug`; and with a Buffer made of what browsers have by now (`buffer.ts`). Not minified:
 * whoever bundles an application does that (19.1 KiB gzip then).
 */

import { resolve } from 'node:path'
import { defineConfig } from 'vite'

const here = import.meta.dirname

/** simple-peer's log lines: statements of a line each, read by nobody without `debug`. */
const LOG_LINES = /^ +this\._debug\(.*\)$/gm

export default defineConfig({
  root: here,
  plugins: [
    {
      name: 'no-log-lines',
      transform: (code, id) => (id.endsWith('/simple-peer/index.js') ? code.replaceAll(LOG_LINES, '') : null),
    },
  ],
  resolve: {
    alias: [
      { find: /^debug$/, replacement: resolve(here, 'debug.cjs') },
      { find: /^readable-stream$/, replacement: resolve(here, 'readable-stream.cjs') },
      { find: /^(?:safe-)?buffer$/, replacement: resolve(here, 'buffer.ts') },
      // The package, not Node's module of the same name.
      { find: /^events$/, replacement: 'events/' },
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
    rolldownOptions: {
      // Calls whose result nobody takes go: readable-stream's log lines.
      treeshake: { manualPureFunctions: ['debug'] },
      transform: { inject: { process: resolve(here, 'process.js') } },
    },
  },
})
