/**
 * All benchmarks (issue 2, "Speed"; issue 3, "Simulator speed"; issue 4, "Broadcast"), each beside its floor: `npm run bench`, or some by name: `npm run bench -- hop
 * join`. QUICK=1 cuts the sizes. Ends with exit code 1 if a gate is missed. What one step costs (codec, seals) is
 * measured by the `*.bench.ts` beside this file, with `vitest bench`.
 */

import { type Figure, heading, isMissed, lineOf, load } from './measure.ts'

/** In this order. */
const BENCHMARKS: Readonly<Record<string, () => Promise<Figure[]>>> = {
  bootstrap: async () => (await import('./bootstrap.ts')).benchBootstrap(),
  idle: async () => (await import('./bootstrap.ts')).benchIdle(),
  'set-up': async () => (await import('./webrtc.ts')).benchSetUp(),
  hop: async () => (await import('./webrtc.ts')).benchHop(),
  crowd: async () => (await import('./webrtc.ts')).benchCrowd(),
  memory: async () => (await import('./webrtc.ts')).benchMemory(),
  broadcast: async () => (await import('./broadcast.ts')).benchBroadcast(),
  stream: async () => (await import('./broadcast.ts')).benchStream(),
  sim: async () => (await import('./sim.ts')).benchSimulator(),
  overlay: async () => (await import('./overlay.ts')).benchOverlay(),
  bundle: async () => (await import('./bundle.ts')).benchBundle(),
}

/** What runs in a process of its own: see `child.ts`. */
const CHILDREN: Readonly<Record<string, () => Promise<unknown>>> = {
  'bootstrap-server': () => import('./bootstrap-server.ts'),
  'bootstrap-load': () => import('./bootstrap-load.ts'),
  'set-up': () => import('./set-up.ts'),
  hop: () => import('./hop.ts'),
  crowd: () => import('./crowd.ts'),
  memory: () => import('./memory.ts'),
  'swarm-peers': () => import('./swarm-peers.ts'),
}

async function run(names: readonly string[]): Promise<void> {
  console.log(heading)
  const missed: string[] = []
  for (const name of names) {
    const startedAt = performance.now()
    const figures = await BENCHMARKS[name]!().catch((error: unknown) => {
      console.error(`${name} failed:`, error)
      missed.push(name)
      return []
    })
    for (const figure of figures) console.log(lineOf(figure))
    missed.push(...figures.filter(isMissed).map((figure) => figure.name))
    console.log(`— ${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s, ${load()}\n`)
  }
  console.log(missed.length === 0 ? 'All gates are kept.' : `Missed:\n  ${missed.join('\n  ')}`)
  // Not `exitCode`: WebRTC stacks keep threads that would keep this process.
  process.exit(missed.length === 0 ? 0 : 1)
}

const [first, second] = process.argv.slice(2)
if (first === '--child') await CHILDREN[second!]!()
else {
  const names = process.argv.slice(2)
  const unknown = names.filter((name) => !(name in BENCHMARKS))
  if (unknown.length > 0)
    throw new Error(`no benchmark "${unknown.join('", "')}"; there are ${Object.keys(BENCHMARKS).join(', ')}`)
  await run(names.length > 0 ? names : Object.keys(BENCHMARKS))
}
