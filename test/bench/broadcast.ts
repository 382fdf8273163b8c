/**
 * Broadcasts among real peers. `broadcast`: how many deliveries a second and what each costs, ours beside plain flooding
 * on the same links (`swarm-musubi.ts`) and beside libp2p's gossipsub (`gossipsub/`, if it is installed), in turns, each
 * system in one process with all its peers. `stream`: an honest load on 32 peers, which has to arrive everywhere exactly
 * once and nearly without waste.
 */

import { Child, withChild } from './child.ts'
import { isGossipsubInstalled } from './gossipsub-url.ts'
import { compare, type Figure, inTurns, sized } from './measure.ts'
import type { Flow, Load, Stream, StreamLoad, SwarmOptions } from './swarm.ts'
import type { System } from './swarm-peers.ts'

/** PEERS=32: only so many. */
const SIZES = process.env['PEERS'] ? [Number(process.env['PEERS'])] : sized([16, 32], [16])
/** A turn: 16 under way, as on one hop (`hop.ts`). */
const LOAD: Load = { messages: 100, window: 16 }
const TURNS = sized(7, 2)
/**
 * 16 peers are all linked with all, and 32 are not: they broadcast over a tree. With the default, 48, those would be as
 * well, which takes 992 ends of links; one end takes some twenty file descriptors, and a process has 20,000 here.
 */
const LINKS_MAX = 24
/** Before the turns: trees and meshes form, code is compiled. So few a second are not much for any of the three. */
const WARM_UP = { perSecond: 5, seconds: sized(30, 20), first: 0 }

export async function benchBroadcast(): Promise<Figure[]> {
  const hasGossipsub = isGossipsubInstalled()
  if (!hasGossipsub) console.log('gossipsub is left out; to have it: npm ci --prefix test/bench/gossipsub')
  const rivals: readonly System[] = hasGossipsub ? ['flooding', 'gossipsub'] : ['flooding']
  const figures: Figure[] = []
  for (const size of SIZES) figures.push(...(await benchSize(size, rivals)))
  return figures
}

async function benchSize(size: number, rivals: readonly System[]): Promise<Figure[]> {
  const parts = (['musubi', ...rivals] as const).map((system) => ({ system, size, linksMax: LINKS_MAX }))
  const turns = await withSwarms(parts, async (children) => {
    for (const child of children) await child.call('stream', { ...WARM_UP, peers: size })
    const sides = children.map((child, index) => [parts[index]!.system, () => child.call<Flow>('saturate', LOAD)])
    return inTurns(Object.fromEntries(sides) as Record<System, () => Promise<Flow>>, TURNS)
  })
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
    {
      name: `${name}: missed, all turns`,
      unit: '',
      ours: missedIn(ours),
      floor: missedIn(floor),
      ratio: null,
      gate: { atMost: 0 },
    },
  ]
}

const missedIn = (flows: readonly Flow[]): number => flows.reduce((sum, { missed }) => sum + missed, 0)

interface Part extends Pick<SwarmOptions, 'size' | 'linksMax'> {
  readonly system: System
}

/** A process for each part, its peers settled, and one bootstrap for all. Parts of one system are one swarm. */
function withSwarms<T>(parts: readonly Part[], use: (children: readonly Child[]) => Promise<T>): Promise<T> {
  return withChild('bootstrap-server', async (server) => {
    const bootstrap = await server.call<string>('start', 'ours')
    const children = parts.map(() => new Child('swarm-peers'))
    try {
      // One swarm after the other: those that form together keep each other from it.
      for (const network of new Set(parts.map(({ system }) => system))) {
        const create = async (child: Child, part: Part): Promise<void> => {
          if (part.system === network) await child.call('create', { ...part, bootstrap, network })
        }
        await Promise.all(children.map((child, index) => create(child, parts[index]!)))
      }
      return await use(children)
    } finally {
      await Promise.all(children.map((child) => child.stop()))
    }
  })
}

// ---- a steady stream ------------------------------------------------------------------------------------------------

const PEERS = 32
/** One event loop for all is at its end with such a load: every `send` of @roamhq/wrtc waits for the process's one network thread. */
const PROCESSES = 4
/** RATE=…: another rate, to see where it ends on a machine. */
const STREAM = { perSecond: Number(process.env['RATE'] ?? 100), seconds: sized(30, 5), peers: PEERS }

export async function benchStream(): Promise<Figure[]> {
  const size = PEERS / PROCESSES
  const parts = Array.from({ length: PROCESSES }, () => ({ system: 'musubi', size }) as const)
  const streams = await withSwarms(parts, (children) =>
    Promise.all(
      children.map((child, index) => {
        const load: StreamLoad = { ...STREAM, first: index * size }
        return child.call<Stream>('stream', load)
      }),
    ),
  )
  return streamFigures(streams)
}

function streamFigures(streams: readonly Stream[]): Figure[] {
  const figure = (what: string, rest: Pick<Figure, 'unit' | 'ours' | 'gate' | 'note'>): Figure => ({
    name: `${PEERS} peers, ${STREAM.perSecond} broadcasts/s, ${STREAM.seconds} s: ${what}`,
    floor: null,
    ratio: null,
    ...rest,
  })
  const sum = (numberOf: (one: Stream) => number): number => streams.reduce((total, one) => total + numberOf(one), 0)
  const worst = (numberOf: (one: Stream) => number): number => Math.max(...streams.map(numberOf))
  const all = sum(({ deliveries }) => deliveries)
  const each = (numberOf: (one: Stream) => number): number => sum((one) => numberOf(one) * one.deliveries) / all
  const note = (of: 'arrivalMs' | 'loopMs'): string =>
    `p50 ${worst((one) => one[of].p50).toFixed(1)}, max ${worst((one) => one[of].max).toFixed(0)}; worst of ${PROCESSES} processes`
  return [
    figure('missed', { unit: '', ours: sum(({ missed }) => missed), gate: { atMost: 0 }, note: `${all} came` }),
    figure('duplicates', { unit: '', ours: sum(({ duplicates }) => duplicates), gate: { atMost: 0 } }),
    figure('payloads a delivery', { unit: '', ours: each(({ payloads }) => payloads), gate: { atMost: 1.3 } }),
    figure('CPU a delivery', { unit: 'µs', ours: each(({ cpuUs }) => cpuUs), gate: null }),
    figure('arrival, p99', {
      unit: 'ms',
      ours: worst((one) => one.arrivalMs.p99),
      gate: null,
      note: note('arrivalMs'),
    }),
    figure('event loop late, p99', {
      unit: 'ms',
      ours: worst((one) => one.loopMs.p99),
      gate: null,
      note: note('loopMs'),
    }),
  ]
}
