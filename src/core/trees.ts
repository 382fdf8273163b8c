/**
 * All broadcast trees of a peer: the network's (`broadcast.ts`) and those of topics (`topics.ts`). Whatever names a tree
 * finds its own here; what a link or a source may have us carry counts for all of them together.
 */

import {
  Broadcast,
  BROADCAST_DEFAULTS,
  type BroadcastConfig,
  type BroadcastHooks,
  createCounters,
} from './broadcast.ts'
import type { SpreadFrame } from './frames.ts'
import type { Geometry } from './geometry.ts'
import type { Instant, Key, LinkId, MessageId, NetworkId, PeerId } from './ids.ts'
import type { BroadcastFate, Input, Io, TimerToken } from './io.ts'
import type { Route, Router } from './router.ts'
import { SourceBudgets } from './source-budgets.ts'
import type { Topics, TopicsParts } from './topics.ts'

/** `(config, parts) => new Topics(config, parts)`. */
export type CreateTopics = (config: Pick<TreesConfig, 'self' | 'geometry'>, parts: TopicsParts) => Topics

export interface TreesConfig {
  readonly self: PeerId
  readonly network: NetworkId
  readonly geometry: Geometry
  /** Of the network's tree, other than `BROADCAST_DEFAULTS`. */
  readonly broadcast?: Partial<Omit<BroadcastConfig, 'self' | 'tree'>> | undefined
}

export interface TreesParts {
  readonly io: Io
  readonly router: Router
  /** Is everybody whom we know of a neighbour? */
  knowsAll(): boolean
  /** A neighbour has our message, or nobody will say so any more; `ms` after it was sent. */
  spread(id: MessageId, ms: number, fate: BroadcastFate): void
}

type InputOf<Kind extends Input['kind']> = Extract<Input, { readonly kind: Kind }>
type Token = Extract<TimerToken, { readonly kind: 'tree' | 'topic' }>

/** What every tree needs. */
type SharedHooks = Omit<BroadcastHooks, 'audience' | 'isRelay' | 'knowsAll' | 'deliver'>

export class Trees {
  readonly broadcast: Broadcast
  /** Of all trees of topics together. */
  readonly topicCounters = createCounters()
  readonly sources = new SourceBudgets()
  readonly #config: TreesConfig
  readonly #parts: TreesParts
  readonly #shared: SharedHooks
  #topics: Topics | null = null

  constructor(config: TreesConfig, parts: TreesParts) {
    const { self, network, geometry } = config
    this.#config = config
    this.#parts = parts
    this.#shared = this.#sharedHooks(parts)
    const broadcast = { self, tree: network, geometry, ...BROADCAST_DEFAULTS, ...config.broadcast }
    this.broadcast = new Broadcast(broadcast, networkHooks(this.#shared, parts))
  }

  /** Null before `carryTopics`: then what neighbours say of topics is not heard, and they ask others. */
  get topics(): Topics | null {
    return this.#topics
  }

  /** From now on topics are carried. Twice is fine. */
  carryTopics(create: CreateTopics): void {
    const { io, knowsAll } = this.#parts
    this.#topics ??= create(this.#config, {
      ...this.#shared,
      knowsAll,
      counters: this.topicCounters,
      sign: (id, payload, tree) => io.sign(id, payload, tree),
      deliver: ({ source: from, topic, hops }, payload) =>
        io.emit({ kind: 'message', from, payload, delivery: 'broadcast', topic, hops }),
    })
  }

  get collections(): Record<string, { size: number; max: number }> {
    return { ...this.broadcast.collections, ...this.sources.collections, ...this.#topics?.collections }
  }

  start(now: Instant): void {
    this.broadcast.start(now)
  }

  /** Of a neighbour. False: it belongs to no tree that we share with it. */
  onFrame(frame: SpreadFrame, from: Route, now: Instant): boolean {
    if (frame.kind === 'broadcast' && !this.#parts.router.affordBroadcast(frame, from, now)) return true
    if (frame.target !== this.#config.network) return this.#topics?.onFrame(frame, from, now) ?? false
    if (frame.kind === 'topic') return false
    if (frame.kind === 'broadcast') this.broadcast.onFrame(frame, from, now)
    else this.broadcast.onTreeFrame(frame, from, now)
    return true
  }

  /** A message of ours. False: we have left its topic meanwhile. */
  onSigned(input: InputOf<'signed'>, now: Instant): boolean {
    if (input.tree !== this.#config.network) return this.#topics?.onSigned(input, now) ?? false
    this.broadcast.originate(input.id, input.body, now)
    return true
  }

  onVerified(input: InputOf<'verified'>, now: Instant): void {
    this.#broadcastOf(input.tree)?.onVerified(input, now)
  }

  onRefused(tree: Key, id: MessageId): void {
    this.#broadcastOf(tree)?.onRefused(id)
  }

  onTimer(token: Token, now: Instant): void {
    if (token.kind === 'tree') this.#broadcastOf(token.tree)?.onTimer(token, now)
    else this.#topics?.get(token.topic)?.onTimer(now)
  }

  onWake(now: Instant): void {
    this.broadcast.onWake(now)
    this.#topics?.onWake(now)
  }

  onLinkUp(link: LinkId, now: Instant): void {
    this.broadcast.onLinkUp(link, now)
    this.#topics?.onLinkUp(link, now)
  }

  onLinkDown(link: LinkId, now: Instant): void {
    this.broadcast.onLinkDown(link, now)
    this.#topics?.onLinkDown(link, now)
  }

  tick(now: Instant): void {
    this.sources.tick(now)
    this.broadcast.tick(now)
    this.#topics?.tick(now)
  }

  #broadcastOf(tree: Key): Broadcast | undefined {
    return tree === this.#config.network ? this.broadcast : this.#topics?.get(tree)?.broadcast
  }

  #sharedHooks({ io, router, spread }: TreesParts): SharedHooks {
    return {
      send: (link, frame) => io.send(link, frame),
      verify: (job) => io.verify(job),
      schedule: (token, delayMs) => io.schedule(token, delayMs),
      links: () => router.carriers,
      route: (link) => router.route(link),
      linkTo: (peer) => router.routeTo(peer)?.link ?? null,
      afford: (frame, to, now) => router.affordBroadcast(frame, to, now),
      sources: this.sources,
      random: () => io.random(),
      spread,
    }
  }
}

function networkHooks(shared: SharedHooks, { io, knowsAll }: TreesParts): BroadcastHooks {
  return {
    ...shared,
    audience: shared.links,
    isRelay: () => false,
    knowsAll,
    deliver: (from, payload, { hops }) =>
      io.emit({ kind: 'message', from, payload, delivery: 'broadcast', topic: null, hops }),
  }
}
