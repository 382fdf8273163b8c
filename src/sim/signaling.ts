/**
 * How simulated links come about. Descriptions are objects that name their exchange; no SDP, no ICE, no DTLS. A link
 * stands four round trips after its answer was accepted (ICE, DTLS 1.2, SCTP; REFERENCE §1f), provided that both sides
 * are still there and still want it. The relay path that a dial needs is not modelled here: offers and answers are
 * frames like any other, so where no path is, no link comes about.
 */

import type { Body, OfferMessage, RefuseReason } from '../core/frames.ts'
import type { ExchangeId, PeerId } from '../core/ids.ts'
import { ExchangeDue } from './events.ts'
import type { Network } from './network.ts'
import type { Exchange, SimNode } from './node.ts'

export interface SignalingOptions {
  /** Least and greatest whole milliseconds to create an offer or answer. Default 1…5: half-trickle without STUN (guess). */
  readonly describeMs: readonly [min: number, max: number]
  /** Bytes of a compact description (REFERENCE §6: a Chrome offer packs to 337). */
  readonly descriptionBytes: number
  /** Round trips from accepted answer to a proven channel (REFERENCE §1f: ICE 1–2, DTLS 2, SCTP 2, overlapping). */
  readonly setupRoundTrips: number
  /** After this long without connection ICE gives up, in milliseconds (REFERENCE §0: 15–30 s). */
  readonly iceTimeoutMs: number
  /** The two ends of a new link come up at most this many milliseconds apart (guess). */
  readonly skewMs: number
}

export const SIGNALING_DEFAULTS: SignalingOptions = {
  describeMs: [1, 5],
  descriptionBytes: 320,
  setupRoundTrips: 4,
  iceTimeoutMs: 15_000,
  skewMs: 3,
}

/** What stands for an SDP. */
class Description implements Body {
  readonly byteLength: number
  readonly side: Exchange['side']
  readonly exchange: ExchangeId
  readonly from: PeerId
  readonly to: PeerId

  constructor(node: SimNode, exchange: Exchange, byteLength: number) {
    this.byteLength = byteLength
    this.side = exchange.side
    this.exchange = exchange.id
    this.from = node.id
    this.to = exchange.remote
  }
}

export interface ExchangeTerms {
  readonly remote: PeerId
  readonly purpose: OfferMessage['purpose']
}

export class Signaling {
  readonly #network: Network

  constructor(network: Network) {
    this.#network = network
  }

  createOffer(node: SimNode, id: ExchangeId, to: ExchangeTerms): void {
    this.#begin(node, { id, remote: to.remote, purpose: to.purpose, side: 'offerer', partner: null })
  }

  createAnswer(node: SimNode, id: ExchangeId, offer: ExchangeTerms & { readonly description: Body }): void {
    if (!isFrom(offer.description, { side: 'offerer', exchange: id, from: offer.remote, to: node.id })) {
      return this.#fail(node, id, 'failed')
    }
    const exchange: Exchange = { id, remote: offer.remote, purpose: offer.purpose, side: 'answerer', partner: null }
    this.#begin(node, exchange)
    // No checks arrive from an offerer who never gets the answer.
    this.#failUnlessConnected(node, exchange)
  }

  acceptAnswer(node: SimNode, id: ExchangeId, description: Body): void {
    const exchange = node.exchanges?.get(id)
    if (exchange === undefined) return this.#fail(node, id, 'unknown exchange')
    if (!isFrom(description, { side: 'answerer', exchange: id, from: exchange.remote, to: node.id })) {
      node.exchanges?.delete(id)
      return this.#fail(node, id, 'failed')
    }
    const remote = this.#network.nodeOf(exchange.remote) as SimNode
    this.#network.after(this.#setupMs(node, remote), () => this.#establish(node, exchange, remote))
  }

  abandon(node: SimNode, id: ExchangeId): void {
    const exchange = node.exchanges?.get(id)
    if (exchange === undefined) return
    node.exchanges?.delete(id)
    if (exchange.partner !== null) this.#hangUp(exchange, exchange.partner)
  }

