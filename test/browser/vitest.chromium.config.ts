/**
 * The vitest project that runs inside Chromium: tests of the network shell that must hold in a browser as they do in
 * Node, unchanged (crypto vectors, seals, links), and those of data channels (inside/). Node's crypto suite does not
 * exist there: WebCrypto's stands in for it.
 */

import { resolve } from 'node:path'
import { playwright } from '@vitest/browser-playwright'
import { defaultClientConditions, defineConfig } from 'vite'
import type { Plugin } from 'vite'
import 'vitest/config'
import { CHAPTERS, tell } from '../sim/story.ts'
import { findChromium, FLAGS } from './chromium.ts'

const root = resolve(import.meta.dirname, '../..')

/** If there is none, this project fails when it starts, and the others run. */
const { executablePath, env } = await findChromium().catch((error: unknown) => {
  process.stderr.write(`No Chromium for the tests: ${String(error)}\n`)
  return { executablePath: 'no-chromium', env: {} }
})

const webCryptoForNode: Plugin = {
  name: 'web-crypto-for-node',
  enforce: 'pre',
  resolveId: (source) =>
    source.endsWith('/crypto.node.ts') ? resolve(import.meta.dirname, 'inside/node-crypto.ts') : null,
}

/** What `inside/simulator` compares its own runs with. */
const tellInNode = (_: unknown, chapter: string, run: Parameters<typeof tell>[1]): string =>
  tell(CHAPTERS[chapter]!, run).trace.digest

export default defineConfig({
  root,
  plugins: [webCryptoForNode],
  // Found while tests run, these would make Vite reload the page in the middle.
  optimizeDeps: {
    include: [
      'simple-peer/simplepeer.min.js',
      '@hpke/core',
      'pure-rand/generator/xoroshiro128plus',
      '@noble/curves/ed25519.js',
      '@noble/ciphers/aes.js',
      '@noble/hashes/sha2.js',
      '@noble/hashes/hmac.js',
      '@noble/hashes/hkdf.js',
      '@noble/hashes/utils.js',
    ],
    exclude: ['@roamhq/wrtc', 'node-datachannel'],
  },
  resolve: { conditions: ['musubi-source', ...defaultClientConditions] },
  test: {
    root,
    name: 'chromium',
    globalSetup: [resolve(root, 'test/setup/build.ts')],
    include: ['test/browser/inside/**/*.test.ts', 'test/net/{crypto,crypto-hpke,crypto-sha256,link}.test.ts'],
    // What is said of Node's suite is not so here.
    testNamePattern: /^(?!.*Node gets node:crypto)/,
    testTimeout: 60_000,
    sequence: { groupOrder: 4 },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      commands: { tellInNode },
      provider: playwright({
        launchOptions: { executablePath, args: FLAGS, env: { ...process.env, ...env } as Record<string, string> },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
})
