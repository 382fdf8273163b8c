/** What `npm publish` would send out, looked at as its users and their tools will: files, entry points, types, bin. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const root = new URL('..', import.meta.url).pathname

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

describe('the npm package', () => {
  let folder: string
  let packed: Packed
  let manifest: { bin: { musubi: string }; exports: Record<string, unknown> }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'musubi-pack-'))
    // Without scripts: `prepack` builds anew, and other tests are using what is built.
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
      cwd: root,
    })
    packed = (JSON.parse(stdout) as [Packed])[0]
    manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as typeof manifest
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('holds what is built and what people read, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path)
    expect(paths).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'SECURITY.md', 'CHANGELOG.md', manifest.bin.musubi]),
    )
    const strange = paths.filter(
      (path) =>
        !/^(dist\/(src|bootstrap|page|simple-peer)\/|docs\/|examples\/|[A-Z]+(\.md)?$|package\.json$)/.test(path),
    )
    expect(strange).toEqual([])
    expect(paths.filter((path) => /\.map$|\.tsbuildinfo$|\.test\.|(?<!\.d)\.ts$/.test(path))).toEqual([])
  })

  it('has a bin that runs', async () => {
    const path = join(root, manifest.bin.musubi)
    expect(await readFile(path, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
    expect((await stat(path)).mode & 0o111).not.toBe(0)
    expect((await run(path, ['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('has entry points that load in Node', async () => {
    const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith('.json'))
    const program = `for (const entry of ${JSON.stringify(entries)}) {
      const names = Object.keys(await import(entry.replace('.', 'musubi')))
      if (names.length === 0) throw new Error(entry + ' exports nothing')
    }
    process.exit()`
    await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: root })
    expect(entries).toEqual(['.', './bootstrap', './sim'])
  })

  it('is what publint expects', async () => {
    const { messages } = await publint({ pkgDir: root, strict: true, pack: false })
    expect(messages.map((message) => formatMessage(message, manifest as never))).toEqual([])
  })

  it('has types that resolve for whoever imports it as a module', async () => {
    const attw = join(root, 'node_modules/.bin/attw')
    const tarball = join(folder, packed.filename)
    // Fails, with the table as its output, if any entry point does not resolve or resolves to the wrong kind of module.
    const { stdout } = await run(attw, [tarball, '--profile', 'esm-only', '--format', 'ascii', '--no-emoji'])
    expect(stdout.match(/node16 \(from ESM\): OK/g)).toHaveLength(Object.keys(manifest.exports).length)
  })
})
