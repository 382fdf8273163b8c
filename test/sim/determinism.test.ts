/** Every feature of the world repeats itself, and leaves a trace: a feature that changed nothing would be none. */

import { expect, test } from 'vitest'
import { CHAPTERS, tell } from './story.ts'
import { SEED } from './support.ts'

const run = { seed: SEED, peers: 30 }
const plain = tell(CHAPTERS['plain']!, run).trace.digest

test.each(Object.keys(CHAPTERS))('%s: the same seed gives the same trace', (name) => {
  const [first, second] = [tell(CHAPTERS[name]!, run), tell(CHAPTERS[name]!, run)]
  expect(first.trace.digest).toBe(second.trace.digest)
  expect(first.stats).toEqual(second.stats)
  if (name !== 'plain') expect(first.trace.digest).not.toBe(plain)
})
