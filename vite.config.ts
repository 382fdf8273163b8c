/**
 * Builds the live page, and nothing else: src/demo → dist/page, where the bootstrap serves it. Relative addresses, so
 * that it works under any path. Package imports (`#simple-peer`, `#platform`) resolve to their browser halves.
 */

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { defaultClientConditions, defineConfig } from 'vite'
import type { Plugin } from 'vite'

/** What src/net/simple-peer has bundled before is no package any more, so `license` below does not see it. */
const simplePeerLicenses: Plugin = {
  name: 'simple-peer-licenses',
  async generateBundle() {
    const source = await readFile(resolve(import.meta.dirname, 'dist/simple-peer/licenses.md'))
    this.emitFile({ type: 'asset', fileName: 'licenses-simple-peer.md', source })
  },
}

export default defineConfig({
  plugins: [simplePeerLicenses],
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
