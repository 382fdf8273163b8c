/** The figures that issue 3 and 4 ask for, from traffic that is known. */

import { expect, test } from 'vitest'
import { addTo, meanOf, quantileOf, Simulation, totalOf, trafficBetween } from '../../src/sim/index.ts'
import { frameBytes } from '../../src/sim/sizes.ts'
import { mesh, randomBroadcast, randomUnicasts } from './scenario.ts'
import { data, heartbeat, messageId, recorders, SEED } from './support.ts'
import { fixed, linked } from './world.ts'

test('bytes per peer and second, with and without heartbeats', () => {
  const { sim, a } = linked(fixed)
  const direct = { kind: 'direct', id: messageId('m'), isReply: false, message: data(1_000) } as const
  const before = sim.traffic
  a.io.send(a.link, heartbeat(1))
  a.io.send(a.link, direct)
  sim.run(5_000)
  const rate = trafficBetween(before, sim.traffic)
  expect(rate.peerSeconds).toBeCloseTo(10)
  expect(rate.frames).toBeCloseTo(0.2)
  expect(rate.bytes).toBeCloseTo((frameBytes(direct) + frameBytes(heartbeat(1))) / 10)
  expect(rate.bytesWithoutHeartbeats).toBeCloseTo(frameBytes(direct) / 10)
  expect(sim.stats.bytes - sim.stats.bytesWithoutHeartbeats).toBe(frameBytes(heartbeat(1)))
  expect(sim.peers.map((peer) => peer.bytesSent)).toEqual([sim.stats.bytes, 0])
})

test('peer-seconds count the living only, and no bootstrap', () => {
  const { maker } = recorders()
  const sim = new Simulation({ seed: SEED }, { peer: maker, bootstrap: maker })
  sim.addBootstrap()
  const first = sim.addPeer()
  sim.run(10_000)
  const second = sim.addPeer()
  sim.run(5_000)
  sim.crash([first])
  sim.run(5_000)
  sim.leave(second)
  sim.run(5_000)
  // 15 s, and 10 s with the moment to flush a goodbye.
  expect(sim.traffic.peerSeconds).toBeCloseTo(25.05)
})

test('frames that did not come in, by cause', () => {
  const { sim, a, nodes } = linked({ ...fixed, isStrict: false })
  a.io.send(a.link, heartbeat(1))
  sim.crash([nodes[1]!])
  sim.run(100)
  a.io.closeLink(a.link, 'dead')
  a.io.send(a.link, heartbeat(2))
  expect(sim.stats.dropped).toEqual({ closed: 1, dead: 1, asleep: 0, loss: 0, partition: 0, buffer: 0 })
})

test('a mesh: how long unicasts and broadcasts take, and how many tries', () => {
  const sim = mesh(30, { withinMs: 500 }, { seed: SEED, ...fixed, cryptoMs: [0, 0] })
  randomUnicasts(sim, 200)
  const { oneWayMs, roundTripMs, timeouts, hops } = sim.stats
  expect([oneWayMs, roundTripMs, timeouts, hops].map(totalOf)).toEqual([200, 200, 200, 200])
  // 20 ms a link, and the acknowledgement comes back the same way.
  expect(meanOf(oneWayMs)).toBeCloseTo(20 * meanOf(hops), 0)
  expect(meanOf(roundTripMs)).toBeCloseTo(40 * meanOf(hops), 0)
  expect(quantileOf(timeouts, 1)).toBe(0)
  randomBroadcast(sim)
  expect(totalOf(sim.stats.broadcastMs)).toBe(29)
  expect(quantileOf(sim.stats.broadcastMs, 0)).toBe(20)
})

test('a histogram takes a wrong figure without eating the memory', () => {
  const histogram: number[] = []
  addTo(histogram, 1e12)
  expect(histogram.length).toBeLessThan(2_000_000)
})
