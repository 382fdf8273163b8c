/**
 * End to end: a request goes sealed to one peer and comes back acknowledged, or fails with a reason. Relays are free to
 * drop, so a request that stays unanswered leaves again through the next distinct first hop (REFERENCE §0.3: at 20 %
 * silent droppers one path delivers 46 %, eight deliver 96 %). The same seal serves every attempt; the target tells
 * retransmissions by the message id, answers each of them, and acts on the first one only. Between neighbours whose
 * channel is secure nothing is sealed and the request is one direct frame.
 */

import { RecentMap } from './bounded.ts'
import {
  ATTEMPTS_MAX,
  type Body,
  type DirectFrame,
  type Frame,
  HOP_LIMIT_MAX,
  type Message,
  type ReplyFrame,
  type UnicastFrame,
} from './frames.ts'
import { type Deadline, isOver, timeIfSoon } from './deadline.ts'
import type { Instant, LinkId, MessageId, PeerId } from './ids.ts'
import { type Asking, Inbox, NONE } from './inbox.ts'
import type { FailureCode, OpenJob, RefusedReason, SealJob, TimerToken } from './io.ts'
import { RoundTrip } from './round-trip.ts'
import type { Route, Router } from './router.ts'

/** What is known about the way a message came. */
export interface Arrival {
  /** Links crossed, 1 for a neighbour. */
  readonly hops: number
  readonly viaBootstrap: boolean
  /** The link it came over. */
  readonly link: LinkId
}

/** Where an answer to something that was asked of us goes. */
export interface Asked {
  readonly id: MessageId
  readonly source: PeerId
  /** direct: over the link itself. routed: along the breadcrumbs. lookup: likewise, sealed to the requester. */
  readonly by: 'direct' | 'routed' | 'lookup'
  readonly attempt: number
  readonly arrival: Arrival
}

export interface Outcome {
  readonly arrival: Arrival
  readonly ms: number
  readonly attempts: number
  readonly path: 'direct' | 'routed'
}

export interface Effort {
  readonly hopLimit: number
  readonly attempts: number
}

export const FULL_EFFORT: Effort = { hopLimit: HOP_LIMIT_MAX, attempts: ATTEMPTS_MAX }

export interface RequestOptions {
  readonly target: PeerId
  readonly message: Message
  readonly timeoutMs: number
  /** The link to try first, for example the one that told us of the target. */
  readonly via: LinkId | null
  /** How far it may be searched for: the whole of the hop limit, through all first hops, unless the target is only hoped for. */
  readonly effort?: Effort
  /** Each reply: the first one settles the request, an offer may get more. */
  readonly onReply: (message: Message, outcome: Outcome, now: Instant) => void
  readonly onFailure: (code: FailureCode, now: Instant) => void
}

export interface RequestsConfig {
  readonly self: PeerId
  /** Requests of our own at once; more are refused with `busy` (guess). */
  readonly requestsMax: number
  /** Wait for an answer before the next first hop is tried, in ms, while none has been measured (guess, DESIGN §4). */
  readonly attemptMs: number
  /** Requests of others remembered for retransmissions, 2 minutes (REFERENCE §4a: 4,096). */
  readonly inboxMax: number
}

/** The bound of requests; what is being signed has the same one. */
export const REQUESTS_MAX = 1_024
export const REQUESTS_DEFAULTS = { requestsMax: REQUESTS_MAX, attemptMs: 1_500, inboxMax: 4_096 } as const
/** However fast answers have come: an offer takes its answerer up to 150 ms more (DESIGN §6), a busy tab some hundred. */
const ATTEMPT_MIN_MS = 600
const ATTEMPT_MAX_MS = 3_000
/** How long after its first answer a request still takes further replies (late candidates). */
const AFTERGLOW_MS = 15_000
/** Replies of ours kept per request for retransmission: an answer and two batches of candidates. */
const REPLIES_KEPT_MAX = 3
const ROUTES_KEPT_MAX = 4
/** All first hops said no: wait this long for the mesh to repair itself before the next round. */
const ROUND_PAUSE_MS = 400

export interface RequestsHooks {
  send(link: LinkId, frame: Frame): void
  seal(job: SealJob): void
  open(job: OpenJob): void
  schedule(token: TimerToken, delayMs: number): void
  randomId(): MessageId
  /** If that link has been silent, it is asked for a sign of life; `onLinkDown` follows if it gives none. */
  ask(link: LinkId, now: Instant): void
  /** A neighbour whose channel needs no seal. */
  secureLink(peer: PeerId): LinkId | null
  /** A message asked of us for the first time. */
  asked(message: Message, asked: Asked, now: Instant): void
  /** A reply to a lookup of ours: an offer by somebody whom we did not know. */
  offered(message: Message, asked: Asked, now: Instant): void
}

