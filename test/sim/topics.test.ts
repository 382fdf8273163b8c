/** Topics in a whole mesh: who hears what, over whom it goes, and what is left when it is over. */

import { describe, expect, test } from 'vitest'
import { MeshPeer, type SimNode, Simulation } from '../../src/sim/index.ts'
import { SEED } from './support.ts'

const PEERS = Number(process.env['PEERS'] ?? 60)

/** A mesh that stands, and some of its peers in the topic "chat". */
function mesh(members: number, seed = SEED): { sim: Simulation; inside: SimNode[]; outside: SimNode[] } {
  const sim = new Simulation({ seed })
  sim.addBootstrap()
  sim.addPeers(PEERS, { everyMs: 10 })
  const isFormed = (): boolean =>
    sim.peers.length === PEERS && sim.peers.every(({ readyAt }) => readyAt > 0) && sim.components.length === 1
  expect(sim.runUntil(isFormed, { limitMs: 60_000, everyMs: 500 }), `seed ${seed}`).toBe(true)
  sim.run(10_000)
  const inside = sim.peers.filter((_, i) => i % Math.ceil(PEERS / members) === 0)
  const outside = sim.peers.filter((node) => !inside.includes(node))
  for (const node of inside) sim.joinTopic(node, 'chat')
  return { sim, inside, outside }
}

const topicAt = (sim: Simulation, node: SimNode) =>
  node.machine instanceof MeshPeer ? node.machine.trees.topics?.get(sim.topicId('chat')) : undefined

/** Carries it and is not in it. */
const relays = (sim: Simulation): SimNode[] => sim.peers.filter((node) => topicAt(sim, node)?.isMember === false)

/** Payloads that this peer has sent in topics. */
const sentBy = ({ machine }: SimNode): number => (machine instanceof MeshPeer ? machine.trees.topicCounters.sent : 0)

describe('a topic', () => {
  test('reaches all members once and nobody else, and only members and relays carry it', () => {
    const { sim, inside, outside } = mesh(10)
    sim.run(5_000)
    for (let i = 0; i < 20; i++) {
      const record = sim.broadcast(inside[i % inside.length]!, { topic: 'chat' })
      sim.run(3_000)
      expect(record.reached, `seed ${SEED}, message ${i}`).toBe(inside.length - 1)
      expect(outside.some((node) => record.has(node))).toBe(false)
    }
    expect(sim.violations).toEqual([])
    const carrying = relays(sim)
    // Ten members of a hundred find each other over a handful of others.
    expect(carrying.length, `seed ${SEED}`).toBeLessThanOrEqual(inside.length)
    for (const node of outside) if (!carrying.includes(node)) expect(sentBy(node)).toBe(0)
  })

  test('members know each other a minute after they came, and a newcomer all of them within fifteen seconds', () => {
    const { sim, inside, outside } = mesh(10)
    sim.run(60_000)
    for (const node of inside) expect(topicAt(sim, node)!.members.size, `seed ${SEED}`).toBe(inside.length - 1)
    const newcomer = outside[0]!
    sim.joinTopic(newcomer, 'chat')
    sim.run(15_000)
    expect(topicAt(sim, newcomer)!.members.size, `seed ${SEED}`).toBe(inside.length)
  })

  test('who publishes as soon as it has joined is heard all the same', () => {
    const { sim, inside } = mesh(5)
    const record = sim.broadcast(inside[0]!, { topic: 'chat' })
    sim.run(10_000)
    expect(record.reached, `seed ${SEED}`).toBe(inside.length - 1)
  })

  test('who comes later does not hear what was said before', () => {
    const { sim, inside, outside } = mesh(10)
    sim.run(5_000)
    const record = sim.broadcast(inside[0]!, { topic: 'chat' })
    sim.run(5_000)
    const latecomers = outside.filter((node) => !relays(sim).includes(node)).slice(0, 10)
    for (const node of latecomers) sim.joinTopic(node, 'chat')
    sim.run(30_000)
    expect(
      latecomers.filter((node) => record.has(node)),
      `seed ${SEED}`,
    ).toEqual([])
  })

  test('is forgotten everywhere soon after the last member has left', () => {
    const { sim, inside } = mesh(10)
    sim.run(10_000)
    expect(relays(sim)).not.toEqual([])
    for (const node of inside) sim.leaveTopic(node, 'chat')
    // Relays let go one after another, ten seconds each, from the members to the key.
    sim.run(90_000)
    expect(
      sim.peers.filter((node) => topicAt(sim, node) !== undefined),
      `seed ${SEED}`,
    ).toEqual([])
  })

  test('mends itself when all its relays crash at once', () => {
    const { sim, inside } = mesh(10)
    sim.run(10_000)
    const lost = relays(sim)
    expect(lost).not.toEqual([])
    sim.crash(lost, { isNoticed: false })
    sim.run(15_000)
    for (let i = 0; i < 5; i++) {
      const record = sim.broadcast(inside[i]!, { topic: 'chat' })
      sim.run(5_000)
      expect(record.reached, `seed ${SEED}, message ${i}`).toBe(inside.length - 1)
    }
  })

  test('hears after a partition what was said on the other side of it in the last half minute', () => {
    const { sim, inside } = mesh(10)
    sim.run(5_000)
    const { peers } = sim
    const partition = sim.partition([peers.slice(0, PEERS / 2), peers.slice(PEERS / 2)], { isOneWay: false })
    sim.run(20_000)
    const record = sim.broadcast(inside[0]!, { topic: 'chat' })
    sim.run(10_000)
    const before = record.reached
    partition.heal()
    sim.run(30_000)
    expect(before).toBeLessThan(inside.length - 1)
    expect(record.reached, `seed ${SEED}`).toBe(inside.length - 1)
    expect(sim.violations).toEqual([])
  })
})

test('two topics with the same members do not hear each other', () => {
  const { sim, inside } = mesh(5)
  for (const node of inside.slice(1)) sim.joinTopic(node, 'other')
  sim.run(5_000)
  const record = sim.broadcast(inside[1]!, { topic: 'other' })
  sim.run(5_000)
  expect(record.has(inside[0]!)).toBe(false)
  expect(record.reached, `seed ${SEED}`).toBe(inside.length - 2)
})
