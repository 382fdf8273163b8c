/** One peer's broadcasting on a stage: links by number, everything that it sends and asks for is written down. */

import { xor } from '../../src/core/geometry.ts'
import { Broadcast, BROADCAST_DEFAULTS, type BroadcastConfig } from '../../src/core/broadcast.ts'
import type { Rate } from '../../src/core/budget.ts'
import {
  type Body,
  type BroadcastFrame,
  type DigestEntry,
  type Frame,
  HOP_LIMIT_MAX,
  type TreeFrame,
} from '../../src/core/frames.ts'
import type { LinkId, MessageId, NetworkId, PeerId } from '../../src/core/ids.ts'
import type { BroadcastFate, TimerToken, VerifyJob } from '../../src/core/io.ts'
import { RoundTrip } from '../../src/core/round-trip.ts'
import type { Route } from '../../src/core/router.ts'
import { SourceBudgets } from '../../src/core/source-budgets.ts'
import { at, key, link, message, peer } from './ids.ts'
import { generator } from './recorder.ts'

export const NETWORK = key('n') as NetworkId
export const BODY: Body = new Uint8Array(10)
const ORIGIN = peer('o')

/** `linkCount` neighbours on links 1, 2, …, each in a bucket of its own as far as there are; link 1 is of the ring. */
export function station(
  linkCount: number,
  { sourceFrames, ...config }: Partial<BroadcastConfig> & { readonly sourceFrames?: Rate } = {},
) {
  const routes = Array.from({ length: linkCount }, (_, i) => route(i + 1))
  const all: { readonly link: LinkId; readonly frame: Frame }[] = []
  const jobs: VerifyJob[] = []
  const delivered: number[] = []
  const spread: { readonly id: MessageId; readonly ms: number }[] = []
  const fates: BroadcastFate[] = []
  let timers: { readonly at: number; readonly token: TimerToken }[] = []
  let now = 1_000
  /** `relays`: links whose other end only passes messages on. */
  const state = { canAfford: true, isRelay: false, knowsAll: false, relays: [] as number[] }
  const sources = new SourceBudgets(sourceFrames)
  const random = generator(1)
  const broadcast = new Broadcast(
    { self: peer('s'), tree: NETWORK, geometry: xor, ...BROADCAST_DEFAULTS, ...config },
    {
      send: (to, frame) => void all.push({ link: to, frame }),
      schedule: (token, delayMs) => void timers.push({ at: now + delayMs, token }),
      links: () => routes,
      route: (on) => routes.find((one) => one.link === on),
      linkTo: (to) => routes.find((one) => one.peer === to)?.link ?? null,
      afford: () => state.canAfford,
      random,
      verify: (job) => void jobs.push(job),
      audience: () => routes.filter((one) => !state.relays.includes(one.link)),
      isRelay: () => state.isRelay,
      knowsAll: () => state.knowsAll,
      sources,
      deliver: (_source, _payload, { hops }) => void delivered.push(hops),
      spread: (id, ms, fate) => {
        spread.push({ id, ms })
        fates.push(fate)
      },
    },
  )
  broadcast.start(at(now))

  /** Time passes: timers and ticks come when they are due. */
  const pass = (ms: number): void => {
    const end = now + ms
    for (;;) {
      const due = timers.filter((timer) => timer.at <= end).toSorted((a, b) => a.at - b.at)[0]
      const tickAt = (Math.floor(now / 1_000) + 1) * 1_000
      if (tickAt <= end && (due === undefined || tickAt <= due.at)) {
        now = tickAt
        sources.tick(at(now))
        broadcast.tick(at(now))
      } else if (due !== undefined) {
        timers = timers.filter((timer) => timer !== due)
        now = Math.max(now, due.at)
        if (due.token.kind === 'tree') broadcast.onTimer(due.token, at(now))
      } else break
    }
    now = end
  }
  const copy = (id: MessageId, hops = 2, body = BODY, isDirect = false): BroadcastFrame => ({
    kind: 'broadcast',
    hopLimit: HOP_LIMIT_MAX - hops,
    hops,
    id,
    target: NETWORK,
    isDirect,
    body,
  })
  const hear = (
    id: MessageId,
    on: number,
    how: { readonly hops?: number; readonly body?: Body; readonly isDirect?: boolean } = {},
  ): void => broadcast.onFrame(copy(id, how.hops, how.body, how.isDirect), routes[on - 1]!, at(now))
  const verify = (id: MessageId, source = ORIGIN, ageMs = 0): void =>
    broadcast.onVerified({ id, source, signedAt: at(now - ageMs), payload: BODY }, at(now))
  const tell = (frame: TreeFrame, on: number): void => broadcast.onTreeFrame(frame, routes[on - 1]!, at(now))
  return {
    broadcast,
    sources,
    routes,
    jobs,
    delivered,
    spread,
    /** Of what stands in `spread`. */
    fates,
    state,
    pass,
    hear,
    verify,
    tell,
    /** A message by way of that link, and its signature is good. */
    get: (
      id: MessageId,
      on: number,
      how: {
        readonly hops?: number
        readonly source?: PeerId
        readonly isDirect?: boolean
        readonly ageMs?: number
      } = {},
    ): void => {
      hear(id, on, how)
      verify(id, how.source, how.ageMs)
    },
    publish: (id: MessageId): void => broadcast.originate(id, BODY, at(now)),
    ihave: (on: number, ...ids: MessageId[]): void =>
      tell({ kind: 'ihave', target: NETWORK, entries: ids.map((id) => ({ id, hops: 3 })) }, on),
    graft: (on: number, ids: MessageId[], isEager = true): void =>
      tell({ kind: 'graft', target: NETWORK, isEager, ids }, on),
    prune: (on: number): void => tell({ kind: 'prune', target: NETWORK }, on),
    digest: (on: number, entries: DigestEntry[], isReply = false): void =>
      tell({ kind: 'digest', target: NETWORK, isReply, entries }, on),
    linkDown: (on: number): void => {
      routes.splice(
        routes.findIndex((one) => one.link === link(on)),
        1,
      )
      broadcast.onLinkDown(link(on), at(now))
    },
    linkUp: (on: number): void => {
      routes.push(route(on))
      broadcast.onLinkUp(link(on), at(now))
    },
    wake: (): void => broadcast.onWake(at(now)),
    /** Links that a frame of this kind went to since the last time it was asked, in order. */
    to: (kind: Frame['kind']): number[] => taken(all, kind).map((one) => one.link),
    /** The same in the order of their numbers. */
    linksOf: (kind: Frame['kind']): number[] =>
      taken(all, kind)
        .map((one) => one.link as number)
        .toSorted((a, b) => a - b),
    frames: <Kind extends Frame['kind']>(kind: Kind): Extract<Frame, { kind: Kind }>[] =>
      taken(all, kind).map((one) => one.frame as Extract<Frame, { kind: Kind }>),
  }
}

