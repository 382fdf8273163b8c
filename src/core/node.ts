/**
 * One peer of the mesh, as a state machine: `MeshNode.handle(input, now)` is all that a shell calls. It composes the
 * router, the end-to-end requests, broadcast, signaling, the neighbour manager and the join, and holds no protocol of its
 * own beyond handing each input to whom it concerns.
 */

import { AddressBook } from './address-book.ts'
import { Application } from './application.ts'
import type { BroadcastConfig } from './broadcast.ts'
import type { Frame, LookupFrame, Message, UnicastFrame } from './frames.ts'
import { type Geometry, randomName, xor } from './geometry.ts'
import type { ExchangeId, Instant, LinkId, MessageId, NetworkId, PeerId } from './ids.ts'
import { type NodeInspection, inspectNode } from './inspection.ts'
import type { BroadcastFate, Input, Io, Job, LinkUp, TimerToken } from './io.ts'
import { Join } from './join.ts'
import { DEAD_MS, Liveness, SERVER_DEAD_MS, isStalled, isSuspect } from './liveness.ts'
import { Lookups } from './lookups.ts'
import { Neighbors } from './neighbors.ts'
import { type Asked, Requests, REQUESTS_DEFAULTS, type RequestsHooks } from './requests.ts'
import { type Route, Router, ROUTER_DEFAULTS, type RouterHooks } from './router.ts'
import { Signaling, SIGNALING_DEFAULTS, type SignalingHooks } from './signaling.ts'
import { Trees } from './trees.ts'

export interface NodeConfig {
  readonly self: PeerId
  readonly network: NetworkId
  /** Links to other peers at most: 32 in browsers, 48 in Node (DESIGN §5). 2…256. */
  readonly linksMax: number
  /** Somebody can be contacted for an introduction. */
  readonly hasBootstrap: boolean
  /** Default XOR. */
  readonly geometry?: Geometry
  /** Default 1 visit a second over all peers (DESIGN §7). */
  readonly lotteryPerSecond?: number
  /** Other than `BROADCAST_DEFAULTS`. */
  readonly broadcast?: Partial<Omit<BroadcastConfig, 'self' | 'tree'>>
  /** Peers to offer a link to as soon as there is a way to them (`anchors.ts`): what `neighbors.anchors()` said before a restart. */
  readonly anchors?: readonly PeerId[]
}

/** Failure detection, upkeep and sweeps run once a second; deadlines that matter more have timers of their own. */
const TICK_MS = 1_000
/** Half of what is kept shortest (`Requests`: 15 s), rounded (guess). */
const SWEEP_MS = 8_000
/** A tick that comes so late does not come late because we were busy: by then the others think us dead. */
const SLEEP_MS = DEAD_MS
/** So late, we were away too shortly for others to notice, and yet what they sent is lost (guess: one tick missed). */
const DOZE_MS = 2 * TICK_MS

export class MeshNode {
  readonly config: NodeConfig
  readonly counters = { badInputs: 0, strayFrames: 0, jobsRefused: {} as Record<string, number> }
  readonly router: Router
  readonly requests: Requests
  readonly trees: Trees
  readonly signaling: Signaling
  readonly neighbors: Neighbors
  readonly lookups: Lookups
  readonly liveness: Liveness
  readonly book: AddressBook
  readonly join: Join
  readonly #io: Io
  readonly #application: Application
  #now = 0 as Instant
  #tickedAt = 0
  #sweepAt = 0
  #isStopped = false

