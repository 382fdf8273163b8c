/**
 * What a simulated mesh of the real protocol costs: joins, settling and unicasts in seconds of wall time, events a second
 * at rest beside the bare queue's, heap bytes a peer. Nearly all of it is waiting for main memory, for every event
 * concerns another peer than the one before; so the machine's own latency stands beside it, without which the other
 * figures say little. Issue 3's gates.
 */

import { Simulation, type UnicastRecord } from '../../src/sim/index.ts'
import { compare, type Figure, inTurns, sized } from './measure.ts'
import { bareQueue, heapBytes, perSecond } from './sim.ts'

const PEERS = Number(process.env['PEERS'] ?? sized(10_000, 500))
/** 500 newcomers a second, all through one bootstrap. */
const JOIN_EVERY_MS = 2
const UNICASTS = sized(10_000, 1_000)
const UNICASTS_PER_MS = 5
const REST_MS = sized(4_000, 2_000)
const SEED = 1

export async function benchOverlay(): Promise<Figure[]> {
  const before = heapBytes()
  const startedAt = performance.now()
  const sim = formed()
  const delivered = exchange(sim)
  const seconds = (performance.now() - startedAt) / 1_000
  const bytes = (heapBytes() - before) / PEERS
  const turns = await inTurns(
    {
      ours: () => Promise.resolve(perSecond(() => rest(sim))),
      floor: () => Promise.resolve(perSecond(bareQueue)),
    },
    sized(5, 2),
  )
  const name = `a mesh of ${PEERS}`
  const alone = { floor: null, ratio: null, gate: null }
  return [
    {
      ...alone,
      name: `${name}: joins, settling, ${delivered} of ${UNICASTS} unicasts`,
      unit: 's',
      ours: seconds,
      gate: { atMost: 120 },
    },
    {
      ...compare(turns, (rate) => rate),
      ratio: null,
      name: `${name}, at rest`,
      unit: 'events/s',
      gate: { atLeast: 300_000 },
    },
    { ...alone, name: `${name}: a peer, links and statistics included`, unit: 'bytes', ours: bytes },
    { ...alone, name: 'this machine: one read from 512 MiB at random', unit: 'ns', ours: coldReadNs() },
  ]
}

/** Until everybody is ready and in one mesh. */
function formed(): Simulation {
  const sim = new Simulation({ seed: SEED })
  sim.addBootstrap()
  sim.addPeers(PEERS, { everyMs: JOIN_EVERY_MS })
  sim.run(PEERS * JOIN_EVERY_MS)
  const isFormed = (): boolean => sim.peers.every(({ readyAt }) => readyAt > 0) && sim.components.length === 1
  if (!sim.runUntil(isFormed, { limitMs: 60_000, everyMs: 1_000 })) throw new Error('the mesh does not form')
  return sim
}

/** How many arrive; waits until each is done. */
function exchange(sim: Simulation): number {
  const { peers, rng } = sim
  const records: UnicastRecord[] = []
  for (let i = 0; i < UNICASTS; i++) {
    const [from, to] = [rng.pick(peers), rng.pick(peers)]
    if (from !== to) records.push(sim.unicast(from, to))
    if (i % UNICASTS_PER_MS === 0) sim.run(1)
  }
  sim.runUntil(() => records.every(({ state }) => state !== 'pending'), { limitMs: 60_000 })
  return records.filter(({ state }) => state === 'done').length
}

function rest(sim: Simulation): number {
  const before = sim.trace.events
  sim.run(REST_MS)
  return sim.trace.events - before
}

/** Follows one long cycle through as many cache lines (Sattolo 1986), each read waiting for the one before. */
function coldReadNs(): number {
  const lineWords = 16
  const lines = (512 * 1024 * 1024) / 64
  const order = Int32Array.from({ length: lines }, (_, i) => i)
  let state = SEED
  for (let i = lines - 1; i > 0; i--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    const j = state % i
    const swapped = order[i]!
    order[i] = order[j]!
    order[j] = swapped
  }
  const memory = new Int32Array(lines * lineWords)
  for (let i = 0; i < lines; i++) memory[i * lineWords] = order[i]! * lineWords
  const reads = 2_000_000
  const startedAt = performance.now()
  let at = 0
  for (let i = 0; i < reads; i++) at = memory[at]!
  const elapsedMs = performance.now() - startedAt
  // So that the walk is not optimised away.
  return at < 0 ? Number.NaN : (elapsedMs * 1e6) / reads
}
