/**
 * A few routers on a bench: synchronous links between them, every frame recorded, nothing else. Enough to test the
 * router, the requests and the broadcast as they are, without signaling or time.
 */

import type { BroadcastFrame, Frame, LookupFrame, NackReason, ReplyFrame, UnicastFrame } from '../../src/core/frames.ts'
import { HOP_LIMIT_MAX } from '../../src/core/frames.ts'
import { ANY_BUCKET, xor } from '../../src/core/geometry.ts'
import type { LinkId, PeerId } from '../../src/core/ids.ts'
import { type Route, Router, ROUTER_DEFAULTS, type RouterConfig } from '../../src/core/router.ts'
import { at, link, message, peer } from './ids.ts'

export interface Bench {
  readonly id: PeerId
  readonly router: Router
  readonly delivered: UnicastFrame[]
  readonly replies: ReplyFrame[]
  readonly returned: { readonly frame: UnicastFrame | LookupFrame; readonly reason: NackReason }[]
  /** Frames that this one sent, in order. */
  readonly sent: { readonly link: LinkId; readonly frame: Frame }[]
  readonly broadcasts: BroadcastFrame[]
  answersLookups: 'never' | 'closest' | 'always'
  readonly answered: { readonly frame: LookupFrame; readonly isClosest: boolean }[]
  readonly links: Map<LinkId, { readonly bench: Bench; readonly remote: LinkId }>
  /** Frames that this one drops instead of handling them: a liar. */
  swallow: (frame: Frame) => boolean
  /** Its links that have been silent. */
  readonly silent: Set<LinkId>
  readonly distrusted: LinkId[]
}

let links = 0

export function bench(id: string, config: Partial<RouterConfig> = {}): Bench {
  const self = peer(id)
  const state: Omit<Bench, 'router'> = {
    id: self,
    delivered: [],
    replies: [],
    returned: [],
    sent: [],
    broadcasts: [],
    answersLookups: 'never',
    answered: [],
    links: new Map(),
    swallow: () => false,
    silent: new Set(),
    distrusted: [],
  }
  const router = new Router(
    { self, geometry: xor, isBootstrap: false, ...ROUTER_DEFAULTS, pathsMax: 1_000, ...config },
    {
      send: (to, frame) => send(state as Bench, to, frame),
      deliver: (frame) => void state.delivered.push(frame),
      answerLookup: (frame, _from, isClosest) => {
        const isTaken = state.answersLookups === 'always' || (state.answersLookups === 'closest' && isClosest)
        if (isTaken) state.answered.push({ frame, isClosest })
        return isTaken
      },
      replied: (frame) => void state.replies.push(frame),
      ask: ({ link: on }) => state.silent.has(on),
      distrusted: (on) => void state.distrusted.push(on),
      returned: (frame, reason) => void state.returned.push({ frame, reason }),
    },
  )
  return Object.assign(state, { router })
}

const wires: { readonly to: Bench; readonly link: LinkId; readonly frame: Frame }[] = []

function send(from: Bench, to: LinkId, frame: Frame): void {
  from.sent.push({ link: to, frame })
  const end = from.links.get(to)
  if (end !== undefined) wires.push({ to: end.bench, link: end.remote, frame })
}

/** Hands over every frame on the way, and those that follow from it. */
export function settle(): void {
  for (let next = wires.shift(); next !== undefined; next = wires.shift()) handle(next.to, next.link, next.frame)
}

export function handle(to: Bench, on: LinkId, frame: Frame): void {
  const route = to.router.route(on)
  if (route === undefined || to.swallow(frame)) return
  if (frame.kind === 'unicast') to.router.onUnicast(frame, route, at(0))
  else if (frame.kind === 'lookup') to.router.onLookup(frame, route, at(0))
  else if (frame.kind === 'reply') to.router.onReply(frame, route, at(0))
  else if (frame.kind === 'nack') to.router.onNack(frame, route, at(0))
  else if (frame.kind === 'broadcast') to.broadcasts.push(frame)
}

/** A standing link; the router's view of it at either end. */
export function connect(
  a: Bench,
  b: Bench,
  how: { readonly role?: Route['role']; readonly carries?: boolean; readonly isRing?: boolean } = {},
): { readonly a: Route; readonly b: Route } {
  const [atA, atB] = [link(++links), link(++links)]
  a.links.set(atA, { bench: b, remote: atB })
  b.links.set(atB, { bench: a, remote: atA })
  const { role = 'peer', carries = true, isRing = false } = how
  const ends = {
    a: a.router.addLink({ link: atA, peer: b.id, role, carries }, at(0)),
    b: b.router.addLink({ link: atB, peer: a.id, role, carries }, at(0)),
  }
  ends.a.isRing = ends.b.isRing = isRing
  return ends
}

export function cut(a: Bench, end: Route): void {
  const other = a.links.get(end.link)
  a.router.removeLink(end.link)
  a.links.delete(end.link)
  if (other === undefined) return
  other.bench.router.removeLink(other.remote)
  other.bench.links.delete(other.remote)
}

export function unicast(target: Bench | PeerId, id = 'm', attempt = 0): UnicastFrame {
  const to = typeof target === 'string' ? target : target.id
  return {
    kind: 'unicast',
    hopLimit: HOP_LIMIT_MAX,
    hops: 0,
    attempt,
    viaBootstrap: false,
    id: message(id),
    target: to,
    body: new Uint8Array(100),
  }
}

export function lookup(target: string, requester: Bench, range = ANY_BUCKET): LookupFrame {
  return {
    kind: 'lookup',
    hopLimit: HOP_LIMIT_MAX,
    hops: 0,
    attempt: 0,
    viaBootstrap: false,
    id: message('l'),
    target: peer(target),
    requester: requester.id,
    ...range,
    slot: 'bucket',
  }
}
