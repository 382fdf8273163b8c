/**
 * One offer/answer exchange as either side keeps it, and how hard the other side is searched for. What is said in it, and
 * when it ends, is `signaling.ts`.
 */

import type { Deadline } from './deadline.ts'
import type { Body, OfferMessage, Slot } from './frames.ts'
import type { ExchangeId, Instant, LinkId, MessageId, PeerId, RequestId } from './ids.ts'
import type { OfferPath } from './io.ts'
import { type Arrival, type Asked, type Effort, FULL_EFFORT } from './requests.ts'

/** How long a call may ring: breadcrumbs live for at least 60 s. */
const CALL_RING_MS = 60_000
/**
 * A link is offered to whom we have only heard of, and who may be long gone: to search all over the mesh for each took
 * ten times what all else did (simulated: 200 peers with a mean session of 1,000 s, 1.8 KB/s a peer), and four tries half
 * as much again as two (300 peers: 631 and 422 B/s). 20 hops are enough for 100,000 peers (DESIGN §5: p99 is 10) and a few dead ends.
 */
export const LINK_EFFORT: Effort = { hopLimit: 20, attempts: 2 }
/** For whom has not been heard of for long: most are gone for good. */
export const PROBE_EFFORT: Effort = { hopLimit: 20, attempts: 1 }

export interface Exchange extends Deadline {
  readonly id: ExchangeId
  readonly remote: PeerId
  readonly purpose: OfferMessage['purpose']
  readonly slot: Slot
  readonly isOfferer: boolean
  readonly metadata: Body
  readonly timeoutMs: number
  /** `dial`'s request. */
  readonly request: RequestId | null
  /** The link that our side's frames leave by first; null: the router's choice. */
  readonly via: LinkId | null
  /** How far the other side is searched for. */
  readonly effort: Effort
  /** What our replies answer: the offer we got, or the lookup that we answer with an offer. */
  readonly asked: Asked | null
  /** describing: the shell is at work. offered: waiting for the answer. connecting: ICE is at work. up: a connected call. */
  state: 'ringing' | 'describing' | 'offered' | 'connecting' | 'up'
  /** The offer, kept until the application has accepted the call. */
  offer: Body | null
  asking: MessageId | null
  offerPath: OfferPath
}

/** What is fixed before an offer is made. */
export type Terms = Omit<Exchange, 'id' | 'isOfferer' | 'state' | 'offer' | 'asking' | 'offerPath' | keyof Deadline>

/** What all calls have in common. */
export const CALL_TERMS = { slot: 'random', via: null, effort: FULL_EFFORT, purpose: 'call', asked: null } as const

/** Asked for by others: their offers, and offers that answer their lookups. */
export function isForOther(exchange: Exchange): boolean {
  return exchange.asked !== null
}

const NO_PATH: OfferPath = { viaBootstrap: false, relays: 0 }

/** How an offer or its answer came: one hop less than links crossed. */
export function pathOf(arrival: Arrival): OfferPath {
  return { viaBootstrap: arrival.viaBootstrap, relays: Math.max(0, arrival.hops - 1) }
}

/** We make an offer. */
export function offeredExchange(id: ExchangeId, terms: Terms, now: Instant): Exchange {
  const { remote, slot, via, effort, purpose, metadata, timeoutMs, request, asked } = terms
  return {
    id,
    remote,
    purpose,
    slot,
    isOfferer: true,
    metadata,
    timeoutMs,
    request,
    via,
    effort,
    asked,
    state: 'describing',
    offer: null,
    asking: null,
    offerPath: NO_PATH,
    endsAt: now + timeoutMs,
    isTimed: false,
  }
}

/** Somebody has made us an offer, or answered a lookup of ours with one. */
export function answeredExchange(
  message: OfferMessage,
  asked: Asked,
  by: { readonly timeoutMs: number; readonly now: Instant },
): Exchange {
  const isReply = asked.by === 'lookup'
  const timeoutMs = message.purpose === 'call' ? CALL_RING_MS : by.timeoutMs
  return {
    id: message.exchange,
    remote: asked.source,
    purpose: message.purpose,
    slot: message.slot,
    isOfferer: false,
    metadata: message.metadata,
    timeoutMs,
    request: null,
    via: isReply ? asked.arrival.link : null,
    effort: message.purpose === 'call' ? FULL_EFFORT : LINK_EFFORT,
    // An offer that came as a reply is answered by a request of ours.
    asked: isReply ? null : asked,
    state: 'ringing',
    offer: null,
    asking: null,
    offerPath: pathOf(asked.arrival),
    endsAt: by.now + timeoutMs,
    isTimed: false,
  }
}
