/**
 * Broadcasts among real peers. `broadcast`: how many deliveries a second and what each costs, ours beside plain flooding
 * on the same links (`swarm-musubi.ts`) and beside libp2p's gossipsub (`gossipsub/`, if it is installed), all of them in
 * turns. `stream`: an honest load on 32 peers, which has to arrive everywhere exactly once and nearly without waste.
 * Each system is a process with all its peers in it.
 */

import { Child, withChild } from './child.ts'
import { isGossipsubInstalled } from './gossipsub-url.ts'
import { compare, type Figure, inTurns, sized } from './measure.ts'
import type { Flow, Load, Stream, StreamLoad } from './swarm.ts'
import type { System } from './swarm-peers.ts'

const SIZES = sized([16, 32], [16])
/** A turn: long beside a heartbeat, short beside the load that comes and goes on a machine. */
const LOAD: Load = { messages: sized(200, 50), window: 16 }
const TURNS = sized(7, 2)

export async function benchBroadcast(): Promise<Figure[]> {
  const hasGossipsub = isGossipsubInstalled()
  if (!hasGossipsub) console.log('gossipsub is left out: npm ci --prefix test/bench/gossipsub')
  const rivals: readonly System[] = hasGossipsub ? ['flooding', 'gossipsub'] : ['flooding']
  const figures: Figure[] = []
  for (const size of SIZES) figures.push(...(await benchSize(size, rivals)))
  return figures
}

async function benchSize(size: number, rivals: readonly System[]): Promise<Figure[]> {
  const turns = await withSwarms(size, ['musubi', ...rivals], (children) =>
    inTurns(
      mapped(children, (child) => () => child.call<Flow>('saturate', LOAD)),
      TURNS,
    ),
  )
  return rivals.flatMap((rival) => figuresOf(`${size} peers, broadcast, beside ${rival}`, turns.musubi, turns[rival]))
}

function figuresOf(name: string, ours: readonly Flow[], floor: readonly Flow[]): Figure[] {
  const figure = (what: string, unit: string, numberOf: (flow: Flow) => number): Figure => ({
    name: `${name}: ${what}`,
    unit,
    ...compare({ ours, floor }, numberOf),
    gate: null,
  })
  return [
    figure('deliveries', '/s', ({ perSecond }) => perSecond),
    figure('CPU a delivery', 'µs', ({ cpuUs }) => cpuUs),
    figure('payloads a delivery', '', ({ payloads }) => payloads),
  ]
}

/** One child each, with its peers settled; they stand by while it is another's turn. */
async function withSwarms<T>(
  size: number,
  systems: readonly System[],
  use: (children: Record<System, Child>) => Promise<T>,
): Promise<T> {
  const children = Object.fromEntries(systems.map((system) => [system, new Child('swarm-peers')]))
  try {
    for (const [system, child] of Object.entries(children)) await child.call('create', { system, size })
    return await use(children as Record<System, Child>)
  } finally {
    await Promise.all(Object.values(children).map((child) => child.stop()))
  }
}

function mapped<Name extends string, A, B>(record: Record<Name, A>, use: (value: A) => B): Record<Name, B> {
  return Object.fromEntries(Object.entries<A>(record).map(([name, value]) => [name, use(value)])) as Record<Name, B>
}

// ---- a steady stream ------------------------------------------------------------------------------------------------

const PEERS = 32
const STREAM: StreamLoad = { perSecond: 100, seconds: sized(30, 5) }

export async function benchStream(): Promise<Figure[]> {
  const { missed, duplicates, payloads, cpuUs, arrivalMs, loopMs, messages } = await withChild(
    'swarm-peers',
    async (child) => {
      await child.call('create', { system: 'musubi', size: PEERS })
      return child.call<Stream>('stream', STREAM)
    },
  )
  const figure = (what: string, rest: Pick<Figure, 'unit' | 'ours' | 'gate' | 'note'>): Figure => ({
    name: `${PEERS} peers, ${STREAM.perSecond} broadcasts/s for ${STREAM.seconds} s: ${what}`,
    floor: null,
    ratio: null,
    ...rest,
  })
  const spread = ({ p50, max }: Stream['arrivalMs']): string => `p50 ${p50.toFixed(1)}, max ${max.toFixed(0)}`
  const deliveries = messages * (PEERS - 1)
  return [
    figure('missed', { unit: '', ours: missed, gate: { atMost: 0 }, note: `of ${deliveries} deliveries` }),
    figure('duplicates', { unit: '', ours: duplicates, gate: { atMost: 0 } }),
    figure('payloads a delivery', { unit: '', ours: payloads, gate: { atMost: 1.3 } }),
    figure('CPU a delivery', { unit: 'µs', ours: cpuUs, gate: null }),
    figure('arrival, p99', { unit: 'ms', ours: arrivalMs.p99, gate: null, note: spread(arrivalMs) }),
    figure('event loop late, p99', { unit: 'ms', ours: loopMs.p99, gate: null, note: spread(loopMs) }),
  ]
}
