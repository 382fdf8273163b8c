/**
 * What a web page pays for `createMesh`: all scripts that it needs to join, to message and to relay, simple-peer included,
 * as a bundler makes them from the package's own entry. Chunks that are imported on demand count as well, but for those
 * of `ON_DEMAND`: what a page may never use.
 */

import { gzipSync } from 'node:zlib'
import { build, defaultClientConditions } from 'vite'
import type { Rollup } from 'vite'
import { beforeAll, describe, expect, it } from 'vitest'

/**
 * At first load, including simple-peer (issue 2, "Speed"). 59.9 are reached, some 10 of them simple-peer's; docs/FIGURES.md
 * has where the rest is. Vite's helper for imports on demand is counted: other bundlers have one of their own.
 */
const FIRST_LOAD_KIB_MAX = 60

/** Cryptography for browsers that lack some of it, and descriptions of calls with audio or video. */
const ON_DEMAND = [
  'src/net/crypto/crypto.noble.ts',
  'src/net/sdp-media.ts',
  'src/core/topics.ts',
  'dist/simple-peer/buffer-methods.js',
]

/** Some of what no mesh does without: core, link, WebRTC data path, sealing, native cryptography. */
const NEEDED = [
  'dist/simple-peer/simple-peer.js',
  'src/core/node.ts',
  'src/net/link.ts',
  'src/net/exchange.ts',
  'src/net/seal.ts',
  'src/net/crypto/crypto.web.ts',
  'src/wire/frames.ts',
]

const ENTRY = 'virtual:page'
const root = new URL('..', import.meta.url).pathname

/** Bundles a module with this text for browsers, in memory, as the entry of a page. */
async function bundle(text: string): Promise<Rollup.OutputChunk[]> {
  const result = await build({
    root,
    configFile: false,
    logLevel: 'silent',
    plugins: [
      { name: 'entry', resolveId: (id) => (id === ENTRY ? ENTRY : null), load: (id) => (id === ENTRY ? text : null) },
    ],
    resolve: { conditions: ['musubi-source', ...defaultClientConditions] },
    build: {
      write: false,
      target: 'es2022',
      rollupOptions: { input: ENTRY, preserveEntrySignatures: 'allow-extension' },
      modulePreload: false,
    },
  })
  const { output } = (Array.isArray(result) ? result[0] : result) as Rollup.RollupOutput
  return output.filter((part) => part.type === 'chunk')
}

/** The entry and all chunks that it imports in whatever way, however far down, without those that are on demand. */
function firstLoad(chunks: readonly Rollup.OutputChunk[]): Set<Rollup.OutputChunk> {
  const loaded = new Set(chunks.filter((chunk) => chunk.isEntry))
  for (const { imports, dynamicImports } of loaded) {
    const imported = chunks.filter(({ fileName }) => imports.includes(fileName))
    const later = chunks.filter((chunk) => dynamicImports.includes(chunk.fileName) && !isOnDemand(chunk))
    for (const chunk of [...imported, ...later]) loaded.add(chunk)
  }
  return loaded
}

const isOnDemand = ({ facadeModuleId }: Rollup.OutputChunk): boolean =>
  ON_DEMAND.some((module) => facadeModuleId === root + module)

const kib = (chunks: Iterable<Rollup.OutputChunk>): number => {
  let bytes = 0
  for (const { code } of chunks) bytes += gzipSync(code, { level: 9 }).length
  return bytes / 1024
}

describe('the browser bundle of createMesh', () => {
  let chunks: Rollup.OutputChunk[]
  beforeAll(async () => {
    chunks = await bundle(`export { createMesh } from '${root}src/index.ts'`)
  })

  it(`is at most ${FIRST_LOAD_KIB_MAX} KiB gzip at first load`, () => {
    const loaded = firstLoad(chunks)
    const later = chunks.filter((chunk) => !loaded.has(chunk))
    console.log(`createMesh: ${kib(loaded).toFixed(1)} KiB gzip at first load, ${kib(later).toFixed(1)} KiB on demand`)
    expect(kib(loaded)).toBeLessThanOrEqual(FIRST_LOAD_KIB_MAX)
  })

  it('counts everything that is needed to join, to message and to relay, simple-peer included', () => {
    const counted = [...firstLoad(chunks)].flatMap(({ modules }) => Object.keys(modules))
    for (const module of NEEDED) expect(counted).toContain(root + module)
    // A bundle without simple-peer (12.0 KiB by itself) would be a bundle of nothing.
    expect(kib(firstLoad(chunks))).toBeGreaterThan(30)
  })

  it('leaves for later what is listed here, and nothing else', () => {
    const loaded = firstLoad(chunks)
    const later = chunks.filter((chunk) => !loaded.has(chunk))
    const modules = new Set(later.map(({ facadeModuleId }) => facadeModuleId?.slice(root.length)))
    expect(modules).toEqual(new Set(ON_DEMAND))
  })

  it('needs nothing of Node, before or after', () => {
    for (const chunk of chunks) {
      expect([...chunk.imports, ...chunk.dynamicImports].filter((name) => name.startsWith('node:'))).toEqual([])
      expect(chunk.code).not.toMatch(/__vite-browser-external|\brequire\(["'](node:|fs|net|http|crypto)/)
    }
  })
})
