/**
 * Offer, answer and further signals of one exchange, over the router (DESIGN §6; roles and glare after JSEP, RFC 8829).
 * An offer is a request like any other and its answer the reply; an offer that answers a lookup goes the other way round:
 * it is the reply, and its answer a request. SDP is opaque here. The exchange ends when the shell reports a proven
 * link, when either side refuses, or when time is up: exactly one `settled` for each.
 */

import { isOver, timeIfSoon } from './deadline.ts'
import {
  CALL_TERMS,
  type Exchange,
  LINK_EFFORT,
  type Terms,
  answeredExchange,
  isForOther,
  offeredExchange,
  pathOf,
} from './exchange.ts'
import type { Body, Message, OfferMessage, RefuseReason, Slot } from './frames.ts'
import type { ExchangeId, Instant, LinkId, PeerId, RequestId } from './ids.ts'
import type { FailureCode, Io } from './io.ts'
import type { Arrival, Asked, Effort, Requests } from './requests.ts'

export interface SignalingConfig {
  readonly self: PeerId
  /** Links being set up at once, either way (REFERENCE §8: 16). */
  readonly exchangesMax: number
  /** Calls ringing or connected at once (guess). */
  readonly callsMax: number
  /** From offer to proven link, in ms: ICE gives up on its own only after 15–30 s (REFERENCE §6: answers later than 10 s fail). */
  readonly exchangeTimeoutMs: number
}

export const SIGNALING_DEFAULTS = { exchangesMax: 16, callsMax: 256, exchangeTimeoutMs: 10_000 } as const
const SIGNAL_TIMEOUT_MS = 8_000
export interface SignalingHooks {
  /** May this peer have a link for that slot? Null: yes. */
  admit(remote: PeerId, slot: Slot): RefuseReason | null
  /** A call rings. */
  ring(exchange: Exchange): void
  /** An exchange is over: up (a link or call stands), or why not. */
  settled(exchange: Exchange, outcome: 'up' | RefuseReason | FailureCode, now: Instant): void
  /** A call that was up has closed. */
  hungUp(exchange: Exchange, reason: string): void
}

type SignalingIo = Pick<Io, 'createOffer' | 'createAnswer' | 'acceptAnswer' | 'addSignal' | 'abandon' | 'schedule'>

const EMPTY: Body = new Uint8Array(0)

export class Signaling {
  readonly counters = { offered: 0, answered: 0, up: 0, refused: 0, timeouts: 0, glare: 0, stray: 0 }
  readonly #config: SignalingConfig
  readonly #io: SignalingIo
  readonly #requests: Requests
  readonly #hooks: SignalingHooks
  readonly #newId: () => ExchangeId
  readonly #exchanges = new Map<ExchangeId, Exchange>()
  /** Those for links, oldest first. */
  readonly #links: Exchange[] = []
  /** Of these, asked for by others: their offers, and offers that answer their lookups. */
  #othersCount = 0

  constructor(
    config: SignalingConfig,
    parts: { io: SignalingIo; requests: Requests; hooks: SignalingHooks; newId: () => ExchangeId },
  ) {
    this.#config = config
    this.#io = parts.io
    this.#requests = parts.requests
    this.#hooks = parts.hooks
    this.#newId = parts.newId
  }

