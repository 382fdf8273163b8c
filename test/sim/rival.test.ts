/**
 * The classic rival's failure: peer-relay delivers 98–133 of 300 random unicasts at 100 peers. Here all 300 arrive, with
 * the bootstrap and after its death; and when a fifth of the peers falls silent at once, all but one at most of those
 * sent from that very moment arrive within ten seconds.
 */

import { describe, expect, test } from 'vitest'
import type { Simulation } from '../../src/sim/index.ts'
import {
  allPairs,
  delivered,
  expectAllDelivered,
  expectOneMesh,
  expectReachedAll,
  failures,
  isOneMesh,
  mesh,
  randomBroadcast,
  randomUnicasts,
  SEEDS,
} from './scenario.ts'

const UNICASTS = 300

describe.each(SEEDS)('seed %i', (seed) => {
  test.each([20, 50, 100, 300])(
    '%i peers: 300 of 300, also without the bootstrap, also right after losing a fifth',
    (count) => {
      const sim = mesh(count, { everyMs: 50 }, { seed })
      expectAllDelivered(sim, randomUnicasts(sim, UNICASTS))
      sim.killBootstrap()
      expectAllDelivered(sim, randomUnicasts(sim, UNICASTS))
      crashFifth(sim)
      const records = randomUnicasts(sim, UNICASTS, { timeoutMs: 9_900 })
      expect(delivered(records), failures(sim, records)).toBeGreaterThanOrEqual(UNICASTS - 1)
      sim.run(10_000)
      expectOneMesh(sim)
      expectAllDelivered(sim, randomUnicasts(sim, UNICASTS))
    },
  )

  test.each([6, 8])('24 peers with at most %i links: every pair, before and after the bootstrap dies', (linksMax) => {
    const sim = mesh(24, { withinMs: 500 }, { seed, linksMax })
    expectAllDelivered(sim, allPairs(sim))
    sim.killBootstrap()
    sim.run(5_000)
    expectAllDelivered(sim, allPairs(sim))
    for (let i = 0; i < 24; i++) expectReachedAll(sim, randomBroadcast(sim))
  })

  test.each([6, 8])('24 peers with at most %i links lose eight at once and are one mesh within 30 s', (linksMax) => {
    const sim = mesh(24, { withinMs: 500 }, { seed, linksMax })
    sim.killBootstrap()
    sim.crash(sim.rng.shuffle(sim.peers).slice(0, 8))
    expect(
      sim.runUntil(() => isOneMesh(sim), { limitMs: 30_000 }),
      `components ${sim.components.join(' ')}, seed ${seed}`,
    ).toBe(true)
    sim.run(10_000)
    expectOneMesh(sim)
    expectAllDelivered(sim, allPairs(sim))
  })

  test('a bootstrap that comes back empty lets newcomers in again', () => {
    const sim = mesh(50, { everyMs: 50 }, { seed })
    sim.killBootstrap()
    sim.run(30_000)
    sim.addBootstrap()
    // A visit by lottery must come first: before it the server knows nobody.
    sim.run(60_000)
    sim.addPeers(10, { everyMs: 100 })
    sim.run(20_000)
    expectOneMesh(sim)
    expectAllDelivered(sim, randomUnicasts(sim, UNICASTS))
  })

  test('half of the peers leave politely and nothing is lost', () => {
    const sim = mesh(60, { everyMs: 50 }, { seed })
    for (const peer of sim.rng.shuffle(sim.peers).slice(0, 30)) {
      sim.leave(peer)
      sim.run(200)
    }
    const records = randomUnicasts(sim, UNICASTS)
    expectAllDelivered(sim, records)
    sim.run(10_000)
    expectOneMesh(sim)
  })
})

function crashFifth(sim: Simulation): void {
  sim.crash(sim.rng.shuffle(sim.peers).slice(0, Math.floor(sim.peers.length / 5)))
}
