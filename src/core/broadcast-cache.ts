/**
 * What a broadcast tree remembers: the ids that it has seen, for longer than a signature lives, and the frames
 * themselves for as long as somebody may still ask for them. Both are bounded; a full window forgets its older half, a
 * full cache its oldest frames. Nothing is kept before the first broadcast: most of a hundred thousand simulated peers
 * never see one.
 */

import { RecentMap } from './bounded.ts'
import type { BroadcastFrame } from './frames.ts'
import type { Instant, LinkId, MessageId } from './ids.ts'

/** Ids remembered for at least 2 minutes (REFERENCE §8: 16,384): a signature is accepted for 90 s, and 30 s early. */
const SEEN_MAX = 16_384
const SEEN_KEEP_MS = 120_000
/** Frames kept for those who missed them: ten seconds of 100 messages a second. */
const FRAMES_MAX = 1_024
/** Their bodies together (guess: what a browser tab can spare). A body may hold on to the transport message it came in. */
const BYTES_MAX = 4 * 1024 * 1024
/** A peer that slept or was cut off for a minute gets what it missed; half a minute later its signature would be refused. */
const KEEP_MS = 60_000

/** A message as it came first. */
export interface Held {
  readonly frame: BroadcastFrame
  /** The link it came on; null: our own. */
  readonly from: LinkId | null
  readonly at: Instant
}

/** Ids that were refused for their source's rate: apart, or who floods would make us forget what we have delivered. */
const REFUSED_MAX = 4_096

export interface CacheLimits {
  readonly seenMax: number
  readonly framesMax: number
  readonly bytesMax: number
}

const CACHE_DEFAULTS: CacheLimits = { seenMax: SEEN_MAX, framesMax: FRAMES_MAX, bytesMax: BYTES_MAX }

export class BroadcastCache {
  readonly #limits: CacheLimits
  readonly #seen: RecentMap<MessageId, true>
  readonly #refused = new RecentMap<MessageId, true>({ max: REFUSED_MAX, keepMs: SEEN_KEEP_MS })
  /** Oldest first. */
  readonly #held = new Map<MessageId, Held>()
  #bytes = 0

  constructor(limits: Partial<CacheLimits> = {}) {
    this.#limits = { ...CACHE_DEFAULTS, ...limits }
    this.#seen = new RecentMap({ max: this.#limits.seenMax, keepMs: SEEN_KEEP_MS })
  }

  get collections(): Record<string, { size: number; max: number }> {
    return {
      broadcastSeen: { size: this.#seen.size, max: this.#seen.max },
      broadcastRefused: { size: this.#refused.size, max: this.#refused.max },
      broadcastCache: { size: this.#held.size, max: this.#limits.framesMax },
      broadcastCacheBytes: { size: this.#bytes, max: this.#limits.bytesMax },
    }
  }

  /** What was signed before may have been seen and forgotten, because too much came since; −∞: nothing has. */
  get forgotAt(): number {
    return this.#seen.forgotAt
  }

  get isEmpty(): boolean {
    return this.#held.size === 0
  }

  has(id: MessageId): boolean {
    return this.#seen.has(id) || this.#refused.has(id)
  }

  get(id: MessageId): Held | undefined {
    return this.#held.get(id)
  }

  /** Seen, but not delivered nor to be passed on. */
  refuse(id: MessageId, now: Instant): void {
    this.#refused.set(id, true, now)
  }

  keep(frame: BroadcastFrame, from: LinkId | null, now: Instant): void {
    this.#seen.set(frame.id, true, now)
    this.#held.set(frame.id, { frame, from, at: now })
    this.#bytes += frame.body.byteLength
    this.#evict(now)
  }

  /** Newest first. */
  newest(max: number): [MessageId, Held][] {
    return [...this.#held].slice(-max).reverse()
  }

  tick(now: Instant): void {
    this.#seen.rotate(now)
    this.#refused.rotate(now)
    this.#evict(now)
  }

  #evict(now: Instant): void {
    const { framesMax, bytesMax } = this.#limits
    for (const [id, { frame, at }] of this.#held) {
      if (this.#held.size <= framesMax && this.#bytes <= bytesMax && now - at < KEEP_MS) return
      this.#held.delete(id)
      this.#bytes -= frame.body.byteLength
    }
  }
}
