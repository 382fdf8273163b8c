/**
 * Broadcast: every peer gets it once. Signatures are checked before anything is delivered or forwarded, and an id counts
 * as seen only then: a forged copy that arrives first cannot crowd out the true one, because other copies wait beside it.
 * A source may have us carry only so much (`source-budgets.ts`). How a message spreads is `plumtree.ts`; here it comes in
 * and goes out. The network is one tree, and so is every topic (`topic.ts`): each has an object of this class.
 */

import { isFullFor } from './bounded.ts'
import type { CacheLimits } from './broadcast-cache.ts'
import { type Body, type BroadcastFrame, HOP_LIMIT_MAX, type TreeFrame } from './frames.ts'
import type { Geometry } from './geometry.ts'
import type { Instant, Key, LinkId, MessageId, PeerId } from './ids.ts'
import type { BroadcastFate, TimerToken, Verified, VerifyJob } from './io.ts'
import { Plumtree } from './plumtree.ts'
import type { Route } from './router.ts'
import type { SourceBudgets } from './source-budgets.ts'
import type { TreeCounters, TreeHooks } from './tree.ts'

export interface BroadcastConfig extends Partial<CacheLimits> {
  readonly self: PeerId
  /** The network, or a topic. */
  readonly tree: Key
  readonly geometry: Geometry
  /** Broadcasts being verified at once; more are dropped and counted (guess). */
  readonly pendingMax: number
  /**
   * Payloads wait so long at each peer, in ms, to leave together: fewer transport messages for a later arrival. Default 0;
   * Gossip Glomers 3e asks for it.
   */
  readonly holdMs: number
}

export const BROADCAST_DEFAULTS = {
  pendingMax: 1_024,
  holdMs: 0,
} as const
/** Copies of one unverified broadcast, from different links: one of the first few neighbours is honest. */
const COPIES_MAX = 4
/** Own messages whose fate is counted; then the oldest is not any more (guess). */
const OWN_MAX = 256
/**
 * A neighbour that has not said by now that it has our message gets it from us, asked or not (flood-publish, as gossipsub
 * 1.1 calls it), so that no tree can hold us back; and the application waits no longer. At once, as there, each of 24
 * links would meet the tree somewhere and make duplicates: RMR 0.5 at 100 peers, where it is 0.12 so. Announcements take
 * up to 1.2 s at a high rate, and one may be lost.
 */
export const FLOOD_MS = 3_000

/** `hops`: links that it crossed. */
export interface Delivery {
  readonly id: MessageId
  readonly hops: number
  readonly now: Instant
}

export interface BroadcastHooks extends Omit<TreeHooks, 'since'> {
  verify(job: VerifyJob): void
  /** What sources may have us carry, over all trees. */
  readonly sources: SourceBudgets
  /** Is everybody whom we know of a neighbour, as in a mesh of few? */
  knowsAll(): boolean
  deliver(source: PeerId, payload: Body, arrival: Delivery): void
  /** A neighbour has our message, or nobody will say so any more; `ms` after it was sent. */
  spread(id: MessageId, ms: number, fate: BroadcastFate): void
}

export interface BroadcastCounters extends TreeCounters {
  delivered: number
  refused: number
  overflow: number
  overRate: number
}

interface Own extends BroadcastFate {
  readonly sentTo: LinkId[]
  readonly holders: LinkId[]
  readonly at: Instant
  /** The newest link of then. */
  readonly newest: LinkId
  isConfirmed: boolean
  isFlooded: boolean
}

interface Copy {
  readonly from: Route
  readonly link: LinkId
  readonly frame: BroadcastFrame
}

export class Broadcast {
  readonly counters: BroadcastCounters
  readonly #config: BroadcastConfig
  readonly #hooks: BroadcastHooks
  /** Unverified, by id; copies in the order they came, the first one is being verified. */
  readonly #pending = new Map<MessageId, Copy[]>()
  readonly #own = new Map<MessageId, Own>()
  /** Null before the first broadcast: then there is nothing to remember. */
  #tree: Plumtree | null = null
  #since = 0 as Instant

