/**
 * The topics that this peer carries: those that the application has joined, and those that neighbours need it for. Both
 * are bounded, the latter for every neighbour too: what is above is refused, and the neighbour asks another one. What a
 * topic does is `topic.ts`; here frames and timers find theirs. A page that never uses topics need not load any of it to
 * join: a shell may hand it in later (`carryTopics`).
 */

import { RecentMap } from './bounded.ts'
import type { BroadcastCounters } from './broadcast.ts'
import type { CacheLimits } from './broadcast-cache.ts'
import { type Frame, type SpreadFrame, type TopicFrame, TOPICS_MAX } from './frames.ts'
import { randomName, type Geometry } from './geometry.ts'
import type { Instant, Key, LinkId, MessageId, PeerId, TopicId } from './ids.ts'
import type { Input } from './io.ts'
import type { Route } from './routes.ts'
import { Topic, type TopicParts } from './topic.ts'
import type { CreateTopics } from './trees.ts'

/** Topics carried for others, in all and for each neighbour (guesses). */
const RELAYED_MAX = 256
const RELAYED_PER_LINK_MAX = 64
/**
 * What is kept of a topic that we began to carry for others: members keep more. A neighbour that has us relay 64 and fills
 * them with bodies that hold on to a whole transport message each costs 128 MiB so, and not a GiB (guess).
 */
const RELAYED_CACHE = { framesMax: 128, bytesMax: 256 * 1024 } as const
/** Ids of what the application has heard, for as long as a signature is accepted (`broadcast-cache.ts`). */
const DELIVERED = { max: 16_384, keepMs: 120_000 } as const
/** What a message says that only says that we are here. */
const NOTHING = new Uint8Array(0)

export interface TopicsParts extends TopicParts {
  /** Of all trees of topics together. */
  readonly counters: BroadcastCounters
  /** Ends in a `signed` input. */
  sign(id: MessageId, payload: Uint8Array, tree: Key): void
}

/** What `carryTopics` takes. */
export const createTopics: CreateTopics = (config, parts) => new Topics(config, parts)

export class Topics {
  readonly counters = { refused: 0 }
  readonly #self: PeerId
  readonly #geometry: Geometry
  readonly #parts: TopicsParts
  readonly #topics = new Map<Key, Topic>()
  /** By whom. Of all topics: one that was left and is joined again does not know any more what came before. */
  readonly #delivered = new RecentMap<MessageId, PeerId>(DELIVERED)

  constructor({ self, geometry }: { readonly self: PeerId; readonly geometry: Geometry }, parts: TopicsParts) {
    this.#self = self
    this.#geometry = geometry
    this.#parts = {
      ...parts,
      deliver: (message, payload) => {
        const { id, source, now } = message
        // Ids are chosen by sources: nobody else can have used it up.
        if (this.#delivered.get(id) === source) return
        this.#delivered.set(id, source, now)
        parts.deliver(message, payload)
      },
    }
  }

