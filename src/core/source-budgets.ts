/**
 * What one source of broadcasts may have us carry, over all trees together: who floods is contained at its first honest
 * neighbours, whichever topics it spreads its flood over.
 */

import { RecentMap } from './bounded.ts'
import { type Bucket, type Rate, createBucket, take } from './budget.ts'
import type { Instant, PeerId } from './ids.ts'

/** Guess: a chat is 1/s, a game 30/s. */
export const SOURCE_FRAMES: Rate = { perSecond: 200, burst: 400 }
const SOURCES_KEEP_MS = 120_000
const SOURCES_MAX = 4_096

export class SourceBudgets {
  readonly #rate: Rate
  /** Null before the first broadcast of another peer. */
  #sources: RecentMap<PeerId, Bucket> | null = null

  constructor(rate: Rate = SOURCE_FRAMES) {
    this.#rate = rate
  }

  get collections(): Record<string, { size: number; max: number }> {
    return { broadcastSources: { size: this.#sources?.size ?? 0, max: SOURCES_MAX } }
  }

  /** One more message of that source. False: it has had its share. */
  afford(source: PeerId, now: Instant): boolean {
    this.#sources ??= new RecentMap({ max: SOURCES_MAX, keepMs: SOURCES_KEEP_MS })
    let bucket = this.#sources.get(source)
    if (bucket === undefined) {
      bucket = createBucket(this.#rate, now)
      this.#sources.set(source, bucket, now)
    }
    return take(bucket, this.#rate, { amount: 1, now })
  }

  tick(now: Instant): void {
    this.#sources?.rotate(now)
  }
}
