/** The browser bundle of `createMesh`: the figure of test/bundle.test.ts, which also keeps it in CI. */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Figure } from './measure.ts'

// This runs from test/output/bench/test/bench.
const root = fileURLToPath(new URL('../../../../..', import.meta.url))

export async function benchBundle(): Promise<Figure[]> {
  const args = [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    'unit',
    'test/bundle.test.ts',
    '--reporter=verbose',
  ]
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: root,
    env: { ...process.env, NO_COLOR: '1' },
  })
  const [, first, later] = /createMesh: ([\d.]+) KiB gzip at first load, ([\d.]+) KiB on demand/.exec(stdout)!
  const note = `and ${later} KiB on demand`
  return [
    {
      name: 'browser bundle of createMesh, gzip, first load',
      unit: 'KiB',
      ours: Number(first),
      floor: null,
      ratio: null,
      gate: { atMost: 60 },
      note,
    },
  ]
}
