/** Partitions: silence between groups, both ways or one, until they heal. */

import { expect, test } from 'vitest'
import { exchangeId, heartbeat, type Recorder } from './support.ts'
import { fixed, linked, signal, world } from './world.ts'

/** a says 1 to b and b says 2 to a; what each has heard since. */
function exchange({ sim, a, b }: Pick<ReturnType<typeof linked>, 'sim' | 'a' | 'b'>) {
  const before = [a.inputs('frame').length, b.inputs('frame').length] as const
  a.io.send(a.link, heartbeat(1))
  b.io.send(b.link, heartbeat(2))
  sim.run(1_000)
  return { atA: a.inputs('frame').length - before[0], atB: b.inputs('frame').length - before[1] }
}

test('frames between groups are lost without a word, links stay open, and healing lets them through again', () => {
  const all = linked(fixed)
  const partition = all.sim.partition([[all.nodes[0]!], [all.nodes[1]!]])
  expect(exchange(all)).toEqual({ atA: 0, atB: 0 })
  expect(all.sim.stats.dropped.partition).toBe(2)
  expect([...all.a.inputs('linkDown'), ...all.b.inputs('linkDown')]).toEqual([])
  expect(partition.isHealed).toBe(false)
  partition.heal()
  partition.heal()
  expect(partition.isHealed).toBe(true)
  expect(exchange(all)).toEqual({ atA: 1, atB: 1 })
})

test('a one-way partition loses only what goes to an earlier group', () => {
  const all = linked(fixed)
  all.sim.partition([[all.nodes[0]!], [all.nodes[1]!]], { isOneWay: true })
  expect(exchange(all)).toEqual({ atA: 0, atB: 1 })
})

test('several partitions hold at once, and each heals by itself', () => {
  const all = linked(fixed)
  const [first, second] = [
    all.sim.partition([[all.nodes[0]!], [all.nodes[1]!]]),
    all.sim.partition([[all.nodes[1]!], [all.nodes[0]!]]),
  ]
  first.heal()
  expect(exchange(all)).toEqual({ atA: 0, atB: 0 })
  second.heal()
  expect(exchange(all)).toEqual({ atA: 1, atB: 1 })
})

test('who is in no group, and who comes later, belongs to the first', () => {
  const all = linked(fixed)
  all.sim.partition([[], [all.nodes[1]!]])
  expect(exchange(all)).toEqual({ atA: 0, atB: 0 })
  all.sim.addPeer()
  all.sim.run(1)
  const late = all.peers[2]!
  const other = exchangeId('y')
  signal(all, all.a, late, other)
  all.sim.run(1_000)
  expect(late.inputs('linkUp')).toHaveLength(1)
})

test('closing does not get across: the other side keeps its end', () => {
  const all = linked({ ...fixed, isStrict: false })
  all.sim.partition([[all.nodes[0]!], [all.nodes[1]!]])
  all.a.io.closeLink(all.a.link, 'dead')
  all.sim.run(5_000)
  expect(all.a.inputs('linkDown')).toHaveLength(1)
  expect(all.b.inputs('linkDown')).toEqual([])
  expect(all.sim.violations).toEqual([])
  // And whoever keeps such an end for longer than silence allows is caught.
  all.sim.run(10_000)
  expect(all.sim.violations[0]).toMatchObject({ rule: 'symmetry', node: 1 })
})

test.each([false, true])('no link forms across (one way: %s), and ICE says so in its time', (isOneWay) => {
  const all = world(2, fixed)
  const [a, b] = all.peers as [Recorder, Recorder]
  all.sim.partition([[all.nodes[0]!], [all.nodes[1]!]], { isOneWay })
  signal(all, a, b)
  all.sim.run(20_000)
  expect([...a.inputs('linkUp'), ...b.inputs('linkUp')]).toEqual([])
  expect([a.inputs('exchangeFailed'), b.inputs('exchangeFailed')]).toMatchObject([[{ reason: 'ice' }], [{}]])
})

test('a bootstrap stays with the first group unless it is put elsewhere', () => {
  const all = world(2, fixed)
  const server = all.sim.addBootstrap()
  const contact = (peer: Recorder): string => {
    peer.io.contactBootstrap('join')
    all.sim.run(20_000)
    return peer.heard.at(-1)!.input.kind
  }
  const first = all.sim.partition([[], [all.nodes[1]!]])
  expect([contact(all.peers[0]!), contact(all.peers[1]!)]).toEqual(['linkUp', 'bootstrapFailed'])
  first.heal()
  all.sim.partition([[], [all.nodes[1]!, server]])
  expect(contact(all.peers[1]!)).toBe('linkUp')
})

test('a share of the peers is cut off at random', () => {
  const { sim } = world(100)
  sim.partitionShare(0.1)
  const [first] = sim.peers
  const { partitions } = sim.network.links
  const beyond = sim.peers.filter((peer) => !partitions.canPass(first!, peer)).length
  expect([10, 90]).toContain(beyond)
})