  /** Calls with a node that crashed end when ICE notices; links have their heartbeat. */
  crashed(node: SimNode): void {
    for (const exchange of node.exchanges?.values() ?? []) {
      const { partner } = exchange
      if (partner !== null)
        this.#network.after(this.#network.options.iceTimeoutMs, () => this.#hangUp(exchange, partner))
    }
    node.exchanges = null
  }

  #begin(node: SimNode, exchange: Exchange): void {
    node.exchanges ??= new Map()
    node.exchanges.set(exchange.id, exchange)
    const { describeMs, descriptionBytes } = this.#network.options
    const description = new Description(node, exchange, descriptionBytes)
    const delayMs = describeMs[0] + this.#network.rng.below(describeMs[1] - describeMs[0] + 1)
    this.#network.after(delayMs, () => {
      if (!isCurrent(node, exchange)) return
      this.#network.input(node, { kind: 'described', exchange: exchange.id, description })
    })
  }

  /** Both sides have both descriptions and the channel has had its round trips. */
  #establish(node: SimNode, exchange: Exchange, remote: SimNode): void {
    if (!isCurrent(node, exchange)) return
    this.#failUnlessConnected(node, exchange)
    const theirs = remote.exchanges?.get(exchange.id)
    if (theirs === undefined || !this.#canMeet(node, remote)) return
    if (exchange.purpose === 'call') return this.#connectCall(node, exchange, remote, theirs)
    this.#network.connect(this.#plan(node, exchange), this.#plan(remote, theirs), {
      transport: 'webrtc',
      isSecure: true,
      exchange: exchange.id,
    })
  }

  /** If not, ICE fails at both sides when its time is over. */
  #canMeet(a: SimNode, b: SimNode): boolean {
    const { nat, links } = this.#network
    return a.isRunning && b.isRunning && nat.canConnect(a.number, b.number) && links.partitions.canMeet(a, b)
  }

  #plan(node: SimNode, exchange: Exchange) {
    const isWanted = (): boolean => isCurrent(node, exchange) && node.exchanges?.delete(exchange.id) === true
    const delayMs = this.#network.rng.below(this.#network.options.skewMs + 1)
    return { node, role: 'peer' as const, delayMs, isWanted }
  }

  #connectCall(node: SimNode, exchange: Exchange, remote: SimNode, theirs: Exchange): void {
    exchange.partner = remote
    theirs.partner = node
    this.#network.input(node, { kind: 'connected', exchange: exchange.id })
    this.#network.input(remote, { kind: 'connected', exchange: exchange.id })
  }

  /** The other side of a connected call learns that it has ended. */
  #hangUp(exchange: Exchange, partner: SimNode): void {
    if (partner.exchanges?.delete(exchange.id) !== true) return
    this.#fail(partner, exchange.id, 'closed')
  }

  #failUnlessConnected(node: SimNode, exchange: Exchange): void {
    const { now, options } = this.#network
    this.#network.push(now + options.iceTimeoutMs, new ExchangeDue(node, exchange))
  }

  /** So long after both descriptions were there, a connection will not come about any more. */
  expire(node: SimNode, exchange: Exchange): void {
    if (!isCurrent(node, exchange) || exchange.partner !== null) return
    node.exchanges?.delete(exchange.id)
    this.#fail(node, exchange.id, 'ice')
  }

  #fail(node: SimNode, exchange: ExchangeId, reason: RefuseReason | 'ice' | 'unknown exchange'): void {
    this.#network.input(node, { kind: 'exchangeFailed', exchange, reason })
  }

  #setupMs(a: SimNode, b: SimNode): number {
    const { latency, options } = this.#network
    return 2 * options.setupRoundTrips * latency.frameMs(latency.baseMs(a.number, b.number))
  }
}

function isCurrent(node: SimNode, exchange: Exchange): boolean {
  return node.isUp && node.exchanges?.get(exchange.id) === exchange
}

function isFrom(body: Body, expected: Pick<Description, 'side' | 'exchange' | 'from' | 'to'>): boolean {
  if (!(body instanceof Description)) return false
  const { side, exchange, from, to } = expected
  return body.side === side && body.exchange === exchange && body.from === from && body.to === to
}
