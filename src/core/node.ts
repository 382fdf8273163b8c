/**
 * One peer of the mesh, as a state machine: `MeshNode.handle(input, now)` is all that a shell calls. It composes the
 * router, the end-to-end requests, broadcast, signaling, the neighbour manager and the join, and holds no protocol of its
 * own beyond handing each input to whom it concerns.
 */

import { AddressBook } from './address-book.ts'
import { BROADCAST_PENDING_MAX, BROADCAST_SEEN_MAX, Broadcast, SOURCE_FRAMES } from './broadcast.ts'
import type { Frame, LookupFrame, Message, NackReason, UnicastFrame } from './frames.ts'
import { HOP_LIMIT_MAX } from './frames.ts'
import { type Geometry, randomName, xor } from './geometry.ts'
import type { ExchangeId, Instant, LinkId, MessageId, NetworkId, PeerId, RequestId } from './ids.ts'
import { type NodeInspection, inspectNode } from './inspection.ts'
import type { FailureCode, Input, Io, LinkUp, OpenJob, SealJob, TimerToken, VerifyJob } from './io.ts'
import { Join } from './join.ts'
import { Liveness, SERVER_DEAD_MS } from './liveness.ts'
import { Lookups } from './lookups.ts'
import { Neighbors } from './neighbors.ts'
import { ATTEMPT_MS, type Asked, INBOX_MAX, REQUESTS_MAX, Requests } from './requests.ts'
import { LINK_BYTES, LINK_FRAMES, PATHS_MAX, type Route, Router } from './router.ts'
import { CALLS_MAX, EXCHANGES_MAX, EXCHANGE_TIMEOUT_MS, type Exchange, Signaling } from './signaling.ts'

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
}

/** Failure detection, upkeep and sweeps run once a second; deadlines that matter more have timers of their own. */
const TICK_MS = 1_000

export class MeshNode {
  readonly config: NodeConfig
  readonly counters = { badInputs: 0, strayFrames: 0, jobsRefused: {} as Record<string, number> }
  readonly router: Router
  readonly requests: Requests
  readonly broadcast: Broadcast
  readonly signaling: Signaling
  readonly neighbors: Neighbors
  readonly lookups: Lookups
  readonly liveness: Liveness
  readonly book: AddressBook
  readonly join: Join
  readonly #io: Io
  readonly #asking = new Map<RequestId, MessageId>()
  readonly #broadcasting = new Map<MessageId, RequestId>()
  #now = 0 as Instant
  #isStopped = false

