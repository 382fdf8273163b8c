/**
 * `npm run bench`: compiles the benchmarks and the sources they measure to test/output/bench, a tree of its own, so that
 * nobody's `dist/` changes meanwhile, and runs them as plain JavaScript. Types are `npm run types`' business.
 */

import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const out = `${root}test/output/bench`

execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}test/bench`], {
  stdio: 'inherit',
})

// package.json "imports" of the compiled tree lead into that tree.
const { imports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const own = { type: 'module', imports: JSON.parse(JSON.stringify(imports).replaceAll('./dist/', './')) }
mkdirSync(out, { recursive: true })
writeFileSync(`${out}/package.json`, JSON.stringify(own))

const main = spawn(process.execPath, [`${out}/test/bench/main.js`, ...process.argv.slice(2)], { stdio: 'inherit' })
main.on('exit', (code) => {
  // A second package.json in the tree is what publint complains about.
  rmSync(`${out}/package.json`, { force: true })
  process.exitCode = code ?? 1
})
