/**
 * A restart is the moment of an eclipse (Heilman et al. 2015): a node that comes back with anchors has links to them again
 * although all others that it could hear of name peers that do not exist.
 */

import { expect, test } from 'vitest'
import type { PeerId } from '../../src/core/ids.ts'
import { bootstrapServer, type MeshPeer, meshPeer, type SimNode, Simulation } from '../../src/sim/index.ts'
import { isOneMesh, SEEDS } from './scenario.ts'

const PEERS = 120
const RESTARTS = 10
const HOSTILE = 10
const LINKS_MAX = 32

/** A mesh in which a peer's anchors are chosen right before it comes. */
function settled(seed: number) {
  let anchors: readonly PeerId[] = []
  const sim = new Simulation(
    { seed },
    { peer: (setup) => meshPeer({ linksMax: LINKS_MAX, anchors })(setup), bootstrap: bootstrapServer() },
  )
  sim.addBootstrap()
  sim.addPeers(PEERS, { everyMs: 50 })
  sim.run(PEERS * 50)
  sim.runUntil(() => isOneMesh(sim), { limitMs: 60_000, everyMs: 500 })
  sim.run(30_000)
  const arrive = (wanted: readonly PeerId[]): SimNode => {
    anchors = wanted
    return sim.addPeer()
  }
  return { sim, arrive }
}

const linksOf = (node: SimNode): Set<PeerId> =>
  new Set((node.machine as MeshPeer).neighbors.all().map(({ peer }) => peer))

/** How many of its `anchors` each node has links to, together. */
function regained(nodes: readonly SimNode[], saved: readonly (readonly PeerId[])[]): number {
  const counts = nodes.map((node, i) => {
    const links = linksOf(node)
    return (saved[i] as readonly PeerId[]).filter((peer) => links.has(peer)).length
  })
  return counts.reduce((sum, count) => sum + count, 0)
}

test.each(SEEDS)('a node that restarts is linked to its anchors again, whoever else is there, seed %i', (seed) => {
  const { sim, arrive } = settled(seed)
  const leaving = sim.rng.shuffle(sim.peers).slice(0, RESTARTS)
  const saved = leaving.map((node) => (node.machine as MeshPeer).neighbors.anchors())
  for (const node of leaving) sim.leave(node)
  sim.run(5_000)
  const there = new Set(sim.peers.map(({ id }) => id))
  const anchors = saved.map((ids) => ids.filter((id) => there.has(id)))
  const honest = new Set(anchors.flat())
  const hostile = sim.peers.filter(({ id }) => !honest.has(id)).slice(0, HOSTILE)
  sim.corrupt(hostile, 'idFlooder')
  const nodes = anchors.map((ids) => arrive(ids))
  const others = anchors.map(() => arrive([]))
  sim.run(20_000)
  const all = anchors.flat().length
  const [found, byAccident] = [regained(nodes, anchors), regained(others, anchors)]
  console.log(`anchors regained: ${found} of ${all}; by accident, without: ${byAccident}`)
  // REFERENCE §3: two. Flooders hold the places that their anchors keep for others; newcomers are let in all the same.
  const counts = anchors.map((ids, i) => ({ found: regained([nodes[i]!], [ids]), wanted: Math.min(2, ids.length) }))
  expect(Math.min(...counts.map((count) => count.found)), `seed ${seed}`).toBeGreaterThanOrEqual(1)
  const isEnough = counts.filter((count) => count.found >= count.wanted).length
  expect(isEnough / RESTARTS, `nodes with two anchors, seed ${seed}`).toBeGreaterThanOrEqual(0.9)
  expect(byAccident / all, `seed ${seed}`).toBeLessThan(0.3)
})
