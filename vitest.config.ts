/**
 * Five projects, told apart by folder and run one group after the other, so that nothing with a deadline on a real
 * clock shares the machine's cores with the simulator.
 *
 * - unit: pure code and in-memory shells; many files at once.
 * - sim: the simulator, virtual clock, CPU-bound. `LONG=1` (npm run test:long) runs eight seeds instead of one.
 * - webrtc: real sockets, real WebRTC and child processes; one file at a time, each in a process of its own, because
 *   native WebRTC can abort its process.
 * - browser: Chromium with the built page; one at a time as well.
 * - chromium: tests that run inside a browser, among them those of `net/` that hold in Node too (a configuration of its
 *   own, because it needs a browser to be read).
 *
 * The JSON report is what `.ci/run` counts.
 */

import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

/** Tests at the top of test/ look at the project itself: arrows, package, bundle, documents. */
const PROJECT_CHECKS = 'test/*.test.ts'

/** The library and the CLI as users get them: `dist/` is brought up to date before these run. */
const builds = { globalSetup: ['test/setup/build.ts'] }

/** One process at a time; group by group. */
const alone = { pool: 'forks', isolate: true, maxWorkers: 1 } as const

export default defineConfig({
  // package.json "imports" lead to the sources here, not to `dist/`.
  ssr: { resolve: { conditions: ['musubi-source', ...defaultServerConditions] } },
  test: {
    reporters: ['default', ['json', { outputFile: 'test/output/vitest.json' }]],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [PROJECT_CHECKS, 'test/{core,wire,golden,options,demo}/**/*.test.ts'],
          testTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
          ...builds,
        },
      },
      {
        extends: true,
        test: {
          name: 'sim',
          include: ['test/sim/**/*.test.ts'],
          // Eight seeds take eight times as long, and more.
          testTimeout: process.env['LONG'] ? 3_600_000 : 180_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'webrtc',
          include: ['test/{net,link,bootstrap,mesh,cli,examples,outlive,hostile}/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
          ...alone,
          ...builds,
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['test/browser/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 3 },
          ...alone,
          globalSetup: ['test/setup/page.ts'],
        },
      },
      'test/browser/vitest.chromium.config.ts',
    ],
  },
})
