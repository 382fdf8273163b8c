/**
 * Brings `dist/` up to date before tests that start the package as its users do (child processes, the bundle).
 * Incremental, about a second when nothing has changed. Type errors do not stop it: `npm run types` reports those, and
 * half a tree of types must not keep the other half's tests from running.
 */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export async function setup(): Promise<void> {
  for (const part of ['build:node', 'build:simple-peer']) {
    try {
      await run('npm', ['run', '--silent', part])
    } catch (error) {
      process.stderr.write(`${part}: ${String((error as { stdout?: string }).stdout).slice(0, 500)}\n`)
    }
  }
}