  constructor(config: NodeConfig, io: Io) {
    this.config = config
    this.#io = io
    const geometry = config.geometry ?? xor
    const { self } = config
    const send = (link: LinkId, frame: Frame): void => this.#send(link, frame)
    const random = (): number => io.random()
    const randomId = (): MessageId => randomName(random) as MessageId
    this.liveness = new Liveness((link, frame) => io.send(link, frame))
    this.book = new AddressBook(self)
    this.router = new Router(
      { self, geometry, isBootstrap: false, pathsMax: PATHS_MAX, linkFrames: LINK_FRAMES, linkBytes: LINK_BYTES },
      {
        send,
        deliver: (frame, from, now) => this.requests.onDelivered(frame, from, now),
        answerLookup: (frame, from, isClosest, now) => this.#answerLookup(frame, from, isClosest, now),
        replied: (frame, from) => this.requests.onReplied(frame, from),
        returned: (frame, reason, now) => this.#onReturned(frame, reason, now),
      },
    )
    this.requests = new Requests(
      { self, requestsMax: REQUESTS_MAX, attemptMs: ATTEMPT_MS, inboxMax: INBOX_MAX },
      this.router,
      {
        send,
        seal: (job) => io.seal(job),
        open: (job) => io.open(job),
        schedule: (token, delayMs) => io.schedule(token, delayMs),
        randomId,
        secureLink: (peer) => this.#secureLink(peer),
        asked: (message, asked, now) => this.#onAsked(message, asked, now),
        offered: (message, asked, now) => this.#onOffered(message, asked, now),
      },
    )
    this.signaling = new Signaling(
      { self, exchangesMax: EXCHANGES_MAX, callsMax: CALLS_MAX, exchangeTimeoutMs: EXCHANGE_TIMEOUT_MS },
      {
        io,
        requests: this.requests,
        newId: () => randomName(random) as ExchangeId,
        hooks: {
          admit: (remote, slot) => this.neighbors.admit(remote, slot, this.#now),
          ring: (exchange) => this.#ring(exchange),
          settled: (exchange, outcome, now) => this.#onSettled(exchange, outcome, now),
          hungUp: (exchange, reason) => io.emit({ kind: 'callEnded', exchange: exchange.id, reason }),
        },
      },
    )
    this.lookups = new Lookups({ self, geometry }, { router: this.router, requests: this.requests, random, randomId })
    this.neighbors = new Neighbors(
      { self, geometry, linksMax: config.linksMax },
      {
        io,
        send,
        router: this.router,
        signaling: this.signaling,
        liveness: this.liveness,
        lookups: this.lookups,
        book: this.book,
      },
    )
    this.join = new Join(
      { self, hasBootstrap: config.hasBootstrap, lotteryPerSecond: config.lotteryPerSecond ?? 1 },
      {
        io,
        neighbors: this.neighbors,
        lookups: this.lookups,
        signaling: this.signaling,
        attach: (up, now) => this.#attach(up, now),
        detach: (link) => this.#detach(link),
      },
    )
    this.broadcast = new Broadcast(
      {
        self,
        network: config.network,
        seenMax: BROADCAST_SEEN_MAX,
        pendingMax: BROADCAST_PENDING_MAX,
        sourceFrames: SOURCE_FRAMES,
      },
      {
        send,
        verify: (job) => io.verify(job),
        links: () => this.router.links,
        deliver: (from, payload, hops) => io.emit({ kind: 'message', from, payload, delivery: 'broadcast', hops }),
      },
    )
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
        return this.#onFrame(input.frame, input.link, now)
      case 'timer':
        return this.#onTimer(input.token, now)
      case 'bootstrapFailed':
        return this.join.onContactFailed(input.reason, now)
      case 'sealed':
        return this.requests.onSealed(input.job, input.body, now)
      case 'opened':
        return this.requests.onOpened(input.job, input.source, input.message, now)
      case 'signed':
        return this.#onSigned(input.id, input, now)
      case 'verified':
        return this.broadcast.onVerified(input, now)
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
        return this.#onSend(input, now)
      case 'broadcast':
        return this.#onBroadcast(input)
      case 'dial':
        return this.#onDial(input)
      case 'answerCall':
        return this.signaling.answerCall(input.exchange, input.accept, now)
      case 'cancel':
        return this.#onCancel(input.request, now)
    }
  }

  /** A snapshot of everything, for the command line, the page and tests. */
  inspect(): NodeInspection {
    return inspectNode(this, this.#now)
  }

  // ---- life -----------------------------------------------------------------------------------------------------------

  #start(now: Instant): void {
    this.#io.schedule({ kind: 'tick' }, Math.floor((this.#io.random() / 2 ** 32) * TICK_MS))
    this.join.start(now)
  }

