/**
 * One topic, as one peer sees it. Its messages travel over the links between those that carry it: the members, and as few
 * relays as it takes to hold them together. Members find each other as in Scribe (Castro et al. 2002): each asks a
 * neighbour that is closer to the topic's key to carry it as well, that one asks another, and where all these ways meet,
 * at the latest at the peer closest to the key, is the rest of the topic. Over those links grows a broadcast tree
 * (`broadcast.ts`), in which relays that nobody needs are left out.
 *
 * Differs from Scribe: the ways are only who knows whom, not the tree itself, so a message takes the shortest way between
 * members and not the one over the root; neighbours that carry the topic are used before others are asked to; everybody
 * asks two, so that one that fails or lies cuts nobody off.
 */

import {
  Broadcast,
  BROADCAST_DEFAULTS,
  type BroadcastCounters,
  type BroadcastHooks,
  type Delivery,
  FLOOD_MS,
} from './broadcast.ts'
import type { CacheLimits } from './broadcast-cache.ts'
import type { Body, Frame, TopicFrame, TopicRole } from './frames.ts'
import type { Geometry } from './geometry.ts'
import type { Instant, LinkId, PeerId, TopicId } from './ids.ts'
import type { TimerToken } from './io.ts'
import { isSuspect } from './liveness.ts'
import { Members } from './members.ts'
import type { Route } from './routes.ts'

/** Neighbours that a member asks to carry it: one may fail or lie. A relay asks one, or there would be too many of them. */
const [PARENTS, RELAY_PARENTS] = [2, 1]
/** Neighbours that carry it say so within a round trip; only then is anybody else asked to (guess). */
const SETTLE_MS = 300
/** Between two of our frames that say the same, in case one was lost; and how long they count (guesses). */
const REFRESH_MS = 30_000
const KEEP_MS = 100_000
/** Who is asked and says nothing is asked again, and after some time is passed over (guesses). */
const ASK_AGAIN_MS = 3_000
const ASKED_MAX = 3
const PASSED_OVER_MS = 60_000
/** A relay that nobody needs stays so long, for it may be asked again (guess). */
const LINGER_MS = 10_000
/** Of one topic; there may be hundreds. */
const PENDING_MAX = 256

export interface TopicConfig {
  readonly self: PeerId
  readonly topic: TopicId
  readonly geometry: Geometry
  /** Of what it keeps, where that is less than of the network's tree. */
  readonly cache?: Partial<CacheLimits>
}

/** What a topic needs of its node: what a broadcast does, and … */
export interface TopicParts extends Omit<BroadcastHooks, 'isRelay' | 'audience' | 'deliver' | 'send'> {
  /** `links` and `route` mean those of the mesh here, whoever carries what. */
  send(link: LinkId, frame: Frame): void
  schedule(token: TimerToken, delayMs: number): void
  deliver(message: TopicDelivery, payload: Body): void
}

export interface TopicDelivery extends Delivery {
  readonly topic: TopicId
  readonly source: PeerId
}

/** A neighbour that carries it too. */
interface Carrier {
  role: TopicRole
  /** Its way to the rest of the topic leads over us. */
  needsUs: boolean
  heardAt: Instant
}

/** A neighbour that we have asked to carry it. */
interface Parent {
  askedAt: Instant
  asked: number
}

export class Topic {
  readonly broadcast: Broadcast
  readonly members: Members
  /** The neighbour that had us relay it; it is counted to him as long as we carry it, whatever he says later. */
  begunFor: LinkId | null = null
  readonly #config: TopicConfig
  readonly #parts: TopicParts
  readonly #carriers = new Map<LinkId, Carrier>()
  readonly #parents = new Map<LinkId, Parent>()
  /** Neighbours that will not or cannot, and until when. */
  readonly #passedOver = new Map<LinkId, number>()
  #isMember = false
  #refreshAt = 0
  #settledAt = 0
  #idleSince: Instant
  /** Of the carriers; null: to be gathered anew. */
  #routes: readonly Route[] | null = null

