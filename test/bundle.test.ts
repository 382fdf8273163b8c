/**
 * What a web page pays for `createMesh`: the scripts that load before it can be called, simple-peer included, as a
 * bundler makes them from the package's own entry. What is imported on demand (fallback cryptography) is counted
 * apart.
 */

import { gzipSync } from 'node:zlib'
import { build, defaultClientConditions } from 'vite'
import type { Rollup } from 'vite'
import { beforeAll, describe, expect, it } from 'vitest'

/** Issue 2, "Speed": at first load, including simple-peer. */
const FIRST_LOAD_KIB_MAX = 60

const ENTRY = 'virtual:page'
const root = new URL('..', import.meta.url).pathname

/** Bundles a module with this text for browsers, in memory. */
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
      rollupOptions: { input: ENTRY, preserveEntrySignatures: 'strict' },
      modulePreload: false,
    },
  })
  const { output } = (Array.isArray(result) ? result[0] : result) as Rollup.RollupOutput
  return output.filter((part) => part.type === 'chunk')
}

/** The entry and whatever it imports statically, however far down. */
function firstLoad(chunks: readonly Rollup.OutputChunk[]): Set<Rollup.OutputChunk> {
  const loaded = new Set(chunks.filter((chunk) => chunk.isEntry))
  for (const chunk of loaded) {
    for (const name of chunk.imports) loaded.add(chunks.find(({ fileName }) => fileName === name)!)
  }
  return loaded
}

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
    // A bundle without simple-peer (27.6 KiB by itself) would be a bundle of nothing.
    expect(kib(loaded)).toBeGreaterThan(30)
    expect([...loaded].some(({ code }) => code.includes('createMesh'))).toBe(true)
  })

  it('needs nothing of Node, before or after', () => {
    for (const chunk of chunks) {
      expect([...chunk.imports, ...chunk.dynamicImports].filter((name) => name.startsWith('node:'))).toEqual([])
      expect(chunk.code).not.toMatch(/__vite-browser-external|\brequire\(["'](node:|fs|net|http|crypto)/)
    }
  })
})