  #stop(now: Instant): void {
    this.#isStopped = true
    this.signaling.abandonAll(now)
    this.requests.failAll('closed', now)
    for (const [id, request] of this.#broadcasting) {
      this.#broadcasting.delete(id)
      this.#io.emit({ kind: 'requestFailed', request, code: 'closed', detail: '' })
    }
    this.neighbors.leave(now)
    this.join.stop()
    for (const route of [...this.router.links]) this.#io.closeLink(route.link, 'leaving')
  }

  #handleStopped(input: Input): void {
    if (input.kind === 'linkUp') this.#io.closeLink(input.link, 'leaving')
    if (input.kind === 'send' || input.kind === 'broadcast' || input.kind === 'dial')
      this.#fail(input.request, 'closed')
  }

  #tick(now: Instant): void {
    this.#io.schedule({ kind: 'tick' }, TICK_MS)
    for (const link of this.liveness.tick(now)) this.#onDead(link, now)
    this.router.tick(now)
    this.requests.tick(now)
    this.broadcast.tick(now)
    this.lookups.tick(now)
    this.neighbors.tick(now)
    this.join.tick(now)
  }

  #onTimer(token: TimerToken, now: Instant): void {
    switch (token.kind) {
      case 'tick':
        return this.#tick(now)
      case 'maintain':
        this.neighbors.maintain(now)
        return this.join.tick(now)
      case 'attempt':
        return this.requests.onAttemptTimer(token.id, token.attempt, now)
      case 'request':
        return this.requests.onRequestTimer(token.id, now)
      case 'exchange':
        return this.signaling.onTimer(token.exchange, now)
      case 'lottery':
        return this.join.onLottery(now)
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
      this.join.tick(now)
    }
  }

  #onLinkDown(link: LinkId, reason: string, now: Instant): void {
    this.requests.onLinkDown(link)
    this.join.onLinkDown(link, reason)
    this.neighbors.onLinkDown(link, reason, now)
    this.#detach(link)
  }

  #onDead(link: LinkId, now: Instant): void {
    this.requests.onLinkDown(link)
    if (this.router.route(link)?.role === 'peer') {
      this.neighbors.onDead(link, now)
      return
    }
    this.#io.closeLink(link, 'dead')
    this.join.onLinkDown(link, 'dead')
    this.#detach(link)
  }

  #attach(up: LinkUp, now: Instant): void {
    this.router.addLink({ link: up.link, peer: up.peer, role: up.role, carries: false }, now)
    this.liveness.add(up.link, SERVER_DEAD_MS, now)
  }

  #detach(link: LinkId): void {
    this.router.removeLink(link)
    this.liveness.remove(link)
  }

  #send(link: LinkId, frame: Frame): void {
    this.liveness.sent(link, this.#now)
    this.#io.send(link, frame)
  }

  #secureLink(peer: PeerId): LinkId | null {
    const neighbor = this.neighbors.get(peer)
    return neighbor?.isSecure === true && !this.liveness.isSuspect(neighbor.link, this.#now) ? neighbor.link : null
  }

  // ---- frames ---------------------------------------------------------------------------------------------------------

  #onFrame(frame: Frame, link: LinkId, now: Instant): void {
    const from = this.router.route(link)
    if (from === undefined) {
      this.counters.strayFrames++
      return
    }
    this.liveness.heard(link, now)
    switch (frame.kind) {
      case 'unicast':
        return this.router.onUnicast(frame, from, now)
      case 'lookup':
        return this.router.onLookup(frame, from, now)
      case 'reply':
        return this.router.onReply(frame, from, now)
      case 'nack':
        return this.router.onNack(frame, from, now)
      case 'broadcast':
        return this.#onBroadcastFrame(frame, from, now)
      case 'direct':
        return from.role === 'peer' ? this.requests.onDirect(frame, from, now) : this.#stray()
      case 'heartbeat':
        return this.liveness.onHeartbeat(frame, link, now)
      case 'keep':
        return this.neighbors.onKeep(frame, link, now)
      case 'peers':
        return this.neighbors.onPeers(frame, link, now)
      case 'introduction':
        return this.join.onIntroduction(frame, link, now)
      case 'goodbye':
        return this.#onGoodbye(link, frame.reason, now)
    }
  }

  #onGoodbye(link: LinkId, reason: string, now: Instant): void {
    // It closes its end; we do not rely on that.
    this.#io.closeLink(link, 'goodbye')
    this.#onLinkDown(link, reason, now)
  }

  #stray(): void {
    this.counters.strayFrames++
  }

  #onBroadcastFrame(frame: Extract<Frame, { kind: 'broadcast' }>, from: Route, now: Instant): void {
    if (frame.target !== this.config.network || from.role !== 'peer') this.#stray()
    else if (this.router.affordBroadcast(frame, from, now)) this.broadcast.onFrame(frame, from)
  }

  #answerLookup(frame: LookupFrame, from: Route, isClosest: boolean, now: Instant): boolean {
    const arrival = {
      hops: HOP_LIMIT_MAX - frame.hopLimit,
      viaBootstrap: frame.viaBootstrap || from.role === 'bootstrap',
      link: from.link,
    }
    const asked: Asked = { id: frame.id, source: frame.requester, by: 'lookup', attempt: frame.attempt, arrival }
    return this.neighbors.answerLookup(frame, asked, isClosest, now)
  }

  #onReturned(frame: UnicastFrame | LookupFrame, reason: NackReason, now: Instant): void {
    void reason
    if (frame.kind === 'unicast') this.requests.onReturned(frame, now)
    else {
      this.lookups.onReturned(frame, now)
      this.join.tick(now)
    }
  }

  // ---- end to end -----------------------------------------------------------------------------------------------------

  #onAsked(message: Message, asked: Asked, now: Instant): void {
    switch (message.kind) {
      case 'data': {
        this.#io.emit({
          kind: 'message',
          from: asked.source,
          payload: message.payload,
          delivery: 'unicast',
          hops: asked.arrival.hops,
        })
        return this.requests.respond(asked, { kind: 'ack' })
      }
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

  #refuse(job: SealJob | OpenJob | VerifyJob, now: Instant, input: Extract<Input, { kind: 'jobRefused' }>): void {
    switch (job.kind) {
      case 'seal':
        return this.requests.onSealRefused(job, now)
      case 'open':
        return this.requests.onOpenRefused(job, input.reason, input.reply ?? null)
      case 'verify':
        return this.broadcast.onRefused(job.id)
    }
  }

  // ---- the public face ------------------------------------------------------------------------------------------------

  #onSend(input: Extract<Input, { kind: 'send' }>, now: Instant): void {
    const { request, target, payload, timeoutMs } = input
    const id = this.requests.start(
      {
        target,
        message: { kind: 'data', payload },
        timeoutMs,
        via: null,
        onReply: (reply, { arrival, ms, attempts, path }) => {
          this.#asking.delete(request)
          if (reply.kind === 'ack')
            this.#io.emit({ kind: 'requestDone', request, receipt: { hops: arrival.hops, path, ms, attempts } })
          else this.#fail(request, 'refused')
        },
        onFailure: (code) => {
          this.#asking.delete(request)
          this.#fail(request, code)
        },
      },
      now,
    )
    if (id === null) this.#fail(request, 'busy')
    else this.#asking.set(request, id)
  }

  #onBroadcast(input: Extract<Input, { kind: 'broadcast' }>): void {
    const id = randomName(() => this.#io.random()) as MessageId
    if (this.#broadcasting.size >= REQUESTS_MAX) return this.#fail(input.request, 'busy')
    this.#broadcasting.set(id, input.request)
    this.#io.sign(id, input.payload)
  }

  #onSigned(id: MessageId, signed: { readonly body: import('./frames.ts').Body }, now: Instant): void {
    const request = this.#broadcasting.get(id)
    if (request === undefined) return
    this.#broadcasting.delete(id)
    this.broadcast.originate(id, signed.body, now)
    this.#io.emit({ kind: 'requestDone', request, receipt: { hops: 0, path: 'routed', ms: 0, attempts: 1 } })
  }

  #onDial(input: Extract<Input, { kind: 'dial' }>): void {
    const { request, target } = input
    const exchange = this.signaling.call(target, input, (id) =>
      this.#io.emit({ kind: 'dialing', request, exchange: id }),
    )
    if (exchange === null) this.#fail(request, 'busy')
  }

  #onCancel(request: RequestId, now: Instant): void {
    const id = this.#asking.get(request)
    if (id !== undefined) {
      this.#asking.delete(request)
      this.requests.cancel(id)
      this.#fail(request, 'cancelled')
    }
    const call = this.signaling.callOf(request)
    if (call !== undefined) this.signaling.abandon(call.id, 'closed', now)
  }

  #ring(exchange: Exchange): void {
    const { id, remote: from, metadata, offerPath } = exchange
    this.#io.emit({ kind: 'call', exchange: id, from, metadata, offerPath })
  }

  #onSettled(exchange: Exchange, outcome: Parameters<Neighbors['onSettled']>[1], now: Instant): void {
    if (exchange.purpose === 'link') this.neighbors.onSettled(exchange, outcome, now)
    else if (exchange.request === null) {
      if (outcome !== 'up') this.#io.emit({ kind: 'callEnded', exchange: exchange.id, reason: outcome })
    } else if (outcome === 'up') {
      const receipt = { hops: exchange.offerPath.relays + 1, path: 'routed', ms: 0, attempts: 1 } as const
      this.#io.emit({ kind: 'requestDone', request: exchange.request, receipt })
    } else {
      this.#fail(exchange.request, isFailure(outcome) ? outcome : 'refused', outcome)
    }
  }

  #fail(request: RequestId, code: FailureCode, detail = ''): void {
    this.#io.emit({ kind: 'requestFailed', request, code, detail })
  }
}

function isFailure(outcome: string): outcome is FailureCode {
  return (
    outcome === 'unreachable' ||
    outcome === 'timeout' ||
    outcome === 'cancelled' ||
    outcome === 'closed' ||
    outcome === 'busy'
  )
}
