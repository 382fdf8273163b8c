/**
 * Builds the live page, and nothing else: src/demo → dist/page, where the bootstrap serves it. Relative addresses, so
 * that it works under any path. Package imports (`#simple-peer`, `#platform`) resolve to their browser halves.
 */

import { resolve } from 'node:path'
import { defaultClientConditions, defineConfig } from 'vite'

export default defineConfig({
  root: resolve(import.meta.dirname, 'src/demo'),
  base: './',
  // The sources, not dist/; and what browsers get.
  resolve: { conditions: ['musubi-source', ...defaultClientConditions] },
  build: {
    outDir: resolve(import.meta.dirname, 'dist/page'),
    emptyOutDir: true,
    target: 'es2022',
    // The page carries other people's code: their licences go with it.
    license: { fileName: 'licenses.md' },
  },
})
