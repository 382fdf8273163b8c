/**
 * The bootstrap against a bare `ws` relay that reads only a target id: frames a second, CPU a frame, memory of an idle
 * connection. Servers and clients are processes of their own; both servers stand all the time and are loaded in turns.
 */

import { Child, withChild } from './child.ts'
import { compare, type Figure, inTurns, sized } from './measure.ts'

const SIDES = ['ours', 'floor'] as const
type Kind = (typeof SIDES)[number]

/** Messages in flight in all, whatever the number of clients. */
const IN_FLIGHT = 1_000
const TURN_MS = 400
const WARM_UP_MS = 150
const TURNS = sized(25, 5)
const IDLE = 5_000
/** Connected when memory is first read, so that what a server needs once is not counted as a connection's. */
const IDLE_BEFORE = 200

interface Turn {
  readonly framesPerSecond: number
  readonly cpuMicros: number
  readonly refused: number
}

export async function benchBootstrap(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const clients of [100, sized(1_000, 250)]) {
    for (const bytes of [200, 1_024]) figures.push(...(await benchRelaying(clients, bytes)))
  }
  return figures
}

/** A server with its clients. */
interface Side {
  readonly server: Child
  readonly load: Child
}

async function startSide(kind: Kind, clients: number, isMeasured = false): Promise<Side> {
  const side = { server: new Child('bootstrap-server', { isMeasured }), load: new Child('bootstrap-load') }
  const url = await side.server.call<string>('start', kind)
  await side.load.call('connect', { kind, url, count: clients })
  return side
}

const stopSide = ({ server, load }: Side): Promise<unknown> => Promise.all([load.stop(), server.stop()])

async function benchRelaying(clients: number, bytes: number): Promise<Figure[]> {
  const [ours, floor] = await Promise.all(SIDES.map((kind) => startSide(kind, clients)))
  const window = IN_FLIGHT / clients
  const sides = { ours: () => turn(ours!, { bytes, window }), floor: () => turn(floor!, { bytes, window }) }
  const turns = await inTurns(sides, TURNS, 2).finally(() => Promise.all([stopSide(ours!), stopSide(floor!)]))
  const refused = turns.ours.reduce((sum, { refused: count }) => sum + count, 0)
  const name = `bootstrap, ${clients} clients, ${bytes} B`
  return [
    {
      name: `${name}: relayed`,
      unit: 'frames/s',
      ...compare(turns, (one) => one.framesPerSecond),
      gate: { atLeast: 0.9 },
      note: refused === 0 ? '' : `${refused} refused`,
    },
    { name: `${name}: CPU a frame`, unit: 'µs', ...compare(turns, (one) => one.cpuMicros), gate: { atMost: 1.3 } },
  ]
}

async function turn({ server, load }: Side, traffic: { bytes: number; window: number }): Promise<Turn> {
  const read = async () => ({ cpuMs: await server.call<number>('cpuMs'), ...(await load.call<Progress>('progress')) })
  await load.call('start', traffic)
  await pause(WARM_UP_MS)
  const before = await read()
  await pause(TURN_MS)
  const after = await read()
  await load.call('stop')
  const frames = after.delivered - before.delivered
  return {
    framesPerSecond: (frames * 1000) / (after.atMs - before.atMs),
    cpuMicros: ((after.cpuMs - before.cpuMs) * 1000) / frames,
    refused: after.refused - before.refused,
  }
}

interface Progress {
  readonly delivered: number
  readonly refused: number
  readonly atMs: number
  readonly closed: number
}

export async function benchIdle(): Promise<Figure[]> {
  const turns = await inTurns({ ours: () => idleKiB('ours'), floor: () => idleKiB('floor') }, sized(3, 1), 0)
  const name = `bootstrap, ${IDLE} idle connections: memory of one`
  return [{ name, unit: 'KiB', ...compare(turns, (kib) => kib), gate: { atMost: 1.2 } }]
}

/** In a fresh process each time: what was once needed at a peak stays with the process. */
async function idleKiB(kind: Kind): Promise<number> {
  const measure = async (server: Child): Promise<number> =>
    withChild('bootstrap-load', async (load) => {
      const url = await server.call<string>('start', kind)
      await load.call('connect', { kind, url, count: IDLE_BEFORE })
      const before = await server.call<number>('rss')
      await load.call('connect', { kind, url, count: IDLE_BEFORE + IDLE })
      const after = await server.call<number>('rss')
      const { closed } = await load.call<Progress>('progress')
      if (closed > 0) throw new Error(`${closed} connections did not last`)
      return (after - before) / IDLE / 1024
    })
  return withChild('bootstrap-server', measure, { isMeasured: true })
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
