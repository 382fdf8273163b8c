/**
 * Token buckets: what a link may ask us to carry for others (DESIGN §4). A bucket holds up to one `burst` and refills
 * at `perSecond`; a frame that finds it empty is refused and counted, never queued.
 */

import type { Instant } from './ids.ts'

export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

export interface Bucket {
  level: number
  filledAt: number
}

/** A full bucket. */
export function createBucket(rate: Rate, now: Instant): Bucket {
  return { level: rate.burst, filledAt: now }
}

/** Takes `amount` if it is there. */
export function take(bucket: Bucket, rate: Rate, use: { readonly amount: number; readonly now: Instant }): boolean {
  refill(bucket, rate, use.now)
  if (bucket.level < use.amount) return false
  bucket.level -= use.amount
  return true
}

function refill(bucket: Bucket, rate: Rate, now: Instant): void {
  const elapsedMs = now - bucket.filledAt
  if (elapsedMs === 0) return
  bucket.filledAt = now
  // A clock that was set back.
  if (elapsedMs < 0) return
  bucket.level = Math.min(rate.burst, bucket.level + (elapsedMs * rate.perSecond) / 1000)
}