export type Station = ReturnType<typeof station>

/** That neighbour announces eight messages and gives none. */
export function betray(all: Station, on: number): void {
  for (let i = 0; i < 8; i++) {
    all.ihave(on, name(i))
    all.pass(2_000)
  }
  all.to('graft')
}

export const name = (i: number): MessageId =>
  message(`m${i}x`.replaceAll(/\d/g, (digit) => 'bcdefghijk'[Number(digit)]!))

function taken(
  all: { readonly link: LinkId; readonly frame: Frame }[],
  kind: Frame['kind'],
): { readonly link: LinkId; readonly frame: Frame }[] {
  const found = all.filter((one) => one.frame.kind === kind)
  for (const one of found) all.splice(all.indexOf(one), 1)
  return found
}

/** The 95th percentile of the links' round trips below, in ms: 40, and what whole numbers leave of the first deviation. */
export const P95_MS = 42

/** A link whose round trip is known to be 40 ms. */
function route(number: number): Route {
  const roundTrip = new RoundTrip()
  for (let i = 0; i < 100; i++) roundTrip.add(40)
  const digits = String(number).replaceAll(/\d/g, (digit) => 'bcdefghijk'[Number(digit)]!)
  return {
    link: link(number),
    peer: peer(`p${digits}x`),
    role: 'peer',
    isRing: number === 1,
    carrier: number,
    roundTrip,
  } as Route
}
