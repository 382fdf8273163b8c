/**
 * Lookups of our own: a request for a link that names us and goes to the peer closest to a key, which answers with the
 * offer itself (DESIGN §5). Three uses: a newcomer looks up its own id, a peer refills an empty bucket, and a peer makes
 * sure that nobody nearer than its nearest neighbours exists. An empty answer is remembered, so that a bucket without
 * peers is not asked for over and over.
 */

import { evictOldest } from './bounded.ts'
import { type LookupFrame, type OfferMessage, type Slot } from './frames.ts'
import { ANY_BUCKET, type BucketRange, type Geometry, suits } from './geometry.ts'
import type { Instant, Key, LinkId, MessageId, PeerId } from './ids.ts'
import type { Requests } from './requests.ts'
import type { Router } from './router.ts'

export interface LookupsConfig {
  readonly self: PeerId
  readonly geometry: Geometry
}

export interface LookupsParts {
  readonly router: Router
  readonly requests: Requests
  readonly random: () => number
  readonly randomId: () => MessageId
}

interface Pending {
  readonly range: BucketRange
  readonly bucket: number | null
  readonly startedAt: Instant
}

const PENDING_MAX = 32
/**
 * Greedy routing needs 11 at 100,000 peers (DESIGN §5, p99), and what is left over goes to those near the key when the
 * closest has no room. Then another key is better than a longer search: with 40, a failed lookup cost 80 frames
 * (simulated, 2,000 peers).
 */
const LOOKUP_HOP_LIMIT = 20
/** Lookups for buckets at once. */
const REFILLS_MAX = 3
/** A lookup is a few hops and the making of an offer; after this it counts as lost (guess). */
const LOST_MS = 4_000
/** First pause after a bucket was found empty, doubling to the greatest (guess). */
const EMPTY_MS = 4_000
const EMPTY_MAX_MS = 120_000

export class Lookups {
  readonly counters = { started: 0, answered: 0, empty: 0, lost: 0, unsuitable: 0 }
  readonly #config: LookupsConfig
  readonly #parts: LookupsParts
  readonly #pending = new Map<MessageId, Pending>()
  readonly #empty = new Map<number, { pauseMs: number; until: number }>()

  constructor(config: LookupsConfig, parts: LookupsParts) {
    this.#config = config
    this.#parts = parts
  }

  get collections(): Record<string, { size: number; max: number }> {
    return {
      pendingLookups: { size: this.#pending.size, max: PENDING_MAX },
      emptyBuckets: { size: this.#empty.size, max: 256 },
    }
  }

  isPending(id: MessageId | null): boolean {
    return id !== null && this.#pending.has(id)
  }

  /** Asks for a peer in an empty bucket, unless one was sought in vain lately. */
  refill(bucket: number, now: Instant): void {
    if ((this.#empty.get(bucket)?.until ?? 0) > now) return
    let refills = 0
    for (const lookup of this.#pending.values()) {
      if (lookup.bucket === bucket) return
      if (lookup.bucket !== null) refills++
    }
    if (refills >= REFILLS_MAX) return
    this.#start({ target: this.#keyIn(bucket), range: only(bucket), bucket, slot: 'bucket', first: null }, now)
  }

  /** Asks whoever is closest to us, in those of our buckets, for a link; null if nothing can carry it. */
  nearest(slot: Slot, range: BucketRange, first: LinkId | null, now: Instant): MessageId | null {
    return this.#start({ target: this.#config.self, range, bucket: null, slot, first }, now)
  }

  /** Asks over `first` for anybody in a bucket where our own mesh has nobody. */
  inBucket(bucket: number, first: LinkId, now: Instant): MessageId | null {
    return this.#start({ target: this.#keyIn(bucket), range: only(bucket), bucket: null, slot: 'bucket', first }, now)
  }

  /** Asks anybody on the way to a random key for a link. */
  anybody(slot: Slot, first: LinkId | null, now: Instant): MessageId | null {
    return this.#start({ target: this.#keyIn(0), range: ANY_BUCKET, bucket: null, slot, first }, now)
  }

  /** An offer came in reply: does it suit what we asked for? Each lookup takes one. */
  onOffer(id: MessageId, offer: OfferMessage, source: PeerId): boolean {
    const lookup = this.#pending.get(id)
    if (lookup === undefined || offer.purpose !== 'link') return false
    const { self: requester, geometry } = this.#config
    if (!suits({ ...lookup.range, requester }, source, geometry)) {
      this.counters.unsuitable++
      return false
    }
    this.counters.answered++
    this.#pending.delete(id)
    if (lookup.bucket !== null) this.#empty.delete(lookup.bucket)
    return true
  }

  /** Nobody suitable on any path, or whoever took it thought better of it. */
  onRefused(id: MessageId, now: Instant): void {
    const lookup = this.#pending.get(id)
    if (lookup === undefined) return
    this.#pending.delete(id)
    this.counters.empty++
    if (lookup.bucket !== null) this.#rest(lookup.bucket, now)
  }

  tick(now: Instant): void {
    for (const [id, lookup] of this.#pending) {
      if (now - lookup.startedAt < LOST_MS) return
      this.#pending.delete(id)
      this.counters.lost++
      if (lookup.bucket !== null) this.#rest(lookup.bucket, now)
    }
  }

  #keyIn(bucket: number): Key {
    const { self, geometry } = this.#config
    return geometry.keyInBucket(self, bucket, this.#parts.random)
  }

  #rest(bucket: number, now: Instant): void {
    const pauseMs = Math.min(EMPTY_MAX_MS, (this.#empty.get(bucket)?.pauseMs ?? EMPTY_MS / 2) * 2)
    this.#empty.set(bucket, { pauseMs, until: now + pauseMs })
  }

  #start(
    lookup: {
      readonly target: Key
      readonly range: BucketRange
      readonly bucket: number | null
      readonly slot: Slot
      readonly first: LinkId | null
    },
    now: Instant,
  ): MessageId | null {
    const id = this.#parts.randomId()
    const { target, range, bucket, slot } = lookup
    const frame: LookupFrame = {
      kind: 'lookup',
      hopLimit: LOOKUP_HOP_LIMIT,
      hops: 0,
      attempt: 0,
      viaBootstrap: false,
      id,
      target,
      requester: this.#config.self,
      bucketMin: range.bucketMin,
      bucketMax: range.bucketMax,
      slot,
    }
    const first = lookup.first ?? this.#firstHop(target)
    if (first === null) return null
    evictOldest(this.#pending, PENDING_MAX)
    this.#pending.set(id, { range, bucket, startedAt: now })
    this.#parts.requests.expectOffer(id, now)
    this.counters.started++
    this.#parts.router.originate(frame, first, now)
    return id
  }

  // A lookup of our own may start with any link: the closest to the key, even if we are closer ourselves.
  #firstHop(target: Key): LinkId | null {
    return this.#parts.router.firstHops(target as PeerId)[0]?.link ?? null
  }
}

function only(bucket: number): BucketRange {
  return { bucketMin: bucket, bucketMax: bucket }
}