  constructor(config: NodeConfig, io: Io) {
    const { self, network, linksMax, hasBootstrap, geometry = xor, lotteryPerSecond = 1, anchors = [] } = config
    this.config = config
    this.#io = io
    const send = (link: LinkId, frame: Frame): void => io.send(link, frame)
    const random = (): number => io.random()
    const randomId = (): MessageId => randomName(random) as MessageId
    this.liveness = new Liveness(io)
    this.book = new AddressBook(self, geometry)
    this.router = new Router({ self, geometry, isBootstrap: false, ...ROUTER_DEFAULTS }, this.#routerHooks(send))
    this.requests = new Requests({ self, ...REQUESTS_DEFAULTS }, this.router, this.#requestsHooks({ send, randomId }))
    const { router, requests, liveness, book } = this
    const newId = (): ExchangeId => randomName(random) as ExchangeId
    this.signaling = new Signaling(
      { self, ...SIGNALING_DEFAULTS },
      { io, requests, newId, hooks: this.#signalingHooks() },
    )
    this.lookups = new Lookups({ self, geometry }, { router, requests, random, randomId })
    const { signaling, lookups } = this
    const neighborsParts = { io, send, router, signaling, liveness, lookups, book, anchors }
    this.neighbors = new Neighbors({ self, geometry, linksMax }, neighborsParts)
    const { neighbors } = this
    const attach = (up: LinkUp, now: Instant): void => this.#attach(up, now)
    const detach = (link: LinkId): void => this.#detach(link)
    const joinParts = { io, neighbors, lookups, signaling, attach, detach }
    this.join = new Join({ self, hasBootstrap, lotteryPerSecond }, joinParts)
    const spread = (id: MessageId, ms: number, fate: BroadcastFate): void => this.#application.onSpread(id, ms, fate)
    this.trees = new Trees(
      { self, network, geometry, broadcast: config.broadcast },
      { io, router, spread, knowsAll: () => book.size === 0 },
    )
    this.#application = new Application({ io, network, requests, signaling })
  }

  // ---- who calls whom -------------------------------------------------------------------------------------------------

  #routerHooks(send: RouterHooks['send']): RouterHooks {
    return {
      send,
      deliver: (frame, from, now) => this.requests.onDelivered(frame, from, now),
      answerLookup: (frame, from, isClosest, now) => this.#answerLookup(frame, from, isClosest, now),
      replied: (frame, from) => this.requests.onReplied(frame, from),
      returned: (frame, _reason, now) => this.#onReturned(frame, now),
      ask: (route, now) => this.liveness.ask(route, now),
      distrusted: (link, now) => this.neighbors.onDistrusted(link, now),
    }
  }

  #requestsHooks(parts: Pick<RequestsHooks, 'send' | 'randomId'>): RequestsHooks {
    const io = this.#io
    // Spelled out: each object that a spread begins gets a hidden class of its own from V8, half a kilobyte a peer.
    return {
      send: parts.send,
      randomId: parts.randomId,
      seal: (job) => io.seal(job),
      open: (job) => io.open(job),
      schedule: (token, delayMs) => io.schedule(token, delayMs),
      ask: (link, now) => this.#ask(link, now),
      secureLink: (peer) => this.#secureLink(peer),
      asked: (message, asked, now) => this.#onAsked(message, asked, now),
      offered: (message, asked, now) => this.#onOffered(message, asked, now),
    }
  }

  #signalingHooks(): SignalingHooks {
    return {
      admit: (remote, slot) => this.neighbors.admit(remote, slot, this.#now),
      ring: (exchange) => this.#application.ring(exchange),
      settled: (exchange, outcome, now) => {
        if (exchange.purpose === 'link') this.neighbors.onSettled(exchange, outcome, now)
        else this.#application.onCallSettled(exchange, outcome)
      },
      hungUp: ({ id: exchange }, reason) => this.#io.emit({ kind: 'callEnded', exchange, reason }),
    }
  }

  /** Takes one input at virtual or real time `now` (ms). Total: whatever comes, it neither throws nor waits. */
  handle(input: Input, now: Instant): void {
    this.#now = now
    if (this.#isStopped) {
      this.#handleStopped(input)
      return
    }
    switch (input.kind) {
      case 'start':
        return this.#start(now)
      case 'stop':
        return this.#stop(now)
      case 'linkUp':
        return this.#onLinkUp(input, now)
      case 'linkDown':
        return this.#onLinkDown(input.link, input.reason, now)
      case 'frame':
        return this.#onFrame(input, now)
      case 'timer':
        return this.#onTimer(input.token, now)
      case 'bootstrapFailed':
        return this.join.onContactFailed(input.reason, now)
      case 'sealed':
        return this.requests.onSealed(input.job, input.body, now)
      case 'opened':
        return this.requests.onOpened(input.job, input.source, input.message, now)
      case 'signed':
        if (!this.trees.onSigned(input, now)) this.#application.onNotSpread(input.id)
        return
      case 'verified':
        return this.trees.onVerified(input, now)
      case 'jobRefused':
        return this.#onJobRefused(input, now)
      case 'described':
        return this.signaling.onDescribed(input.exchange, input.description, now)
      case 'signal':
        return this.signaling.onLocalSignal(input.exchange, input.signal, now)
      case 'connected':
        return void this.signaling.onUp(input.exchange, now)
      case 'exchangeFailed':
        return this.signaling.onFailed(input.exchange, input.reason, now)
      case 'send':
        return this.#application.onSend(input, now)
      case 'broadcast':
        return this.#application.onBroadcast(input, now)
      case 'carryTopics':
        return this.trees.carryTopics(input.create)
      case 'joinTopic':
        return this.trees.topics?.join(input.topic, now)
      case 'leaveTopic':
        return this.trees.topics?.leave(input.topic, now)
      case 'dial':
        return this.#application.onDial(input, now)
      case 'answerCall':
        return this.signaling.answerCall(input.exchange, input.accept, now)
      case 'cancel':
        return this.#application.onCancel(input.request, now)
    }
  }

  /** A snapshot of everything, for the command line, the page and tests. */
  inspect(): NodeInspection {
    return inspectNode(this)
  }

  // ---- life -----------------------------------------------------------------------------------------------------------

  #start(now: Instant): void {
    this.trees.start(now)
    this.#io.schedule({ kind: 'tick' }, Math.floor((this.#io.random() / 2 ** 32) * TICK_MS))
    this.join.start(now)
  }

