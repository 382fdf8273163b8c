/**
 * The arrows and the pure core (DESIGN §1) hold over the whole tree, and the means of checking them can fail: the
 * arrow table is fed imports that it must refuse, and oxlint is run, with the project's own configuration, over a small
 * tree that breaks every rule it is there for.
 */

import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { ARROWS, partOf, refuseImport } from './lint/arrows.mjs'

const run = promisify(execFile)
const root = new URL('..', import.meta.url).pathname

/** Every `import … from '…'`, `export … from '…'`, `import('…')` of a source text; good enough for formatted code. */
const IMPORT = /(?:^\s*(?:import|export)\b[^'"]*?\bfrom\s*|^\s*import\s*|\bimport\()\s*['"]([^'"]+)['"]/gms

async function sources(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
}

describe('the arrow table', () => {
  it('holds for every import of the sources', async () => {
    const refused: string[] = []
    let imports = 0
    for (const file of [...(await sources('src')), ...(await sources('bootstrap'))]) {
      const text = await readFile(join(root, file), 'utf8')
      for (const [, specifier] of text.matchAll(IMPORT)) {
        imports += 1
        const reason = refuseImport(file, specifier!)
        if (reason !== null) refused.push(`${file}: ${reason}`)
      }
    }
    expect(refused).toEqual([])
    expect(imports).toBeGreaterThan(50)
  })

  it('has no way round: no part reaches itself through others', () => {
    const reach = (part: keyof typeof ARROWS, path: readonly string[]): void => {
      expect(path).not.toContain(part)
      for (const next of ARROWS[part]) reach(next, [...path, part])
    }
    for (const part of Object.keys(ARROWS) as (keyof typeof ARROWS)[]) reach(part, [])
  })

  it.each([
    ['src/core/router.ts', '../wire/frames.ts'],
    ['src/core/router.ts', 'ws'],
    ['src/core/router.ts', 'node:crypto'],
    ['src/core/deep/router.ts', '../../net/link.ts'],
    ['src/wire/frames.ts', '../net/link.ts'],
    ['src/net/link.ts', '../sim/network.ts'],
    ['src/net/link.ts', '../mesh.ts'],
    ['src/net/link.ts', 'node:buffer'],
    ['src/sim/network.ts', '../net/link.ts'],
    ['src/sim/network.ts', '../../bootstrap/server.ts'],
    ['src/mesh.ts', '../bootstrap/server.ts'],
    ['src/mesh.ts', './index.ts'],
    ['src/cli/main.ts', '../net/link.ts'],
    ['src/demo/page.ts', '../core/ids.ts'],
    ['bootstrap/server.ts', '../src/mesh.ts'],
    ['bootstrap/introductions.ts', '../src/net/link.ts'],
    ['bootstrap/node.ts', './server.ts'],
    ['src/net/link.ts', '../../test/net/helpers.ts'],
    ['src/net/link.ts', './simple-peer/vite.config.ts'],
    ['src/net/simple-peer/vite.config.ts', '../link.ts'],
  ])('refuses %s → %s', (file, specifier) => {
    expect(refuseImport(file, specifier)).toBeTypeOf('string')
  })

  it.each([
    ['src/wire/frames.ts', '../core/frames.ts'],
    ['src/net/websocket.node.ts', 'node:http'],
    ['src/net/simple-peer/vite.config.ts', 'node:path'],
    ['src/sim/network.ts', '../../bootstrap/node.ts'],
    ['bootstrap/server.ts', './introductions.ts'],
    ['src/cli/main.ts', '../../bootstrap/main.ts'],
    ['test/net/link.test.ts', '../../src/sim/network.ts'],
  ])('allows %s → %s', (file, specifier) => {
    expect(refuseImport(file, specifier)).toBeNull()
  })

  it('knows the part of every source file', async () => {
    for (const file of await sources('src')) expect(partOf(file), file).not.toBeNull()
  })
})

describe('oxlint with the configuration of this project', () => {
  const folders: string[] = []
  afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

  /** Lints these files as if they were the project's. Answers with "file: rule" for every rule that a file breaks. */
  async function lint(files: Readonly<Record<string, string>>): Promise<string[]> {
    await mkdir(join(root, 'test/output'), { recursive: true })
    const folder = await mkdtemp(join(root, 'test/output/lint-'))
    folders.push(folder)
    for (const shared of ['.oxlintrc.json', 'tsconfig.json', 'package.json', 'test/lint']) {
      await cp(join(root, shared), join(folder, shared), { recursive: true })
    }
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    const oxlint = join(root, 'node_modules/.bin/oxlint')
    const args = ['-f', 'json', '--no-ignore', ...Object.keys(files)]
    const { stdout } = await run(oxlint, args, { cwd: folder, maxBuffer: 1 << 24 }).catch(
      (error: { stdout: string }) => error,
    )
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] }
    return [...new Set(diagnostics.map(({ code, filename }) => `${filename}: ${code}`))].toSorted()
  }

  it('lets clean files pass', async () => {
    expect(await lint({ 'src/core/good.ts': 'export const one = 1\n' })).toEqual([])
  })

  it('refuses whatever would make the core impure', async () => {
    const words = ['Date', 'performance', 'setTimeout', 'console', 'crypto', 'Promise', 'process']
    const breaches: [rule: string, text: string][] = [
      ['musubi(arrows)', "import { frame } from '../wire/frames.ts'\nexport const copy = frame\n"],
      ['eslint(no-restricted-properties)', 'export const dice = Math.random()\n'],
      ['oxc(no-async-await)', 'export const later = async (f: () => Promise<void>) => { await f() }\n'],
      ['import(no-default-export)', 'export default 1\n'],
      ['eslint(max-lines)', 'export {}\n'.repeat(501)],
      ['eslint(max-lines-per-function)', `export function long(): void {\n${'\n'.repeat(70)}}\n`],
      ['typescript(no-namespace)', 'export namespace Names { export const one = 1 }\n'],
      ...words.map((word): [string, string] => ['eslint(no-restricted-globals)', `export const it = ${word}\n`]),
    ]
    const files = breaches.map(([, text], index) => [`src/core/bad${index}.ts`, text])
    const found = await lint({ ...Object.fromEntries(files), 'src/wire/frames.ts': 'export const frame = 1\n' })
    expect(found).toEqual(expect.arrayContaining(breaches.map(([rule], index) => `src/core/bad${index}.ts: ${rule}`)))
  })

  it('refuses cycles, forgotten promises and switches that miss a kind, anywhere', async () => {
    const found = await lint({
      'src/net/one.ts': "import { two } from './two.ts'\nexport const one = (): number => two()\n",
      'src/net/two.ts': "import { one } from './one.ts'\nexport const two = (): number => one()\n",
      'src/net/three.ts': [
        'export async function work(): Promise<void> {}',
        'export function forget(): void { work() }',
        "export function pick(kind: 'a' | 'b'): number { switch (kind) { case 'a': return 1 } return 0 }",
      ].join('\n'),
    })
    expect(found).toEqual([
      'src/net/one.ts: import(no-cycle)',
      'src/net/three.ts: typescript(no-floating-promises)',
      'src/net/three.ts: typescript(switch-exhaustiveness-check)',
      'src/net/two.ts: import(no-cycle)',
    ])
  })
})