  get collections(): Record<string, { size: number; max: number }> {
    const { exchangesMax, callsMax } = this.#config
    return { exchanges: { size: this.#exchanges.size, max: exchangesMax + callsMax } }
  }

  /** Links under way, ours and others'. */
  get linksInFlight(): number {
    return this.#links.length
  }

  /** Of these, asked for by others. */
  get othersInFlight(): number {
    return this.#othersCount
  }

  get isBusy(): boolean {
    return this.#links.length >= this.#config.exchangesMax
  }

  /** No more for others: a quarter is kept for offers of our own, so that nobody can keep us from repairing. */
  get isBusyForOthers(): boolean {
    return this.#othersCount * 4 >= this.#config.exchangesMax * 3 || this.isBusy
  }

  /** The exchange for a link to `remote` that is under way. */
  linkTo(remote: PeerId): Exchange | undefined {
    for (const exchange of this.#links) if (exchange.remote === remote) return exchange
    return undefined
  }

  /** Links under way, oldest first. */
  get links(): readonly Exchange[] {
    return this.#links
  }

  /** Offers `remote` a link. Null: too many under way. */
  offerLink(
    remote: PeerId,
    slot: Slot,
    by: { readonly via: LinkId | null; readonly effort?: Effort },
    now: Instant,
  ): Exchange | null {
    const { via, effort = LINK_EFFORT } = by
    return this.isBusy ? null : this.#offer(this.#linkTerms({ remote, slot, via, effort, asked: null }), now)
  }

  /** Answers a lookup with an offer, sealed to the requester that it names. */
  offerToRequester(asked: Asked, slot: Slot, now: Instant): Exchange | null {
    const terms = { remote: asked.source, slot, via: null, effort: LINK_EFFORT, asked }
    return this.isBusyForOthers ? null : this.#offer(this.#linkTerms(terms), now)
  }

  #linkTerms(of: Pick<Terms, 'remote' | 'slot' | 'via' | 'effort' | 'asked'>): Terms {
    const { exchangeTimeoutMs: timeoutMs } = this.#config
    return { ...of, purpose: 'link', metadata: EMPTY, timeoutMs, request: null }
  }

  /** Calls `remote` for the application. Null: too many calls. */
  call(
    terms: Pick<Exchange, 'remote' | 'request' | 'metadata' | 'timeoutMs'>,
    now: Instant,
    onCreated: (exchange: ExchangeId) => void,
  ): Exchange | null {
    if (this.#callCount() >= this.#config.callsMax) return null
    return this.#offer({ ...terms, ...CALL_TERMS }, now, onCreated)
  }

  #callCount(): number {
    return this.#exchanges.size - this.#links.length
  }

  #offer(terms: Terms, now: Instant, onCreated?: (exchange: ExchangeId) => void): Exchange {
    const exchange = offeredExchange(this.#newId(), terms, now)
    this.#add(exchange, now)
    this.counters.offered++
    onCreated?.(exchange.id)
    this.#io.createOffer(exchange.id, { remote: exchange.remote, purpose: exchange.purpose })
    return exchange
  }

  #add(exchange: Exchange, now: Instant): void {
    this.#exchanges.set(exchange.id, exchange)
    if (exchange.purpose === 'link') {
      this.#links.push(exchange)
      if (isForOther(exchange)) this.#othersCount++
    }
    this.#time(exchange, now)
  }

  tick(now: Instant): void {
    for (const exchange of this.#exchanges.values()) if (exchange.state !== 'up') this.#time(exchange, now)
  }

  #time(exchange: Exchange, now: Instant): void {
    const { id } = exchange
    timeIfSoon(exchange, now, (delayMs) => this.#io.schedule({ kind: 'exchange', exchange: id }, delayMs))
  }

  #remove(exchange: Exchange): void {
    if (!this.#exchanges.delete(exchange.id)) return
    if (exchange.purpose === 'link') {
      this.#links.splice(this.#links.indexOf(exchange), 1)
      if (isForOther(exchange)) this.#othersCount--
    }
    if (exchange.asking !== null) this.#requests.cancel(exchange.asking)
  }

  // ---- what the shell reports -----------------------------------------------------------------------------------------

  onDescribed(id: ExchangeId, description: Body, now: Instant): void {
    const exchange = this.#exchanges.get(id)
    if (exchange === undefined || exchange.state !== 'describing') return
    if (exchange.isOfferer) this.#sendOffer(exchange, description, now)
    else this.#sendAnswer(exchange, description, now)
  }

  /** Later candidates, or renegotiation of a call. */
  onLocalSignal(id: ExchangeId, signal: Body, now: Instant): void {
    const exchange = this.#exchanges.get(id)
    if (exchange === undefined) return
    const message: Message = { kind: 'signal', exchange: id, signal }
    // Breadcrumbs last two minutes and lead to a newcomer whom no unicast would find; after that the mesh knows it.
    if (exchange.asked !== null && exchange.state !== 'up') this.#requests.respond(exchange.asked, message)
    else this.#ask(exchange, message, now)
  }

  /** The shell has a proven link or connection for this exchange. */
  onUp(id: ExchangeId, now: Instant): Exchange | undefined {
    const exchange = this.#exchanges.get(id)
    if (exchange === undefined) return undefined
    this.counters.up++
    if (exchange.purpose === 'call') exchange.state = 'up'
    else this.#remove(exchange)
    exchange.offer = null
    this.#hooks.settled(exchange, 'up', now)
    return exchange
  }

  onFailed(id: ExchangeId, reason: string, now: Instant): void {
    const exchange = this.#exchanges.get(id)
    if (exchange === undefined) return
    if (exchange.state === 'up') {
      this.#remove(exchange)
      this.#hooks.hungUp(exchange, reason)
      return
    }
    if (!exchange.isOfferer && exchange.asked !== null) this.#refuse(exchange.asked, id, 'failed')
    this.#end(exchange, 'failed', now)
  }

  onTimer(id: ExchangeId, now: Instant): void {
    const exchange = this.#exchanges.get(id)
    if (exchange === undefined || exchange.state === 'up' || !isOver(exchange, now)) return
    this.counters.timeouts++
    if (exchange.state === 'ringing' && exchange.asked !== null) this.#refuse(exchange.asked, id, 'timeout')
    this.#stopRinging(exchange, now)
    this.#end(exchange, 'timeout', now)
  }

  /** The application or the neighbour manager no longer wants it. */
  abandon(id: ExchangeId, reason: RefuseReason, now: Instant): void {
    const exchange = this.#exchanges.get(id)
    if (exchange === undefined) return
    this.#stopRinging(exchange, now)
    this.#end(exchange, reason, now)
  }

  abandonAll(now: Instant): void {
    for (const exchange of [...this.#exchanges.values()]) this.#end(exchange, 'closed', now)
  }

  callOf(request: RequestId): Exchange | undefined {
    for (const exchange of this.#exchanges.values()) if (exchange.request === request) return exchange
    return undefined
  }

  /** The application's word on a call that rings. */
  answerCall(id: ExchangeId, accept: boolean, now: Instant): void {
    const exchange = this.#exchanges.get(id)
    if (exchange?.state !== 'ringing' || exchange.offer === null) return
    if (accept) this.#createAnswer(exchange, exchange.offer)
    else {
      if (exchange.asked !== null) this.#refuse(exchange.asked, id, 'rejected')
      this.#end(exchange, 'rejected', now)
    }
  }

  // ---- what the other side says ---------------------------------------------------------------------------------------

  /** An offer, as a request or as the reply to a lookup of ours. */
  onOffer(message: OfferMessage, asked: Asked, now: Instant): void {
    const reason = this.#exchanges.has(message.exchange)
      ? 'busy'
      : message.purpose === 'call'
        ? this.#refuseCall()
        : this.#refuseLink(message, asked.source, now)
    if (reason !== null) {
      this.counters.refused++
      if (asked.by === 'lookup') this.#refuseByRequest(asked, message.exchange, reason, now)
      else this.#refuse(asked, message.exchange, reason)
      return
    }
    const exchange = answeredExchange(message, asked, { timeoutMs: this.#config.exchangeTimeoutMs, now })
    this.#add(exchange, now)
    if (message.purpose === 'link') this.#createAnswer(exchange, message.description)
    else {
      exchange.offer = message.description
      this.#hooks.ring(exchange)
    }
  }

  /** The answer to an offer of ours; from its reply, or as a request if our offer was a reply. */
  onAnswer(id: ExchangeId, description: Body, from: { readonly source: PeerId; readonly arrival: Arrival }): boolean {
    const exchange = this.#exchanges.get(id)
    if (
      exchange === undefined ||
      !exchange.isOfferer ||
      exchange.remote !== from.source ||
      exchange.state !== 'offered'
    ) {
      this.counters.stray++
      return false
    }
    exchange.state = 'connecting'
    exchange.offerPath = pathOf(from.arrival)
    this.#io.acceptAnswer(id, description)
    return true
  }

  onSignal(id: ExchangeId, signal: Body, source: PeerId): void {
    if (this.#exchanges.get(id)?.remote === source) this.#io.addSignal(id, signal)
    else this.counters.stray++
  }

  onRefused(id: ExchangeId, reason: RefuseReason, from: { readonly source: PeerId; readonly now: Instant }): void {
    const exchange = this.#exchanges.get(id)
    if (exchange === undefined || exchange.remote !== from.source || exchange.state === 'up') return
    if (reason === 'glare') this.counters.glare++
    this.#end(exchange, reason, from.now)
  }

  #refuseCall(): RefuseReason | null {
    return this.#callCount() >= this.#config.callsMax ? 'busy' : null
  }

  /** Glare: of two offers that cross, the lower id's stands. */
  #refuseLink(message: OfferMessage, source: PeerId, now: Instant): RefuseReason | null {
    const ours = this.linkTo(source)
    if (ours !== undefined) {
      if (!ours.isOfferer || this.#config.self < source) return 'glare'
      this.counters.glare++
      this.#end(ours, 'glare', now)
    }
    return this.isBusyForOthers ? 'busy' : this.#hooks.admit(source, message.slot)
  }

  #createAnswer(exchange: Exchange, description: Body): void {
    exchange.state = 'describing'
    exchange.offer = null
    this.counters.answered++
    this.#io.createAnswer(exchange.id, { remote: exchange.remote, purpose: exchange.purpose, description })
  }

  #sendOffer(exchange: Exchange, description: Body, now: Instant): void {
    const { id, purpose, slot, metadata } = exchange
    exchange.state = 'offered'
    const message: Message = { kind: 'offer', exchange: id, purpose, slot, description, metadata }
    if (exchange.asked === null) this.#ask(exchange, message, now)
    else this.#requests.respond(exchange.asked, message)
  }

  #sendAnswer(exchange: Exchange, description: Body, now: Instant): void {
    exchange.state = 'connecting'
    const message: Message = { kind: 'answer', exchange: exchange.id, description }
    if (exchange.asked === null) this.#ask(exchange, message, now)
    else this.#requests.respond(exchange.asked, message)
  }

  #ask(exchange: Exchange, message: Message, now: Instant): void {
    const isOffer = message.kind === 'offer'
    const asking = this.#requests.start(
      {
        target: exchange.remote,
        message,
        via: exchange.via,
        effort: exchange.effort,
        timeoutMs: isOffer ? exchange.timeoutMs : SIGNAL_TIMEOUT_MS,
        onReply: (reply, outcome, at) =>
          this.#onReply(exchange, reply, { source: exchange.remote, arrival: outcome.arrival }, at),
        onFailure: (code, at) => this.#onAskFailed(exchange, message, code, at),
      },
      now,
    )
    if (isOffer) exchange.asking = asking
    if (isOffer && asking === null) this.#end(exchange, 'busy', now)
  }

  #onReply(
    exchange: Exchange,
    reply: Message,
    from: { readonly source: PeerId; readonly arrival: Arrival },
    now: Instant,
  ): void {
    if (reply.kind === 'answer' && reply.exchange === exchange.id) this.onAnswer(exchange.id, reply.description, from)
    else if (reply.kind === 'signal' && reply.exchange === exchange.id)
      this.onSignal(exchange.id, reply.signal, exchange.remote)
    else if (reply.kind === 'refuse') this.onRefused(exchange.id, reply.reason, { source: exchange.remote, now })
  }

  #onAskFailed(exchange: Exchange, message: Message, code: FailureCode, now: Instant): void {
    // Lost late candidates do not end an exchange; a lost offer or answer does.
    if (message.kind !== 'signal' && exchange.state !== 'up') this.#end(exchange, code, now)
  }

