/** Builds the live page as the bootstrap serves it, before tests open it in a browser. A few seconds. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { setup as buildLibrary } from './build.ts'

export async function setup(): Promise<void> {
  await buildLibrary()
  await promisify(execFile)('npm', ['run', '--silent', 'build:page'])
}
