/**
 * What the simulator itself costs: a trivial protocol (every 2 s a heartbeat over each of 16 links, echoed) at 10,000
 * nodes. Events per second beside the bare queue's, which only passes objects through, and heap bytes per node without
 * any protocol state. Whatever a real machine takes longer is the machine's; the gate is what issue 3 asks of both.
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Frame } from '../../src/core/frames.ts'
import type { LinkId } from '../../src/core/ids.ts'
import type { Input, Io } from '../../src/core/io.ts'
import { EventQueue, type Machine, type MachineMaker, Rng, Simulation } from '../../src/sim/index.ts'
import { compare, type Figure, inTurns, sized } from './measure.ts'

const NODES = sized(10_000, 1_000)
const LINKS_EACH = 16
const BEAT_MS = 2_000
const VIRTUAL_MS = sized(10_000, 4_000)
const SEED = 1

export async function benchSimulator(): Promise<Figure[]> {
  const before = heapBytes()
  const sim = world()
  const bytes = heapBytes() - before
  const turns = await inTurns(
    { ours: () => Promise.resolve(perSecond(() => beat(sim))), floor: () => Promise.resolve(perSecond(bareQueue)) },
    sized(5, 3),
  )
  const rates = compare(turns, (rate) => rate)
  return [
    { ...rates, name: `simulator's shell, ${NODES} nodes`, unit: 'events/s', ratio: null, gate: { atLeast: 300_000 } },
    {
      name: `simulator's shell, a node of ${LINKS_EACH} links`,
      unit: 'bytes',
      ours: bytes / NODES,
      floor: null,
      ratio: null,
      gate: null,
    },
  ]
}

class Pinger implements Machine {
  readonly #io: Io
  readonly #links: LinkId[] = []

  constructor(io: Io) {
    this.#io = io
  }

  handle(input: Input): void {
    if (input.kind === 'frame') this.#onFrame(input.link, input.frame)
    else if (input.kind === 'linkUp') this.#links.push(input.link)
    else this.#beat()
  }

  #onFrame(link: LinkId, frame: Frame): void {
    if (frame.kind !== 'heartbeat' || frame.isEcho) return
    this.#io.send(link, { kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: frame.stamp })
  }

  #beat(): void {
    for (const link of this.#links) this.#io.send(link, { kind: 'heartbeat', isEcho: false, hasRoom: true, stamp: 1 })
    this.#io.schedule({ kind: 'tick' }, BEAT_MS)
  }
}

/** Every node has dialled eight random others. */
function world(): Simulation {
  const peer: MachineMaker = ({ io }) => new Pinger(io)
  const sim = new Simulation({ seed: SEED, linksMax: NODES }, { peer, bootstrap: peer })
  sim.addPeers(NODES, { withinMs: BEAT_MS })
  sim.run(BEAT_MS)
  const { peers } = sim
  const plan = (node: (typeof peers)[number]) => ({ node, role: 'peer' as const, delayMs: 0, isWanted: () => true })
  for (const from of peers)
    for (let i = 0; i < LINKS_EACH / 2; i++) {
      const to = sim.rng.pick(peers)
      if (to === from) continue
      sim.network.connect(plan(from), plan(to), { transport: 'memory', isSecure: true, exchange: null })
    }
  sim.run(1)
  return sim
}

function beat(sim: Simulation): number {
  const before = sim.trace.events
  sim.run(VIRTUAL_MS)
  return sim.trace.events - before
}

/** The same number of objects under way as in the world above, each due again some milliseconds later. */
export function bareQueue(): number {
  const queue = new EventQueue<{ readonly order: number }>()
  const rng = new Rng(SEED)
  for (let order = 0; order < NODES * 4; order++) queue.push(rng.below(BEAT_MS), { order })
  const events = NODES * 100
  for (let i = 0; i < events; i++) {
    const event = queue.pop(Number.MAX_SAFE_INTEGER)!
    queue.push(queue.now + 10 + (event.order % 40), { order: event.order })
  }
  return events
}

/** What `work` counts, a second. */
export function perSecond(work: () => number): number {
  const startedAt = performance.now()
  return (work() / (performance.now() - startedAt)) * 1_000
}

export function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