  #refuse(asked: Asked, exchange: ExchangeId, reason: RefuseReason): void {
    this.#requests.respond(asked, { kind: 'refuse', exchange, reason })
  }

  #refuseByRequest(asked: Asked, exchange: ExchangeId, reason: RefuseReason, now: Instant): void {
    this.#tell(asked.source, { kind: 'refuse', exchange, reason }, asked.arrival.link, now)
  }

  /** Whether it arrives changes nothing here. */
  #tell(target: PeerId, message: Message, via: LinkId | null, now: Instant): void {
    const ignore = (): void => undefined
    this.#requests.start(
      { target, message, timeoutMs: SIGNAL_TIMEOUT_MS, via, onReply: ignore, onFailure: ignore },
      now,
    )
  }

  /** A call of ours that we give up before it is answered: there it may ring for a minute otherwise. */
  #stopRinging(exchange: Exchange, now: Instant): void {
    if (exchange.purpose !== 'call' || !exchange.isOfferer || exchange.state !== 'offered') return
    this.#tell(exchange.remote, { kind: 'refuse', exchange: exchange.id, reason: 'closed' }, exchange.via, now)
  }

  #end(exchange: Exchange, outcome: RefuseReason | FailureCode, now: Instant): void {
    if (!this.#exchanges.has(exchange.id)) return
    const wasUp = exchange.state === 'up'
    // Whoever asked by a lookup would wait for an offer that never comes.
    const isOwed = exchange.isOfferer && exchange.state === 'describing' && exchange.asked?.by === 'lookup'
    if (isOwed) this.#refuse(exchange.asked, exchange.id, outcome === 'glare' ? 'glare' : 'failed')
    this.#remove(exchange)
    this.#io.abandon(
      exchange.id,
      outcome === 'glare' || outcome === 'full' || outcome === 'busy' || outcome === 'linked' ? outcome : 'closed',
    )
    if (wasUp) this.#hooks.hungUp(exchange, outcome)
    else this.#hooks.settled(exchange, outcome, now)
  }
}
