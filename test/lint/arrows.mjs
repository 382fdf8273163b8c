/**
 * The arrows of DESIGN §1 as a lint rule: which part of the sources may import which. oxlint's own rules see only the
 * text of an import, not the file it names, so the table stands here once: oxlint runs it in editors and in CI (as a
 * JS plugin), and test/architecture.test.ts runs the same function over the tree and over imports that must be refused.
 *
 * Parts: `pure` are the two files of bootstrap/ that the simulator drives as well; `platform` are files named
 * `*.node.ts` straight under src/, reached only through package.json "imports" in Node, which may use the server;
 * `errors` is src/errors.ts, the one public error, which every part may throw that has a caller outside the project;
 * `build` are configurations of Vite beside what they build, which are no part of the package.
 */

import { posix } from 'node:path'

/** @typedef {'core' | 'wire' | 'net' | 'errors' | 'mesh' | 'platform' | 'index' | 'sim' | 'pure' | 'bootstrap' | 'cli' | 'demo' | 'build'} Part */

/** @type {Readonly<Record<Part, readonly Part[]>>} What a part may import besides itself. */
export const ARROWS = {
  core: [],
  wire: ['core'],
  net: ['core', 'wire'],
  errors: [],
  mesh: ['core', 'wire', 'net', 'errors'],
  platform: ['core', 'wire', 'net', 'errors', 'mesh', 'bootstrap'],
  index: ['core', 'wire', 'net', 'errors', 'mesh'],
  pure: ['core', 'wire'],
  sim: ['core', 'wire', 'pure'],
  bootstrap: ['core', 'wire', 'net', 'errors', 'pure'],
  cli: ['index', 'errors', 'mesh', 'sim', 'pure', 'bootstrap'],
  demo: ['index', 'errors', 'mesh'],
  build: [],
}

/** Parts that run in Node only. Everything else must load in a browser (files named `*.node.ts` excepted). */
const NODE_PARTS = new Set(['platform', 'bootstrap', 'cli', 'build'])

/** Parts that import no package at all: the protocol, and what the simulator drives beside it. */
const PACKAGELESS_PARTS = new Set(['core', 'pure'])

/**
 * The part a file belongs to.
 * @param {string} file path relative to the project root, with forward slashes
 * @returns {Part | null} null: outside the table (tests, examples, configuration)
 */
export function partOf(file) {
  if (/^src\/(.+\/)?vite\.config\.ts$/.test(file)) return 'build'
  const folder = /^src\/(core|wire|net|sim|cli|demo)\//.exec(file)
  if (folder) return /** @type {Part} */ (folder[1])
  if (/^bootstrap\/(introductions|node)\.ts$/.test(file)) return 'pure'
  if (file.startsWith('bootstrap/')) return 'bootstrap'
  if (file === 'src/index.ts') return 'index'
  if (file === 'src/errors.ts') return 'errors'
  if (/^src\/[^/]+\.node\.ts$/.test(file)) return 'platform'
  return /^src\/[^/]+$/.test(file) ? 'mesh' : null
}

/**
 * Judges one import.
 * @param {string} file the importing file, relative to the project root
 * @param {string} specifier what it imports
 * @returns {string | null} why it is refused; null if it is fine
 */
export function refuseImport(file, specifier) {
  const part = partOf(file)
  if (part === null) return null
  return specifier.startsWith('.') ? refuseRelative(part, file, specifier) : refuseExternal(part, file, specifier)
}

/**
 * @param {Part} part
 * @param {string} file
 * @param {string} specifier
 */
function refuseRelative(part, file, specifier) {
  const target = posix.join(posix.dirname(file), specifier)
  const targetPart = partOf(target)
  if (targetPart === part || /\.(css|svg|json)$/.test(target)) return null
  if (targetPart === null) return `${part} must not import ${target}, which is outside the sources (DESIGN §1)`
  return ARROWS[part].includes(targetPart) ? null : `${part} must not import ${targetPart} (arrows of DESIGN §1)`
}

/**
 * @param {Part} part
 * @param {string} file
 * @param {string} specifier
 */
function refuseExternal(part, file, specifier) {
  if (PACKAGELESS_PARTS.has(part)) return `${part} must not import packages: "${specifier}" (DESIGN §1)`
  const runsInNode = NODE_PARTS.has(part) || file.endsWith('.node.ts')
  if (specifier.startsWith('node:') && !runsInNode) return `${part} must load in a browser: no "${specifier}" here`
  return null
}

/** @param {{ filename: string, cwd: string, report: (problem: { message: string, node: unknown }) => void }} context */
function create(context) {
  const root = context.cwd.replaceAll('\\', '/')
  const file = posix.relative(root, context.filename.replaceAll('\\', '/'))
  /** @param {{ source: { type: string, value: unknown } | null }} node */
  const visit = (node) => {
    if (typeof node.source?.value !== 'string') return
    const message = refuseImport(file, node.source.value)
    if (message !== null) context.report({ message, node: node.source })
  }
  return {
    ImportDeclaration: visit,
    ExportNamedDeclaration: visit,
    ExportAllDeclaration: visit,
    ImportExpression: visit,
  }
}

export default { meta: { name: 'musubi' }, rules: { arrows: { create } } }