  #stop(now: Instant): void {
    this.#isStopped = true
    this.signaling.abandonAll(now)
    this.requests.failAll('closed', now)
    this.#application.stop()
    this.neighbors.leave()
    this.join.stop()
    for (const route of [...this.router.links]) this.#io.closeLink(route.link, 'leaving')
  }

  #handleStopped(input: Input): void {
    if (input.kind === 'linkUp') this.#io.closeLink(input.link, 'leaving')
    if (input.kind === 'send' || input.kind === 'broadcast' || input.kind === 'dial')
      this.#application.fail(input.request, 'closed')
  }

  #tick(now: Instant): void {
    this.#io.schedule({ kind: 'tick' }, TICK_MS)
    // It was we who were away, as a laptop is whose lid was shut: the others live, and are dialled again at once.
    const slept = this.#tickedAt > 0 && now - this.#tickedAt >= SLEEP_MS
    if (this.#tickedAt > 0 && now - this.#tickedAt >= DOZE_MS && !slept) this.trees.onWake(now)
    this.#tickedAt = now
    this.liveness.hasRoom = this.neighbors.hasRoom
    for (const link of this.liveness.tick(now)) this.#onDead(link, slept, now)
    if (now >= this.#sweepAt) this.#sweep(now)
    this.requests.tick(now)
    this.signaling.tick(now)
    this.trees.tick(now)
    this.lookups.tick(now)
    this.neighbors.tick(now)
    this.join.tick(now)
  }

  /** What is remembered for minutes need not be forgotten to the second. */
  #sweep(now: Instant): void {
    this.#sweepAt = now + SWEEP_MS
    this.router.tick(now)
    this.requests.sweep(now)
  }

  #onTimer(token: TimerToken, now: Instant): void {
    switch (token.kind) {
      case 'tick':
        return this.#tick(now)
      case 'maintain':
        this.neighbors.onTimer(now)
        return this.join.tick(now)
      case 'attempt':
        return this.requests.onAttemptTimer(token.id, token.attempt, now)
      case 'request':
        return this.requests.onRequestTimer(token.id, now)
      case 'exchange':
        return this.signaling.onTimer(token.exchange, now)
      case 'lottery':
        return this.join.onLottery(now)
      case 'tree':
      case 'topic':
        return this.trees.onTimer(token, now)
      case 'overdue':
        return this.#onOverdue(token.link, now)
    }
  }

  // ---- links ----------------------------------------------------------------------------------------------------------

  #onLinkUp(up: LinkUp, now: Instant): void {
    if (up.peer === this.config.self) {
      this.#io.closeLink(up.link, 'self')
      return
    }
    if (up.role === 'bootstrap') this.join.onLinkUp(up, now)
    else if (up.role === 'visitor') this.#attach(up, now)
    else {
      const exchange = up.exchange === null ? undefined : this.signaling.onUp(up.exchange, now)
      this.neighbors.onLinkUp(up, exchange, now)
      if (this.router.route(up.link) !== undefined) this.trees.onLinkUp(up.link, now)
      this.join.tick(now)
    }
  }

  #ask(link: LinkId, now: Instant): void {
    const route = this.router.route(link)
    if (route !== undefined) this.liveness.ask(route, now)
  }

  #onOverdue(link: LinkId, now: Instant): void {
    const route = this.router.route(link)
    if (route !== undefined && isStalled(route)) this.#onStalled(link, now)
  }

  /** What waits for this link need not wait until it is declared dead. */
  #onStalled(link: LinkId, now: Instant): void {
    this.router.onStalled(link, now)
    this.requests.onLinkDown(link)
  }

  #onLinkDown(link: LinkId, reason: string, now: Instant): void {
    this.#onStalled(link, now)
    this.join.onLinkDown(link, reason)
    this.neighbors.onLinkDown(link, reason, now)
    this.#detach(link)
    this.trees.onLinkDown(link, now)
  }

  #onDead(link: LinkId, slept: boolean, now: Instant): void {
    this.#onStalled(link, now)
    if (this.router.route(link)?.role === 'peer') {
      this.neighbors.onDead(link, slept, now)
      return
    }
    this.#io.closeLink(link, 'dead')
    this.join.onLinkDown(link, 'dead')
    this.#detach(link)
  }

  #attach(up: LinkUp, now: Instant): void {
    const route = this.router.addLink({ link: up.link, peer: up.peer, role: up.role, carries: false }, now)
    this.liveness.watch(route, SERVER_DEAD_MS, now)
  }

  #detach(link: LinkId): void {
    const route = this.router.removeLink(link)
    if (route !== undefined) this.liveness.forget(route)
  }

  #secureLink(peer: PeerId): LinkId | null {
    const neighbor = this.neighbors.get(peer)
    return neighbor?.isSecure === true && !isSuspect(neighbor.route, this.#now) ? neighbor.link : null
  }

  // ---- frames ---------------------------------------------------------------------------------------------------------

  #onFrame(input: Extract<Input, { kind: 'frame' }>, now: Instant): void {
    const from = this.#routeOf(input)
    if (from === null) {
      this.counters.strayFrames++
      return
    }
    const { frame } = input
    const { link } = from
    from.heardAt = now
    if (from.isAsked || from.isStalled) this.router.onHeard(from)
    switch (frame.kind) {
      case 'unicast':
        return this.router.onUnicast(frame, from, now)
      case 'lookup':
        return this.router.onLookup(frame, from, now)
      case 'reply':
        return this.router.onReply(frame, from, now)
      case 'nack':
        return this.router.onNack(frame, from, now)
      case 'direct':
        return from.role === 'peer' ? this.requests.onDirect(frame, from, now) : this.#stray()
      case 'heartbeat':
        return this.liveness.onHeartbeat(frame, from, now)
      case 'keep':
        return this.neighbors.onKeep(frame, from, now)
      case 'peers':
        return this.neighbors.onPeers(frame, from, now)
      case 'introduction':
        return this.join.onIntroduction(frame, link, now)
      case 'broadcast':
      case 'ihave':
      case 'graft':
      case 'prune':
      case 'digest':
      case 'topic':
        if (from.role !== 'peer' || !this.trees.onFrame(frame, from, now)) this.#stray()
        return
      case 'goodbye':
        return this.#onGoodbye(link, frame.reason, now)
    }
  }

  #routeOf({ link, memo }: Extract<Input, { kind: 'frame' }>): Route | null {
    const noted = memo?.route
    if (noted?.isUp === true) return noted
    const route = this.router.route(link) ?? null
    if (memo !== undefined) memo.route = route
    return route
  }

  #onGoodbye(link: LinkId, reason: string, now: Instant): void {
    // It closes its end; we do not rely on that.
    this.#io.closeLink(link, 'goodbye')
    this.#onLinkDown(link, reason, now)
  }

  #stray(): void {
    this.counters.strayFrames++
  }

  #answerLookup(frame: LookupFrame, from: Route, isClosest: boolean, now: Instant): boolean {
    const arrival = {
      hops: frame.hops,
      viaBootstrap: frame.viaBootstrap || from.role === 'bootstrap',
      link: from.link,
    }
    const asked: Asked = { id: frame.id, source: frame.requester, by: 'lookup', attempt: frame.attempt, arrival }
    return this.neighbors.answerLookup(frame, asked, isClosest, now)
  }

  #onReturned(frame: UnicastFrame | LookupFrame, now: Instant): void {
    if (frame.kind === 'unicast') this.requests.onReturned(frame, now)
    else {
      this.lookups.onRefused(frame.id, now)
      this.join.tick(now)
    }
  }

  // ---- end to end -----------------------------------------------------------------------------------------------------

  #onAsked(message: Message, asked: Asked, now: Instant): void {
    switch (message.kind) {
      case 'data':
        return this.#application.deliver(message.payload, asked)
      case 'offer':
        return this.signaling.onOffer(message, asked, now)
      case 'answer': {
        const isTaken = this.signaling.onAnswer(message.exchange, message.description, asked)
        return this.requests.respond(
          asked,
          isTaken ? { kind: 'ack' } : { kind: 'refuse', exchange: message.exchange, reason: 'closed' },
        )
      }
      case 'signal':
        this.signaling.onSignal(message.exchange, message.signal, asked.source)
        return this.requests.respond(asked, { kind: 'ack' })
      case 'refuse':
        this.signaling.onRefused(message.exchange, message.reason, { source: asked.source, now })
        return this.requests.respond(asked, { kind: 'ack' })
      case 'ack':
        return this.#stray()
    }
  }

  /** A reply to a lookup of ours: an offer, or further signals of one. */
  #onOffered(message: Message, asked: Asked, now: Instant): void {
    if (message.kind === 'signal') this.signaling.onSignal(message.exchange, message.signal, asked.source)
    else if (message.kind === 'offer' && this.lookups.onOffer(asked.id, message, asked.source))
      this.signaling.onOffer(message, asked, now)
    else if (message.kind === 'refuse') {
      this.lookups.onRefused(asked.id, now)
      this.join.tick(now)
    } else this.#stray()
  }

  #onJobRefused(input: Extract<Input, { kind: 'jobRefused' }>, now: Instant): void {
    const { job, reason } = input
    this.counters.jobsRefused[reason] = (this.counters.jobsRefused[reason] ?? 0) + 1
    this.#refuse(job, now, input)
  }

  #refuse(job: Job, now: Instant, input: Extract<Input, { kind: 'jobRefused' }>): void {
    switch (job.kind) {
      case 'seal':
        return this.requests.onSealRefused(job, now)
      case 'open':
        return this.requests.onOpenRefused(job, input.reason, input.reply ?? null)
      case 'verify':
        return this.trees.onRefused(job.tree, job.id)
      case 'sign':
        return this.#application.onNotSpread(job.id, 'internal')
    }
  }
}
