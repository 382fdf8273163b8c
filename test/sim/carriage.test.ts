/** What links do to frames when they are told to: lose, double, overtake, queue. And what they never do. */

import { describe, expect, test } from 'vitest'
import type { Frame } from '../../src/core/frames.ts'
import type { SimulationOptions } from '../../src/sim/index.ts'
import { frameBytes } from '../../src/sim/sizes.ts'
import { data, heartbeat, messageId, type Recorder } from './support.ts'
import { fixed, linked, world } from './world.ts'

const FRAMES = 2_000

/** Sends heartbeats stamped 0, 1, 2 … from a to b, one a millisecond; the stamps as they arrive. */
function stamps(options: Partial<SimulationOptions>) {
  const { sim, a, b } = linked({ ...fixed, ...options })
  for (let stamp = 0; stamp < FRAMES; stamp++) {
    a.io.send(a.link, heartbeat(stamp))
    sim.run(1)
  }
  sim.run(1_000)
  return { sim, arrived: stampsAt(b) }
}

const stampsAt = (recorder: Recorder): number[] =>
  recorder.inputs('frame').map(({ frame }) => (frame.kind === 'heartbeat' ? frame.stamp : -1))

const inOrder = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b)

test('loss takes its share and is counted; the rest stays in order', () => {
  const { sim, arrived } = stamps({ lossRate: 0.1 })
  expect(arrived).toEqual(inOrder(arrived))
  expect(sim.stats.dropped.loss).toBe(FRAMES - arrived.length)
  expect(sim.stats.dropped.loss / FRAMES).toBeCloseTo(0.1, 1)
})

test('a loss rate of 1 loses everything, and closing still comes through', () => {
  const { sim, a, b } = linked({ ...fixed, lossRate: 1 })
  a.io.send(a.link, heartbeat(1))
  a.io.closeLink(a.link, 'enough')
  sim.run(1_000)
  expect(b.inputs('frame')).toEqual([])
  expect(b.inputs('linkDown')).toHaveLength(1)
})

test('duplication delivers its share twice', () => {
  const { sim, arrived } = stamps({ duplicationRate: 0.2 })
  expect(new Set(arrived).size).toBe(FRAMES)
  expect(sim.stats.duplicated).toBe(arrived.length - FRAMES)
  expect(sim.stats.duplicated / FRAMES).toBeCloseTo(0.2, 1)
})

test('reordering: some are overtaken, none is lost, none is later than allowed', () => {
  const { arrived } = stamps({ reorderMs: 50 })
  expect(arrived).not.toEqual(inOrder(arrived))
  expect(inOrder(arrived)).toEqual(Array.from({ length: FRAMES }, (_, stamp) => stamp))
  // One frame a millisecond: whoever is 50 ms late is overtaken by 50 at most.
  arrived.forEach((stamp, place) => expect(Math.abs(stamp - place)).toBeLessThanOrEqual(51))
})

test('closing comes after all that was sent, in spite of reordering', () => {
  const { sim, a, b } = linked({ ...fixed, reorderMs: 200 })
  for (let stamp = 0; stamp < 50; stamp++) a.io.send(a.link, heartbeat(stamp))
  a.io.closeLink(a.link, 'enough')
  sim.run(1_000)
  expect(b.inputs('frame')).toHaveLength(50)
  expect(b.heard.at(-1)!.input.kind).toBe('linkDown')
})

test('a link to a bootstrap is reliable whatever happens between peers', () => {
  const all = world(1, { ...fixed, lossRate: 1, duplicationRate: 1, reorderMs: 500, bytesPerSecond: 1 })
  all.sim.addBootstrap()
  const peer = all.peers[0]!
  peer.io.contactBootstrap('join')
  all.sim.run(1_000)
  for (let stamp = 0; stamp < 20; stamp++) peer.io.send(peer.link, heartbeat(stamp))
  all.sim.run(1_000)
  expect(stampsAt(all.servers[0]!)).toEqual(Array.from({ length: 20 }, (_, stamp) => stamp))
})

describe('bandwidth', () => {
  const frame: Frame = { kind: 'direct', id: messageId('m'), isReply: false, message: data(1_000) }
  const unicast = (byteLength: number) =>
    ({
      kind: 'unicast',
      hopLimit: 1,
      attempt: 0,
      viaBootstrap: false,
      hops: 0,
      id: messageId('u'),
      target: '' as never,
      body: { byteLength },
    }) as const

  test('frames leave one after the other, each as fast as its bytes allow', () => {
    const bytesPerSecond = frameBytes(frame) * 10
    const { sim, a, b } = linked({ ...fixed, bytesPerSecond })
    const sentAt = sim.network.now
    for (let i = 0; i < 3; i++) a.io.send(a.link, frame)
    sim.run(1_000)
    const times = b.heard.filter(({ input }) => input.kind === 'frame').map(({ at }) => at - sentAt)
    expect(times).toEqual([120, 220, 320])
  })

  test('each end has its own', () => {
    const { sim, a, b } = linked({ ...fixed, bytesPerSecond: frameBytes(frame) * 10 })
    const sentAt = sim.network.now
    a.io.send(a.link, frame)
    b.io.send(b.link, frame)
    sim.run(1_000)
    expect([a.timeOf('frame') - sentAt, b.timeOf('frame') - sentAt]).toEqual([120, 120])
  })

  test('routed frames that find the buffer full are dropped and counted, frames between neighbours never', () => {
    const bytesPerSecond = 10_000
    const { sim, a, b } = linked({ ...fixed, bytesPerSecond, bufferBytesMax: 5_000 })
    for (let i = 0; i < 10; i++) a.io.send(a.link, unicast(1_000))
    a.io.send(a.link, { ...frame, message: data(4_000) })
    sim.run(10_000)
    const kinds = b.inputs('frame').map((input) => input.frame.kind)
    expect(kinds).toEqual(['unicast', 'unicast', 'unicast', 'unicast', 'direct'])
    expect(sim.stats.dropped.buffer).toBe(6)
  })

  test('without a limit nothing ever waits', () => {
    const { sim, a, b } = linked(fixed)
    const sentAt = sim.network.now
    for (let i = 0; i < 1_000; i++) a.io.send(a.link, unicast(16_000))
    sim.run(1_000)
    expect(b.heard.filter(({ input, at }) => input.kind === 'frame' && at === sentAt + 20)).toHaveLength(1_000)
  })
})
