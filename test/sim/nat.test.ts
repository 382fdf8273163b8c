/** Pairs that cannot connect: told by the seed alone, failing as late as real ICE does. */

import { expect, test } from 'vitest'
import { Rng, type SimulationOptions } from '../../src/sim/index.ts'
import { NatModel } from '../../src/sim/nat.ts'
import { type Recorder, SEED } from './support.ts'
import { fixed, signal, world } from './world.ts'

const PEERS = 300

function shares(nat: SimulationOptions['nat'], seed = SEED) {
  const model = new NatModel({ nat }, new Rng(seed))
  const symmetric = Array.from({ length: PEERS }, (_, i) => model.isSymmetric(i))
  let [pairs, blocked, blockedSymmetric] = [0, 0, 0]
  for (let a = 0; a < PEERS; a++)
    for (let b = 0; b < a; b++) {
      expect(model.canConnect(a, b)).toBe(model.canConnect(b, a))
      pairs++
      if (model.canConnect(a, b)) continue
      blocked++
      if (symmetric[a] && symmetric[b]) blockedSymmetric++
    }
  return { symmetric, pairs, blocked, blockedSymmetric }
}

test('without NAT everybody connects', () => {
  expect(shares({ symmetricShare: 0, blockedPairShare: 0 }).blocked).toBe(0)
})

test('a share of the peers is behind symmetric NAT, and exactly the pairs among them are blocked', () => {
  const { symmetric, blocked, blockedSymmetric } = shares({ symmetricShare: 0.3, blockedPairShare: 0 })
  const count = symmetric.filter(Boolean).length
  expect(count / PEERS).toBeCloseTo(0.3, 1)
  expect([blocked, blockedSymmetric]).toEqual([(count * (count - 1)) / 2, blocked])
})

test('a share of the pairs is blocked, other ones with another seed', () => {
  const { blocked, pairs } = shares({ symmetricShare: 0, blockedPairShare: 0.2 })
  expect(blocked / pairs).toBeCloseTo(0.2, 1)
  expect(shares({ symmetricShare: 0, blockedPairShare: 0.2 }).blocked).toBe(blocked)
  expect(shares({ symmetricShare: 0, blockedPairShare: 0.2 }, SEED + 1).blocked).not.toBe(blocked)
})

test('a pair that cannot connect learns it when ICE gives up, on both sides, and not earlier', () => {
  const all = world(2, { ...fixed, nat: { symmetricShare: 1, blockedPairShare: 0 }, iceTimeoutMs: 15_000 })
  const [a, b] = all.peers as [Recorder, Recorder]
  signal(all, a, b)
  all.sim.run(14_900)
  expect([...a.inputs('exchangeFailed'), ...b.inputs('exchangeFailed')]).toEqual([])
  all.sim.run(1_000)
  expect(a.inputs('exchangeFailed')).toMatchObject([{ reason: 'ice' }])
  expect(b.inputs('exchangeFailed')).toMatchObject([{ reason: 'ice' }])
  expect([...a.inputs('linkUp'), ...b.inputs('linkUp')]).toEqual([])
})

test('a bootstrap is reached from behind any NAT', () => {
  const all = world(1, { nat: { symmetricShare: 1, blockedPairShare: 1 } })
  all.sim.addBootstrap()
  all.peers[0]!.io.contactBootstrap('join')
  all.sim.run(1_000)
  expect(all.peers[0]!.inputs('linkUp')).toHaveLength(1)
})