  /** The fullest of every kind, and how many topics there are. */
  get collections(): Record<string, { size: number; max: number }> {
    const fullest: Record<string, { size: number; max: number }> = {}
    for (const topic of this.#topics.values())
      for (const [name, { size, max }] of Object.entries(topic.collections))
        if (size >= (fullest[`topic.${name}`]?.size ?? 0)) fullest[`topic.${name}`] = { size, max }
    return {
      topics: { size: this.#topics.size, max: TOPICS_MAX + RELAYED_MAX },
      topicsDelivered: { size: this.#delivered.size, max: this.#delivered.max },
      ...fullest,
    }
  }

  /** Of everything that we carry. */
  all(): Iterable<readonly [TopicId, Topic]> {
    return this.#topics as Map<TopicId, Topic>
  }

  get(topic: Key): Topic | undefined {
    return this.#topics.get(topic)
  }

  join(topic: TopicId, now: Instant): void {
    const known = this.#topics.get(topic)
    if (known !== undefined) return known.enter(now)
    if (this.#count((one) => one.isMember) >= TOPICS_MAX) return
    const created = this.#create(topic, {}, now)
    created.enter(now)
    created.begin(now)
  }

  /** Others may need us for it all the same: it is one that we relay, if there is room for another. */
  leave(topic: TopicId, now: Instant): void {
    const known = this.#topics.get(topic)
    if (known?.isMember !== true) return
    known.leave()
    const isTooMuchFor = (link: LinkId): boolean =>
      known.isNeededBy(link) && this.#count(neededBy(link)) > RELAYED_PER_LINK_MAX
    if (this.#count(isRelayed) > RELAYED_MAX || known.links.some(isTooMuchFor)) this.#end(topic, known, now)
  }

  /** False: we do not carry that with this neighbour. */
  onFrame(frame: SpreadFrame, from: Route, now: Instant): boolean {
    if (frame.kind === 'topic') {
      this.#onTopicFrame(frame, from, now)
      return true
    }
    const topic = this.#topics.get(frame.target)
    if (topic === undefined || !topic.carriesWith(from.link)) return false
    if (frame.kind === 'broadcast') topic.broadcast.onFrame(frame, from, now)
    else topic.broadcast.onTreeFrame(frame, from, now)
    return true
  }

  /** A message of ours. False: we have left meanwhile. */
  onSigned({ tree, id, body }: Extract<Input, { readonly kind: 'signed' }>, now: Instant): boolean {
    const topic = this.#topics.get(tree)
    if (topic?.isMember !== true) return false
    topic.members.said(now)
    topic.broadcast.originate(id, body, now)
    return true
  }

  onWake(now: Instant): void {
    for (const topic of this.#topics.values()) topic.broadcast.onWake(now)
  }

  onLinkUp(link: LinkId, now: Instant): void {
    for (const topic of this.#topics.values()) topic.onLinkUp(link, now)
  }

  onLinkDown(link: LinkId, now: Instant): void {
    for (const topic of this.#topics.values()) topic.onLinkDown(link, now)
  }

  tick(now: Instant): void {
    this.#delivered.rotate(now)
    for (const [id, topic] of this.#topics) {
      if (!topic.tick(now)) this.#end(id, topic, now)
      else if (topic.members.tick(now)) {
        topic.members.said(now)
        this.#parts.sign(randomName(() => this.#parts.random()) as MessageId, NOTHING, id)
      }
    }
  }

  #onTopicFrame(frame: TopicFrame, from: Route, now: Instant): void {
    const topic = this.#topics.get(frame.target)
    if (topic !== undefined) return topic.onFrame(frame, from, now)
    if (!frame.isNeeded || frame.role === 'out') return
    if (!this.#hasRoomFor(from.link)) return this.#refuse(frame, from.link)
    const created = this.#create(frame.target as TopicId, RELAYED_CACHE, now)
    created.begunFor = from.link
    created.onFrame(frame, from, now)
    created.begin(now)
  }

  #create(topic: TopicId, cache: Partial<CacheLimits>, now: Instant): Topic {
    const config = { self: this.#self, geometry: this.#geometry, topic, cache }
    const created = new Topic(config, this.#parts, this.#parts.counters, now)
    this.#topics.set(topic, created)
    return created
  }

  #end(id: Key, topic: Topic, now: Instant): void {
    topic.end(now)
    this.#topics.delete(id)
  }

  #hasRoomFor(link: LinkId): boolean {
    return this.#count(isRelayed) < RELAYED_MAX && this.#count(neededBy(link)) < RELAYED_PER_LINK_MAX
  }

  #refuse({ target }: TopicFrame, link: LinkId): void {
    this.counters.refused++
    const frame: Frame = { kind: 'topic', target, role: 'out', isNeeded: false, isReply: true }
    this.#parts.send(link, frame)
  }

  #count(matches: (topic: Topic) => boolean): number {
    let count = 0
    for (const topic of this.#topics.values()) if (matches(topic)) count++
    return count
  }
}

const isRelayed = (topic: Topic): boolean => !topic.isMember

/** Also what we carry because of that link, whatever it says later. */
const neededBy =
  (link: LinkId) =>
  (topic: Topic): boolean =>
    topic.begunFor === link || topic.isNeededBy(link)