interface Request extends RequestOptions, Deadline {
  readonly effort: Effort
  readonly id: MessageId
  readonly startedAt: Instant
  body: Body | null
  direct: LinkId | null
  attempt: number
  isWaiting: boolean
  /** An attempt was neither answered nor given back. */
  isOut: boolean
  isSettled: boolean
  isFresh: boolean
  tried: readonly LinkId[]
}

export class Requests {
  readonly counters = {
    started: 0,
    delivered: 0,
    failed: 0,
    retries: 0,
    retransmissions: 0,
    refused: 0,
    strayReplies: 0,
  }
  readonly #config: RequestsConfig
  readonly #hooks: RequestsHooks
  readonly #router: Router
  readonly #requests = new Map<MessageId, Request>()
  readonly #roundTrip = new RoundTrip()
  readonly #inbox: Inbox
  /** Lookups of ours that may still be answered with an offer. */
  readonly #lookups: RecentMap<MessageId, true>

  constructor(config: RequestsConfig, router: Router, hooks: RequestsHooks) {
    this.#config = config
    this.#router = router
    this.#hooks = hooks
    this.#inbox = new Inbox(config.inboxMax)
    this.#lookups = new RecentMap({ max: config.requestsMax, keepMs: AFTERGLOW_MS })
  }

  get collections(): Record<string, { size: number; max: number }> {
    return {
      requests: { size: this.#requests.size, max: this.#config.requestsMax },
      ...this.#inbox.collections,
      lookups: { size: this.#lookups.size, max: this.#lookups.max },
    }
  }

  tick(now: Instant): void {
    for (const request of this.#requests.values()) this.#time(request, now)
  }

  /** Forgets what is due. */
  sweep(now: Instant): void {
    this.#inbox.rotate(now)
    this.#lookups.rotate(now)
  }

  #time(request: Request, now: Instant): void {
    timeIfSoon(request, now, (delayMs) => this.#hooks.schedule({ kind: 'request', id: request.id }, delayMs))
  }

  /** Starts a request; null if too many are under way. */
  start(options: RequestOptions, now: Instant): MessageId | null {
    if (this.#requests.size >= this.#config.requestsMax) return null
    const id = this.#hooks.randomId()
    const direct = this.#hooks.secureLink(options.target)
    const request: Request = {
      target: options.target,
      message: options.message,
      timeoutMs: options.timeoutMs,
      via: options.via,
      effort: options.effort ?? FULL_EFFORT,
      onReply: options.onReply,
      onFailure: options.onFailure,
      id,
      startedAt: now,
      endsAt: now + options.timeoutMs,
      isTimed: false,
      body: null,
      direct,
      attempt: 0,
      isWaiting: false,
      isOut: false,
      isSettled: false,
      isFresh: false,
      tried: NONE,
    }
    this.#requests.set(id, request)
    this.counters.started++
    this.#time(request, now)
    if (direct === null) this.#seal(request)
    else this.#sendDirect(request, direct, now)
    return id
  }

  /** The caller lost interest; no callback follows. */
  cancel(id: MessageId): void {
    this.#requests.delete(id)
  }

  /** A lookup of ours is under way: replies to it are offers. */
  expectOffer(id: MessageId, now: Instant): void {
    this.#lookups.set(id, true, now)
  }

  failAll(code: FailureCode, now: Instant): void {
    for (const request of [...this.#requests.values()]) this.#fail(request, code, now)
  }

  // ---- asking -------------------------------------------------------------------------------------------------------

  onSealed(job: SealJob, body: Body, now: Instant): void {
    if (job.as !== 'request') {
      this.#sendReply(job, body)
      return
    }
    const request = this.#requests.get(job.id)
    if (request === undefined || request.isSettled) return
    request.body = body
    this.#launch(request, now)
  }

  onSealRefused(job: SealJob, now: Instant): void {
    const request = this.#requests.get(job.id)
    if (job.as === 'request' && request !== undefined) this.#fail(request, 'unreachable', now)
  }

  /** Our first hop gave the frame back. */
  onReturned(frame: UnicastFrame, now: Instant): void {
    const request = this.#requests.get(frame.id)
    if (request === undefined || request.isSettled || frame.attempt !== request.attempt) return
    this.#retry(request, now)
  }

  onAttemptTimer(id: MessageId, attempt: number, now: Instant): void {
    const request = this.#requests.get(id)
    if (request === undefined || request.isSettled || request.attempt !== attempt) return
    if (request.isWaiting) return this.#launch(request, now)
    request.isOut = true
    this.#retry(request, now)
  }

  onRequestTimer(id: MessageId, now: Instant): void {
    const request = this.#requests.get(id)
    if (request === undefined || !isOver(request, now)) return
    if (request.isSettled) this.#requests.delete(id)
    else this.#fail(request, request.isWaiting ? 'unreachable' : 'timeout', now)
  }

  onReplied(frame: ReplyFrame, from: Route): void {
    const request = this.#requests.get(frame.id)
    if (request === undefined && !this.#lookups.has(frame.id)) {
      this.counters.strayReplies++
      return
    }
    this.#hooks.open({
      kind: 'open',
      as: 'reply',
      id: frame.id,
      attempt: frame.attempt,
      link: from.link,
      from: request?.target ?? null,
      body: frame.body,
      hops: frame.hops,
      viaBootstrap: frame.viaBootstrap || from.role === 'bootstrap',
    })
  }

  onOpened(job: OpenJob, source: PeerId, message: Message, now: Instant): void {
    const arrival: Arrival = { hops: job.hops, viaBootstrap: job.viaBootstrap, link: job.link }
    const { id, attempt } = job
    if (job.as === 'request') this.#onAsked(message, { id, source, by: 'routed', attempt, arrival }, job.body, now)
    else if (job.from === null) this.#hooks.offered(message, { id, source, by: 'lookup', attempt, arrival }, now)
    else this.#settle(id, message, arrival, now)
  }

  onOpenRefused(job: OpenJob, reason: RefusedReason, reply: Body | null): void {
    this.counters.refused++
    if (job.as === 'request') {
      this.#inbox.remove(job.id, job.body)
      if (reply !== null) this.#router.reply(job, reply)
      return
    }
    const request = this.#requests.get(job.id)
    if (reason !== 'session' || request === undefined || request.isSettled || request.isFresh) return
    // The target has lost our session (a restart): seal anew for it. Nothing is lost if a relay invented this.
    request.isFresh = true
    request.attempt = Math.min(request.attempt + 1, ATTEMPTS_MAX - 1)
    request.tried = NONE
    this.#seal(request)
  }

  #seal(request: Request): void {
    const { id, target, message, isFresh } = request
    this.#hooks.seal({ kind: 'seal', as: 'request', id, attempt: 0, target, message, isFresh })
  }

  #sendDirect(request: Request, link: LinkId, now: Instant): void {
    // No attempt timer: a link delivers in order or goes down, and heartbeats see to it that it goes down in time.
    this.#hooks.send(link, { kind: 'direct', id: request.id, isReply: false, message: request.message })
    this.#hooks.ask(link, now)
  }

  /** The direct link went down: seal and route. */
  #leaveDirect(request: Request): void {
    if (request.direct !== null) request.tried = [...request.tried, request.direct]
    request.direct = null
    request.attempt = 1
    this.#seal(request)
  }

  onLinkDown(link: LinkId): void {
    for (const request of this.#requests.values()) {
      if (request.direct === link && !request.isSettled) this.#leaveDirect(request)
    }
  }

  #retry(request: Request, now: Instant): void {
    if (request.attempt + 1 >= request.effort.attempts) {
      // One that nobody gave back may have arrived, and a call rings for longer than all attempts take.
      if (!(request.isOut && request.effort === FULL_EFFORT)) this.#fail(request, 'unreachable', now)
      return
    }
    request.attempt++
    this.counters.retries++
    this.#launch(request, now)
  }

