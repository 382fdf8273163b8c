/**
 * Child of `webrtc.ts`: one relay hop, A – B – C, on one WebRTC implementation. Three ways over it:
 *
 * - floor: two chained simple-peer channels; B sends on what it gets.
 * - frames: routed frames over proven links, a router at each end and in the middle; the body is not sealed. What a
 *   relay and its two links cost.
 * - mesh: `mesh.send`, sealed in a session and acknowledged end to end; its round trip is the time to the receipt.
 *
 * Each way is measured with one message in flight (round trip), with a window of single messages, each sent in a turn of
 * its own (steady), and with bursts of messages sent in one turn.
 */

import { randomBytes } from 'node:crypto'
import type { Instance } from 'simple-peer'
import type { UnicastFrame } from '../../src/core/frames.ts'
import { HOP_LIMIT_MAX } from '../../src/core/frames.ts'
import { randomName, xor } from '../../src/core/geometry.ts'
import type { Instant, LinkId, MessageId, PeerId } from '../../src/core/ids.ts'
import { type Route, Router, ROUTER_DEFAULTS } from '../../src/core/router.ts'
import { randomWords } from '../../src/net/driver.ts'
import type { Link } from '../../src/net/link.ts'
import { connect, createSides, loadStack, type Stack } from '../net/exchange-kit.ts'
import { serve } from './child.ts'
import { barePair, rawWrtc } from './floor-webrtc.ts'
import { inTurns, median, sized, timed } from './measure.ts'
import { createRow } from './rig.ts'

const PING = randomBytes(100)
const MESSAGE = randomBytes(1_024)
const WINDOW = 16
const BURST = 64
/**
 * Turns of a tenth of a second, in which the floor alone swings by half (node-datachannel: 7,500 to 14,000 messages/s
 * within minutes): with 11 of them one and the same build gave 0.74 × and 1.38 ×. The ways with a gate get more.
 */
const TURNS = { frames: sized(41, 7), mesh: sized(11, 4) }
/** Messages of one turn of each kind. */
const COUNTS = { pings: 100, steady: sized(600, 300), bursts: 10 }

/** A way from A to C and back. */
interface Way {
  /** Resolves when the answer to `body` is back at A. */
  ping(body: Uint8Array): Promise<unknown>
  /** Sends without waiting; `onArrival` is called for each message that is done. */
  send(body: Uint8Array): void
  onArrival: () => void
}

export interface Rates {
  /** Median of the turn's pings, ms. */
  readonly roundTripMs: number
  readonly steadyPerSecond: number
  readonly burstPerSecond: number
}

serve({
  measure: async (stack: Stack) => {
    const floor = await floorWay(stack)
    const frames = await frameWay(stack)
    const mesh = await meshWay(stack)
    const measured = async (way: Way, turns: number): Promise<{ ours: Rates[]; floor: Rates[] }> =>
      inTurns({ ours: () => measure(way), floor: () => measure(floor) }, turns, 2)
    return { frames: await measured(frames, TURNS.frames), mesh: await measured(mesh, TURNS.mesh) }
  },
})

async function measure(way: Way): Promise<Rates> {
  const pings: number[] = []
  for (let i = 0; i < COUNTS.pings; i++) pings.push(await timed(() => way.ping(PING)))
  const steadyMs = await timed(() => steady(way, COUNTS.steady))
  const burstMs = await timed(() => bursts(way, COUNTS.bursts))
  return {
    roundTripMs: median(pings),
    steadyPerSecond: (COUNTS.steady * 1000) / steadyMs,
    burstPerSecond: (COUNTS.bursts * BURST * 1000) / burstMs,
  }
}

/** `WINDOW` messages in flight, each sent in a turn of its own. */
function steady(way: Way, count: number): Promise<void> {
  return new Promise((resolve) => {
    let sent = 0
    let done = 0
    const sendOne = (): void => {
      if (sent++ < count) way.send(MESSAGE)
    }
    way.onArrival = () => {
      if (++done === count) resolve()
      else setImmediate(sendOne)
    }
    for (let i = 0; i < WINDOW; i++) setImmediate(sendOne)
  })
}

/** All of a burst in one turn; the next one when it has arrived. */
async function bursts(way: Way, count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    await new Promise<void>((resolve) => {
      let done = 0
      way.onArrival = () => ++done === BURST && resolve()
      for (let i = 0; i < BURST; i++) way.send(MESSAGE)
    })
  }
}

// ---- floor ----------------------------------------------------------------------------------------------------------