  /** `counters`: shared by all topics. */
  constructor(config: BroadcastConfig, hooks: BroadcastHooks, counters = createCounters()) {
    this.#config = config
    this.#hooks = hooks
    this.counters = counters
  }

  get collections(): Record<string, { size: number; max: number }> {
    return {
      broadcastPending: { size: this.#pending.size, max: this.#config.pendingMax },
      broadcastOwn: { size: this.#own.size, max: OWN_MAX },
      ...this.#tree?.collections,
    }
  }

  /** Links with a place in the tree. */
  get eagerLinks(): readonly LinkId[] {
    return this.#tree?.peers.eager.map(({ link }) => link) ?? []
  }

  /** Our time in the mesh begins: what was sent before is not for us. */
  start(now: Instant): void {
    this.#since = now
  }

  tick(now: Instant): void {
    this.#tree?.tick(now)
    for (const [id, own] of this.#own) if (!own.isFlooded && now - own.at >= FLOOD_MS) this.#flood(id, own, now)
  }

  /** Sends a signed broadcast of our own. */
  originate(id: MessageId, body: Body, now: Instant): void {
    for (const [oldest, own] of this.#own) {
      if (this.#own.size < OWN_MAX) break
      // It is not waited for any longer.
      if (!own.isFlooded) this.#flood(oldest, own, now)
      this.#own.delete(oldest)
    }
    const { tree: target } = this.#config
    const isDirect = this.#hooks.knowsAll()
    const frame = { kind: 'broadcast', hopLimit: HOP_LIMIT_MAX, hops: 0, id, target, isDirect, body } as const
    const sentTo = this.#grown().publish(frame, now)
    const newest = this.#hooks.links().reduce((latest, { link }) => (link > latest ? link : latest), 0 as LinkId)
    const own: Own = { sentTo, holders: [], at: now, newest, isConfirmed: false, isFlooded: false }
    this.#own.set(id, own)
    // With nobody to tell there is nothing to wait for.
    if (sentTo.length === 0) this.#confirm(id, own, now)
  }

  onFrame(frame: BroadcastFrame, from: Route, now: Instant): void {
    if (this.#tree?.cache.has(frame.id)) {
      this.#onHeld(frame.id, from.link, now)
      this.#tree.onDuplicate(frame, from.link, now)
      return
    }
    const copies = this.#pending.get(frame.id)
    const copy: Copy = { from, link: from.link, frame }
    if (copies !== undefined) this.#addCopy(copies, copy)
    else if (this.#isFullFor(frame.id, from.link)) this.counters.overflow++
    else {
      this.#pending.set(frame.id, [copy])
      this.#verify(copy)
    }
  }

  onVerified(result: Verified & { readonly id: MessageId }, now: Instant): void {
    const { id, source, payload } = result
    const { sources } = this.#hooks
    const [first, ...others] = this.#pending.get(id) ?? []
    if (first === undefined) return
    this.#pending.delete(id)
    if (source === this.#config.self) return this.#grown().refuse(id, now)
    if (sources.isStale(result, this.#tree?.cache.forgotAt ?? -Infinity)) {
      this.counters.refused++
      return this.#grown().refuse(id, now)
    }
    if (!sources.afford(result, now)) {
      this.counters.overRate++
      return this.#grown().refuse(id, now)
    }
    this.counters.delivered++
    this.#hooks.deliver(source, payload, { id, hops: first.frame.hops, now })
    this.#grown().accept(first.frame, { from: first.from, source, others }, now)
  }

  /** The copy under test is forged, stale or of another network: try the next one. */
  onRefused(id: MessageId): void {
    this.counters.refused++
    const copies = this.#pending.get(id)
    if (copies === undefined) return
    copies.shift()
    const next = copies[0]
    if (next === undefined) this.#pending.delete(id)
    else this.#verify(next)
  }

  /** What a neighbour says of the tree. */
  onTreeFrame(frame: TreeFrame, from: Route, now: Instant): void {
    switch (frame.kind) {
      case 'ihave':
        for (const { id } of frame.entries) this.#onHeld(id, from.link, now)
        return this.#grown().onIhave(frame, from, now)
      case 'graft':
        return this.#tree?.onGraft(frame, from, now)
      case 'prune':
        return this.#tree?.onPrune(from.link)
      case 'digest':
        // An empty one asks for everything; who has nothing need not remember that.
        if (this.#tree !== null || frame.entries.length > 0) this.#grown().onDigest(frame, from, now)
    }
  }

  onTimer({ due }: Extract<TimerToken, { kind: 'tree' }>, now: Instant): void {
    this.#tree?.onTimer(due, now)
  }

  /** We were away for a moment, too short for others to notice: what came meanwhile is lost to us. */
  onWake(now: Instant): void {
    this.#grown().askAround(now)
  }

  onLinkUp(link: LinkId, now: Instant): void {
    this.#tree?.onLinkUp(link, now)
  }

  onLinkDown(link: LinkId, now: Instant): void {
    this.#tree?.onLinkDown(link, now)
  }

  #grown(): Plumtree {
    const { self, tree, geometry, holdMs } = this.#config
    const bucketOf = (peer: PeerId): number => geometry.bucketOf(self, peer)
    const config = { bucketOf, tree, holdMs, limits: this.#config }
    this.#tree ??= new Plumtree(config, this.counters, { ...this.#hooks, since: () => this.#since })
    return this.#tree
  }

  /** Only links that were there when it was sent: later ones have had a digest. */
  #flood(id: MessageId, own: Own, now: Instant): void {
    own.isFlooded = true
    const links = this.#hooks.audience().filter(({ link }) => link <= own.newest)
    const rest = links.flatMap(({ link }) => (own.sentTo.includes(link) || own.holders.includes(link) ? [] : [link]))
    this.#tree?.flood(id, rest)
    own.sentTo.push(...rest)
    this.#confirm(id, own, now)
  }

  /** That neighbour has it; if it is ours, somebody waits to hear so. */
  #onHeld(id: MessageId, link: LinkId, now: Instant): void {
    const own = this.#own.get(id)
    if (own === undefined || own.holders.includes(link)) return
    own.holders.push(link)
    this.#confirm(id, own, now)
  }

  #confirm(id: MessageId, own: Own, now: Instant): void {
    if (own.isConfirmed) return
    own.isConfirmed = true
    this.#hooks.spread(id, now - own.at, own)
  }

  #verify({ link, frame }: Copy): void {
    this.#hooks.verify({ kind: 'verify', tree: this.#config.tree, id: frame.id, link, body: frame.body })
  }

  /** A link has its share, and what we asked it for: nobody keeps others from being heard by what he forges. */
  #isFullFor(id: MessageId, link: LinkId): boolean {
    const { pendingMax } = this.#config
    if (!isFullFor(this.#pending, pendingMax, ([first]) => first?.link === link)) return false
    return this.#pending.size >= pendingMax || !this.#tree?.isAskedOf(id, link)
  }

  #addCopy(copies: Copy[], copy: Copy): void {
    this.counters.duplicates++
    if (copies.length < COPIES_MAX && copies.every(({ link }) => link !== copy.link)) copies.push(copy)
  }
}

export function createCounters(): BroadcastCounters {
  return {
    delivered: 0,
    sent: 0,
    duplicates: 0,
    announced: 0,
    grafts: 0,
    prunes: 0,
    digests: 0,
    ignored: 0,
    refused: 0,
    overflow: 0,
    overRate: 0,
  }
}