  constructor(config: TopicConfig, parts: TopicParts, counters: BroadcastCounters, now: Instant) {
    this.#config = config
    this.#parts = parts
    this.#idleSince = now
    this.members = new Members(() => parts.random())
    const { self, geometry, topic: tree } = config
    const limits = { ...BROADCAST_DEFAULTS, pendingMax: PENDING_MAX, ...config.cache }
    this.broadcast = new Broadcast({ self, tree, geometry, ...limits }, this.#broadcastHooks(), counters)
  }

  get isMember(): boolean {
    return this.#isMember
  }

  get role(): TopicRole {
    return this.#isMember ? 'member' : 'relay'
  }

  /** Links to neighbours that carry it too. */
  get links(): readonly LinkId[] {
    return [...this.#carriers.keys()]
  }

  get collections(): Record<string, { size: number; max: number }> {
    return { members: { size: this.members.size, max: this.members.max }, ...this.broadcast.collections }
  }

  /** Does it lead that neighbour to the rest of the topic? */
  isNeededBy(link: LinkId): boolean {
    return this.#carriers.get(link)?.needsUs === true
  }

  carriesWith(link: LinkId): boolean {
    return this.#carriers.has(link)
  }

  /** We begin to carry it. */
  begin(now: Instant): void {
    this.#refreshAt = now + REFRESH_MS
    for (const { link } of this.#parts.links()) this.#tell(link)
    this.#settle(now)
  }

  enter(now: Instant): void {
    if (this.#isMember) return
    this.#isMember = true
    this.members.enter(now)
    this.broadcast.start(now)
    this.#tellAll()
  }

  leave(): void {
    this.#isMember = false
    this.members.leave()
    this.#tellAll()
  }

  /** We carry it no longer. */
  end(now: Instant): void {
    // Who has not said that he has what is ours gets it now instead of in a while, and nobody waits for it any longer.
    this.broadcast.tick((now + FLOOD_MS) as Instant)
    const { topic: target } = this.#config
    const links = new Set([...this.#carriers.keys(), ...this.#parents.keys()])
    for (const link of links)
      this.#parts.send(link, { kind: 'topic', target, role: 'out', isNeeded: false, isReply: false })
  }

  onFrame({ role, isNeeded, isReply }: TopicFrame, { link, peer }: Route, now: Instant): void {
    if (role !== 'member') this.members.forget(peer)
    if (role === 'out') {
      if (this.#parents.delete(link)) this.#passedOver.set(link, now + PASSED_OVER_MS)
      this.#lose(link, now)
      return this.#seek(now)
    }
    const isNew = !this.#carriers.has(link)
    this.#carriers.set(link, { role, needsUs: isNeeded, heardAt: now })
    if (isNew) this.#routes = null
    // Before the digest, or one that does not know yet that we carry the topic would not hear it.
    if (!isReply) this.#tell(link, { isReply: true })
    if (isNew) this.broadcast.onLinkUp(link, now)
  }

  onTimer(now: Instant): void {
    this.#seek(now)
  }

  /** Of the mesh. */
  onLinkUp(link: LinkId, now: Instant): void {
    this.#tell(link)
    this.#settle(now)
  }

  onLinkDown(link: LinkId, now: Instant): void {
    this.#passedOver.delete(link)
    const wasParent = this.#parents.delete(link)
    this.#lose(link, now)
    if (wasParent) this.#seek(now)
  }

  /** Whether it is still of use, to us or to others. */
  tick(now: Instant): boolean {
    this.broadcast.tick(now)
    for (const [link, { heardAt }] of this.#carriers) if (now - heardAt >= KEEP_MS) this.#lose(link, now)
    for (const [link, until] of this.#passedOver) if (now >= until) this.#passedOver.delete(link)
    this.#askAgain(now)
    this.#seek(now)
    if (now >= this.#refreshAt) {
      this.#refreshAt = now + REFRESH_MS
      this.#tellAll()
    }
    if (this.#isMember || this.#isNeeded()) this.#idleSince = now
    return now - this.#idleSince < LINGER_MS
  }

  #broadcastHooks(): BroadcastHooks {
    const { topic } = this.#config
    const parts = this.#parts
    return {
      ...parts,
      links: () => this.#carrierRoutes(),
      route: (link) => (this.#carriers.has(link) ? parts.route(link) : undefined),
      isRelay: () => !this.#isMember,
      // Of a topic nobody knows that.
      knowsAll: () => false,
      audience: () => this.#carrierRoutes().filter(({ link }) => this.#carriers.get(link)?.role === 'member'),
      deliver: (source, payload, delivery) => {
        this.members.heard(source, delivery.now)
        if (this.#isMember && payload.byteLength > 0) parts.deliver({ topic, source, ...delivery }, payload)
      },
    }
  }

  #carrierRoutes(): readonly Route[] {
    if (this.#routes !== null) return this.#routes
    const routes: Route[] = []
    for (const link of this.#carriers.keys()) {
      const route = this.#parts.route(link)
      if (route !== undefined) routes.push(route)
    }
    return (this.#routes = routes)
  }

  #isNeeded(): boolean {
    for (const { needsUs } of this.#carriers.values()) if (needsUs) return true
    return false
  }

  #lose(link: LinkId, now: Instant): void {
    if (!this.#carriers.delete(link)) return
    this.#routes = null
    this.broadcast.onLinkDown(link, now)
  }

  // ---- ways to the rest -----------------------------------------------------------------------------------------------

  /** Neighbours may say that they carry it. */
  #settle(now: Instant): void {
    this.#settledAt = now + SETTLE_MS
    this.#parts.schedule({ kind: 'topic', topic: this.#config.topic }, SETTLE_MS)
  }

  /** Where everybody is a neighbour there is no way that we do not know. */
  #seek(now: Instant): void {
    if (now < this.#settledAt || this.#parts.knowsAll()) return
    while (this.#parents.size < (this.#isMember ? PARENTS : RELAY_PARENTS)) {
      const next = this.#nextParent(now)
      if (next === null) return
      this.#parents.set(next.link, { askedAt: now, asked: 1 })
      this.#tell(next.link)
    }
  }

  /** The closest to the key of those that are closer than we: one that carries the topic, if there is one. */
  #nextParent(now: Instant): Route | null {
    const { self, topic, geometry } = this.#config
    let best: Route | null = null
    for (const route of this.#parts.links()) {
      const { link, peer } = route
      if (this.#parents.has(link) || this.#passedOver.has(link) || route.isStalled || isSuspect(route, now)) continue
      if (geometry.compare(topic, peer, self) >= 0) continue
      if (best === null || this.#isBetter(route, best)) best = route
    }
    return best
  }

  #isBetter(a: Route, b: Route): boolean {
    const carries = this.#carriers.has(a.link)
    if (carries !== this.#carriers.has(b.link)) return carries
    return this.#config.geometry.compare(this.#config.topic, a.peer, b.peer) < 0
  }

  #askAgain(now: Instant): void {
    for (const [link, parent] of this.#parents) {
      if (this.#carriers.has(link) || now - parent.askedAt < ASK_AGAIN_MS) continue
      if (parent.asked >= ASKED_MAX) {
        this.#parents.delete(link)
        this.#passedOver.set(link, now + PASSED_OVER_MS)
        continue
      }
      parent.asked++
      parent.askedAt = now
      this.#tell(link)
    }
  }

  // ---- what we say ----------------------------------------------------------------------------------------------------

  #tellAll(): void {
    for (const link of new Set([...this.#carriers.keys(), ...this.#parents.keys()])) this.#tell(link, { isReply: true })
  }

  #tell(link: LinkId, { isReply = false }: { readonly isReply?: boolean } = {}): void {
    const { topic: target } = this.#config
    const isNeeded = this.#parents.has(link)
    this.#parts.send(link, { kind: 'topic', target, role: this.role, isNeeded, isReply })
  }
}
