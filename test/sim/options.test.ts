/**
 * Random worlds: size, cap, pace, latency, jitter, slow cryptography, uneven link set-up, all drawn from the seed. Whatever
 * they are, the peers become one mesh, everything arrives, with and without the bootstrap, and the survivors of a crash
 * find each other. `SEED=1000 RUNS=200` for another two hundred.
 */

import { expect, test } from 'vitest'
import { type Latency, Rng, type SimulationOptions } from '../../src/sim/index.ts'
import {
  expectAllDelivered,
  expectReachedAll,
  isOneMesh,
  mesh,
  type Pace,
  randomBroadcast,
  randomUnicasts,
} from './scenario.ts'
import { SEED } from './support.ts'

const RUNS = Number(process.env['RUNS'] ?? (process.env['LONG'] ? 1_000 : 200))
const UNICASTS = 100

interface World {
  readonly count: number
  readonly pace: Pace
  readonly crashShare: number
  readonly options: Partial<SimulationOptions> & { readonly seed: number }
}

function drawWorld(seed: number): World {
  const rng = new Rng(seed, 99)
  const options = {
    seed,
    // A ring and buckets need about six links; with fewer, a crash may leave no graph to repair.
    linksMax: rng.pick([6, 8, 12, 16, 32]),
    latency: rng.pick<Latency>([
      { kind: 'uniform', minMs: 0, maxMs: 1 },
      { kind: 'uniform', minMs: 10, maxMs: 50 },
      { kind: 'uniform', minMs: 50, maxMs: 200 },
    ]),
    jitter: rng.pick([0, 0.1, 2]),
    cryptoMs: rng.pick([
      [0, 0],
      [0, 3],
      [0, 30],
    ] as const),
    skewMs: rng.pick([0, 3, 40]),
  }
  return {
    count: rng.pick([2, 3, 5, 8, 12, 24, 40, 60]),
    pace: rng.pick([{ withinMs: 1 }, { withinMs: 200 }, { withinMs: 1_000 }, { everyMs: 20 }, { everyMs: 300 }]),
    crashShare: rng.pick([0, 0.1, 0.2]),
    options,
  }
}

const worlds = Array.from({ length: RUNS }, (_, i) => drawWorld(SEED + i))

test.each(worlds)('seed $options.seed: $count peers, $options.linksMax links, latency $options.latency', (world) => {
  const sim = mesh(world.count, world.pace, world.options)
  expectAllDelivered(sim, randomUnicasts(sim, UNICASTS))
  expectReachedAll(sim, randomBroadcast(sim))
  sim.killBootstrap()
  expectAllDelivered(sim, randomUnicasts(sim, UNICASTS))
  sim.crash(sim.rng.shuffle(sim.peers).slice(0, Math.floor(world.count * world.crashShare)))
  expect(
    sim.runUntil(() => isOneMesh(sim), { limitMs: 30_000 }),
    `components ${sim.components.join(' ')}`,
  ).toBe(true)
  sim.run(10_000)
  if (sim.peers.length > 1) expectAllDelivered(sim, randomUnicasts(sim, UNICASTS))
})
