/** Laptop sleep: nothing runs, frames are lost, and what was due comes late and once. */

import { expect, test } from 'vitest'
import { heartbeat, type Recorder } from './support.ts'
import { fixed, linked, signal, world } from './world.ts'

test('frames that arrive while a node sleeps are lost; those after it wakes are not', () => {
  const { sim, a, b, nodes } = linked(fixed)
  sim.freeze([nodes[1]!], 1_000)
  a.io.send(a.link, heartbeat(1))
  sim.run(990)
  a.io.send(a.link, heartbeat(2))
  sim.run(100)
  expect(b.inputs('frame').map(({ frame }) => frame)).toEqual([heartbeat(2)])
  expect(sim.stats.dropped.asleep).toBe(1)
})

test('timers that were due meanwhile fire once when it wakes, in their order; later ones at their time', () => {
  const { sim, peers, nodes } = world(1)
  const { io } = peers[0]!
  const begin = sim.network.now
  io.schedule({ kind: 'maintain' }, 500)
  io.schedule({ kind: 'tick' }, 200)
  io.schedule({ kind: 'lottery' }, 5_000)
  sim.freeze(nodes, 3_000)
  sim.run(10_000)
  const timers = peers[0]!.heard.filter(({ input }) => input.kind === 'timer')
  expect(timers.map(({ at, input }) => [at - begin, input.kind === 'timer' && input.token.kind])).toEqual([
    [3_000, 'tick'],
    [3_000, 'maintain'],
    [5_000, 'lottery'],
  ])
})

test('links that the other side closed are open until it wakes, and are then reported', () => {
  const { sim, a, b, nodes } = linked(fixed)
  sim.freeze([nodes[1]!], 10_000)
  a.io.closeLink(a.link, 'silent')
  sim.run(9_000)
  expect([nodes[1]!.degree, b.inputs('linkDown').length]).toEqual([1, 0])
  sim.run(1_000)
  expect(b.inputs('linkDown')).toMatchObject([{ link: b.link }])
  expect(b.timeOf('linkDown')).toBe(nodes[1]!.wokeAt)
  expect(nodes[1]!.degree).toBe(0)
  expect(sim.violations).toEqual([])
})

test('what an application asks of a sleeping node is done when it wakes', () => {
  const { sim, a, nodes } = linked(fixed)
  sim.freeze([nodes[0]!], 2_000)
  sim.unicast(nodes[0]!, nodes[1]!)
  sim.run(1_999)
  expect(a.inputs('send')).toEqual([])
  sim.run(2)
  expect(a.inputs('send')).toHaveLength(1)
})

test('no link comes up at a sleeping node, and the other side learns it from ICE', () => {
  const all = world(2, fixed)
  const [a, b] = all.peers as [Recorder, Recorder]
  signal(all, a, b)
  all.sim.freeze([all.nodes[1]!], 60_000)
  all.sim.run(20_000)
  expect(a.inputs('linkUp')).toEqual([])
  expect(a.inputs('exchangeFailed')).toMatchObject([{ reason: 'ice' }])
  expect(b.inputs('exchangeFailed')).toEqual([])
  all.sim.run(60_000)
  expect(b.inputs('exchangeFailed')).toMatchObject([{ reason: 'ice' }])
})

test('a contact to a bootstrap that sleep interrupts fails, exactly once', () => {
  const all = world(1, fixed)
  all.sim.addBootstrap()
  all.peers[0]!.io.contactBootstrap('join')
  all.sim.run(130)
  all.sim.freeze(all.nodes, 1_000)
  all.sim.run(5_000)
  const ends = all.peers[0]!.heard.filter(({ input }) => ['linkUp', 'bootstrapFailed'].includes(input.kind))
  expect(ends.map(({ input }) => input.kind)).toEqual(['bootstrapFailed'])
})

test('frozen twice, it sleeps until the later instant', () => {
  const { sim, nodes } = linked(fixed)
  sim.freeze(nodes, 1_000)
  sim.run(500)
  sim.freeze([nodes[0]!], 2_000)
  sim.freeze([nodes[1]!], 100)
  sim.run(300)
  expect(nodes.map((node) => node.isRunning)).toEqual([false, false])
  sim.run(300)
  expect(nodes.map((node) => node.isRunning)).toEqual([false, true])
  sim.run(1_500)
  expect(nodes.map((node) => node.isRunning)).toEqual([true, true])
})

test('a link whose other end died meanwhile is no violation until the woken one has had time to notice', () => {
  const { sim, nodes } = linked({ ...fixed, isStrict: false, sampleMs: 1_000 })
  sim.freeze([nodes[1]!], 60_000)
  sim.crash([nodes[0]!])
  sim.run(66_000)
  expect(sim.violations).toEqual([])
  sim.run(3_000)
  expect(sim.violations[0]).toMatchObject({ rule: 'symmetry', node: 1 })
})

test('who dies asleep never wakes', () => {
  const { sim, a, nodes } = linked({ ...fixed, isStrict: false })
  a.io.schedule({ kind: 'tick' }, 100)
  sim.freeze([nodes[0]!], 1_000)
  sim.run(500)
  sim.crash([nodes[0]!])
  sim.run(5_000)
  expect(a.inputs('timer')).toEqual([])
  expect(nodes[0]!.isRunning).toBe(false)
})