async function floorWay(stack: Stack): Promise<Way> {
  const wrtc = await rawWrtc(stack)
  const [a, ba] = await barePair(wrtc)
  const [bc, c] = await barePair(wrtc)
  ba.on('data', (data: Uint8Array) => bc.send(data))
  bc.on('data', (data: Uint8Array) => ba.send(data))
  let onPong = (): void => {}
  const way: Way = {
    ping: (body) => new Promise((resolve) => ((onPong = () => resolve(null)), a.send(body))),
    send: (body) => a.send(body),
    onArrival: () => {},
  }
  c.on('data', (data: Uint8Array) => (data.byteLength === PING.byteLength ? c.send(data) : way.onArrival()))
  a.on('data', () => onPong())
  keep(a, ba, bc, c)
  return way
}

const kept: unknown[] = []
const keep = (...peers: readonly Instance[]): void => void kept.push(peers)

// ---- frames ---------------------------------------------------------------------------------------------------------

async function frameWay(stack: Stack): Promise<Way> {
  const wrtc = await loadStack(stack)
  const [left, right] = [await createSides({ wrtc }), await createSides({ wrtc })]
  const [a, c] = [new RouterPeer(left[0].identity.id), new RouterPeer(right[1].identity.id)]
  const b = new RouterPeer(left[1].identity.id)
  const [ab, ba] = await connect(left[0], left[1])
  const [bc, cb] = await connect(right[0], right[1])
  a.attach(ab, b.id)
  b.attach(ba, a.id)
  b.attach(bc, c.id)
  c.attach(cb, b.id)
  const way: Way = {
    ping: (body) => new Promise((resolve) => ((a.onReply = () => resolve(null)), a.send(c.id, body))),
    send: (body) => a.send(c.id, body),
    onArrival: () => {},
  }
  c.onUnicast = (frame) => {
    if (frame.body.byteLength === PING.byteLength) c.router.reply(frame, frame.body)
    else way.onArrival()
  }
  return way
}

/** A router on links, and nothing above it. */
class RouterPeer {
  readonly id: PeerId
  readonly router: Router
  onUnicast: (frame: UnicastFrame) => void = () => {}
  onReply: () => void = () => {}
  readonly #links = new Map<LinkId, Link>()

  constructor(id: PeerId) {
    this.id = id
    this.router = new Router(
      {
        self: id,
        geometry: xor,
        isBootstrap: false,
        ...ROUTER_DEFAULTS,
      },
      {
        send: (link, frame) => this.#links.get(link)!.send(frame),
        deliver: (frame) => this.onUnicast(frame),
        answerLookup: () => false,
        replied: () => this.onReply(),
        ask: () => false,
        distrusted: () => undefined,
        returned: (_, reason) => {
          throw new Error(`a relay refused: ${reason}`)
        },
      },
    )
  }

  attach(link: Link, peer: PeerId): void {
    const id = (this.#links.size + 1) as LinkId
    this.#links.set(id, link)
    const route = this.router.addLink({ link: id, peer, role: 'peer', carries: true }, now())
    link.onFrame = (frame) => this.#receive(frame, route)
  }

  send(target: PeerId, body: Uint8Array): void {
    const id = randomName(random) as MessageId
    const frame = {
      kind: 'unicast',
      hopLimit: HOP_LIMIT_MAX,
      hops: 0,
      attempt: 0,
      viaBootstrap: false,
      id,
      target,
      body,
    } as const
    this.router.originate(frame, null, now())
  }

  #receive(frame: Parameters<NonNullable<Link['onFrame']>>[0], route: Route): void {
    if (frame.kind === 'unicast') this.router.onUnicast(frame, route, now())
    else if (frame.kind === 'reply') this.router.onReply(frame, route, now())
    else if (frame.kind === 'nack') this.router.onNack(frame, route, now())
  }
}

const now = (): Instant => Date.now() as Instant
const random = randomWords(crypto)

// ---- mesh -----------------------------------------------------------------------------------------------------------

async function meshWay(stack: Stack): Promise<Way> {
  const { a, c } = await createRow(await loadStack(stack))
  const fail = (error: unknown): never => {
    console.error(error)
    process.exit(1)
  }
  const way: Way = {
    ping: (body) => a.send(c.id, body),
    // Done when it is acknowledged: stricter than the floor's mere arrival.
    send: (body) => void a.send(c.id, body).then(() => way.onArrival(), fail),
    onArrival: () => {},
  }
  const { hops } = await a.send(c.id, PING)
  if (hops !== 2) throw new Error(`${hops} hops instead of 2`)
  return way
}
