/** A simulation is the same in every engine: 50 peers in this browser, and the very same in Node beside it. */

import { expect, test } from 'vitest'
import { commands } from 'vitest/browser'
import { CHAPTERS, tell } from '../../sim/story.ts'

declare module 'vitest/browser' {
  interface BrowserCommands {
    /** Node tells the chapter; the digest of its trace. `vitest.chromium.config.ts`. */
    tellInNode: (chapter: string, run: { readonly seed: number; readonly peers: number }) => Promise<string>
  }
}

const run = { seed: 1, peers: 50 }

test.each(Object.keys(CHAPTERS))('%s: the trace in the browser is the trace in Node', async (name) => {
  const sim = tell(CHAPTERS[name]!, run)
  expect(sim.trace.events).toBeGreaterThan(10_000)
  expect(sim.trace.digest).toBe(await commands.tellInNode(name, run))
})