  /** Sends the current attempt through the best first hop not tried yet; if none is left, waits and starts a new round. */
  #launch(request: Request, now: Instant): void {
    const first = this.#firstHop(request)
    if (first === null || request.body === null) {
      request.tried = NONE
      request.isWaiting = true
      this.#hooks.schedule({ kind: 'attempt', id: request.id, attempt: request.attempt }, ROUND_PAUSE_MS)
      return
    }
    request.isWaiting = false
    request.tried = [...request.tried, first]
    const { id, attempt, target, body } = request
    this.#hooks.schedule({ kind: 'attempt', id, attempt }, this.#overdueMs + attempt * 100)
    const frame: UnicastFrame = {
      kind: 'unicast',
      hopLimit: request.effort.hopLimit,
      hops: 0,
      attempt,
      viaBootstrap: false,
      id,
      target,
      body,
    }
    this.#router.originate(frame, first, now)
  }

  get #overdueMs(): number {
    const limits = { minMs: ATTEMPT_MIN_MS, maxMs: ATTEMPT_MAX_MS, firstMs: this.#config.attemptMs }
    return this.#roundTrip.overdueMs(limits)
  }

  #firstHop(request: Request): LinkId | null {
    const { via, tried, target, attempt } = request
    if (via !== null && !tried.includes(via) && this.#router.route(via) !== undefined) return via
    for (const route of this.#router.firstHops(target, attempt)) {
      if (!tried.includes(route.link)) return route.link
    }
    return null
  }

  #settle(id: MessageId, message: Message, arrival: Arrival, now: Instant): void {
    const request = this.#requests.get(id)
    if (request === undefined) return
    if (!request.isSettled) {
      request.isSettled = true
      request.body = null
      this.counters.delivered++
      // Only offers get more than one reply; everything else is done.
      if (request.message.kind === 'offer') request.endsAt = now + AFTERGLOW_MS
      else this.#requests.delete(id)
    }
    const path = request.direct === null ? 'routed' : 'direct'
    if (path === 'routed') this.#learn(request, arrival, now)
    request.onReply(message, { arrival, ms: now - request.startedAt, attempts: request.attempt + 1, path }, now)
  }

  /** What the answer says of the way: how long it takes (of first attempts only: Karn), and who forwards. */
  #learn(request: Request, arrival: Arrival, now: Instant): void {
    if (request.attempt === 0) this.#roundTrip.add(now - request.startedAt)
    this.#router.judge(arrival.link, request.tried, now)
  }

  #fail(request: Request, code: FailureCode, now: Instant): void {
    this.#requests.delete(request.id)
    if (request.isSettled) return
    this.counters.failed++
    request.onFailure(code, now)
  }

  // ---- being asked --------------------------------------------------------------------------------------------------

  /** A unicast addressed to us. */
  onDelivered(frame: UnicastFrame, from: Route, now: Instant): void {
    const { id, attempt, body } = frame
    const known = this.#inbox.sealed(id, body)
    if (known !== undefined) return this.#retransmit(known, frame)
    if (!this.#inbox.addSealed(id, body, attempt, now)) {
      this.counters.refused++
      return
    }
    this.#hooks.open({
      kind: 'open',
      as: 'request',
      id,
      attempt,
      link: from.link,
      from: null,
      body,
      hops: frame.hops,
      viaBootstrap: frame.viaBootstrap || from.role === 'bootstrap',
    })
  }

  onDirect(frame: DirectFrame, from: Route, now: Instant): void {
    const arrival: Arrival = { hops: 1, viaBootstrap: false, link: from.link }
    if (!frame.isReply) {
      if (this.#inbox.directBy(frame.id, from.peer) ?? this.#inbox.routedBy(frame.id, from.peer)) return
      this.#inbox.addDirect(frame.id, from.peer, now)
      this.#hooks.asked(frame.message, { id: frame.id, source: from.peer, by: 'direct', attempt: 0, arrival }, now)
      return
    }
    const request = this.#requests.get(frame.id)
    if (request?.target === from.peer) this.#settle(frame.id, frame.message, arrival, now)
    else this.counters.strayReplies++
  }

  /** Answers what was asked of us; may be called more than once. */
  respond(asked: Asked, message: Message): void {
    const { id, attempt, source } = asked
    if (asked.by === 'direct') {
      const asking = this.#inbox.directBy(id, source)
      if (asking !== undefined && asking.answers.length < REPLIES_KEPT_MAX)
        asking.answers = [...asking.answers, message]
      this.#hooks.send(asked.arrival.link, { kind: 'direct', id, isReply: true, message })
      // The link may have gone meanwhile, and the question have come again by way of others.
      if (this.#inbox.routedBy(id, source) !== undefined) this.respond({ ...asked, by: 'routed' }, message)
    } else {
      const as = asked.by === 'lookup' ? 'offer' : 'answer'
      this.#hooks.seal({ kind: 'seal', as, id, attempt, target: source, message, isFresh: false })
    }
  }

  #onAsked(message: Message, asked: Asked, body: Body, now: Instant): void {
    const { id, source, attempt } = asked
    const [direct, routed] = [this.#inbox.directBy(id, source), this.#inbox.routedBy(id, source)]
    this.#inbox.opened(id, { body, source, attempt }, now)
    // Sealed anew, because a relay said that we have lost the session.
    if (routed !== undefined) this.#retransmit(routed, asked)
    else if (direct !== undefined) for (const answer of direct.answers) this.respond(asked, answer)
    else this.#hooks.asked(message, asked, now)
  }

  #retransmit(known: Asking, { id, attempt }: { readonly id: MessageId; readonly attempt: number }): void {
    this.counters.retransmissions++
    const first = known.source === null ? known : (this.#inbox.routedBy(id, known.source) ?? known)
    if (first.attempts.length < ROUTES_KEPT_MAX) first.attempts = [...first.attempts, attempt]
    for (const body of first.replies) this.#router.reply({ id, attempt }, body)
  }

  #sendReply({ id, attempt, target }: SealJob, body: Body): void {
    const asking = this.#inbox.routedBy(id, target)
    if (asking === undefined) {
      this.#router.reply({ id, attempt }, body)
      return
    }
    if (asking.replies.length < REPLIES_KEPT_MAX) asking.replies = [...asking.replies, body]
    for (const each of asking.attempts) this.#router.reply({ id, attempt: each }, body)
  }
}
