/** Words that the mesh scenarios share: settle, talk, count. */

import { expect } from 'vitest'
import {
  type BroadcastRecord,
  type SimNode,
  Simulation,
  type SimulationOptions,
  type UnicastRecord,
} from '../../src/sim/index.ts'
import { SEED } from './support.ts'

/** Seeds of this run: one in `npm test`, eight with LONG=1; `SEED=7` starts there. */
export const SEEDS = Array.from({ length: process.env['LONG'] ? 8 : 1 }, (_, i) => SEED + i)

/** `PEERS=10000` overrides the size of a scenario. */
export const sizeOf = (usual: number): number => Number(process.env['PEERS'] ?? usual)

export type Pace = Parameters<Simulation['addPeers']>[1]

/** A bootstrap and `count` peers that have come in; fails unless they are one mesh within a minute. */
export function mesh(
  count: number,
  pace: Pace,
  options: Partial<SimulationOptions> & { readonly seed: number },
): Simulation {
  const sim = new Simulation(options)
  sim.addBootstrap()
  sim.addPeers(count, pace)
  sim.run('everyMs' in pace ? (count - 1) * pace.everyMs + 1 : pace.withinMs)
  sim.runUntil(() => isOneMesh(sim), { limitMs: 60_000, everyMs: 500 })
  expect(sim.peers.filter((peer) => peer.readyAt === 0).length, `peers not ready, seed ${options.seed}`).toBe(0)
  expectOneMesh(sim)
  return sim
}

export function isOneMesh(sim: Simulation): boolean {
  return sim.components.length === 1 && sim.peers.every((peer) => peer.readyAt > 0)
}

export function expectOneMesh(sim: Simulation): void {
  expect(sim.components, `components, seed ${sim.options.seed}`).toEqual([sim.peers.length])
}

/** Sends `count` unicasts between random pairs, 5 a millisecond, and runs until the last has an end. */
export function randomUnicasts(
  sim: Simulation,
  count: number,
  how: { readonly timeoutMs?: number } = {},
): UnicastRecord[] {
  const records: UnicastRecord[] = []
  const { peers } = sim
  while (records.length < count) {
    const [source, target] = pair(sim, peers)
    records.push(sim.unicast(source, target, how))
    if (records.length % 5 === 0) sim.run(1)
  }
  finish(sim)
  return records
}

/** Every peer to every other. */
export function allPairs(sim: Simulation): UnicastRecord[] {
  const { peers } = sim
  const records = peers.flatMap((source) =>
    peers.filter((target) => target !== source).map((target) => sim.unicast(source, target)),
  )
  finish(sim)
  return records
}

/** Runs until every unicast has an end. */
export function finish(sim: Simulation): void {
  const isOver = sim.runUntil(() => sim.requests.pending === 0, { limitMs: 60_000 })
  expect(isOver, `requests without an end, seed ${sim.options.seed}`).toBe(true)
}

/** Delivered exactly once, and its sender knows. */
export function delivered(records: readonly UnicastRecord[]): number {
  return records.filter((record) => record.state === 'done' && record.receipt !== null && record.deliveries === 1)
    .length
}

/** What went wrong with the rest, for the message of a failing test. */
export function failures(sim: Simulation, records: readonly UnicastRecord[]): string {
  const lost = records.filter((record) => record.state !== 'done').slice(0, 5)
  return `seed ${sim.options.seed}: ${lost.map((record) => `${record.source.number}→${record.target.number} ${record.code}`).join(', ')}`
}

export function expectAllDelivered(sim: Simulation, records: readonly UnicastRecord[]): void {
  expect(delivered(records), failures(sim, records)).toBe(records.length)
}

/** A broadcast by a random peer, and 10 s for it to arrive everywhere. */
export function randomBroadcast(sim: Simulation): BroadcastRecord {
  const record = sim.broadcast(sim.rng.pick(sim.peers))
  sim.run(10_000)
  return record
}

/** Every other peer got it, once. */
export function expectReachedAll(sim: Simulation, record: BroadcastRecord): void {
  expect(record.reached, `reached, seed ${sim.options.seed}`).toBe(sim.peers.length - 1)
  expect(Math.max(...record.deliveries.values())).toBe(1)
}

function pair(sim: Simulation, peers: readonly SimNode[]): [SimNode, SimNode] {
  const source = sim.rng.pick(peers)
  for (;;) {
    const target = sim.rng.pick(peers)
    if (target !== source) return [source, target]
  }
}
