/**
 * What one source of broadcasts may have us carry, over all trees together. Who goes over its rate is not heard at all until
 * it has been nearly silent for a while: its first honest neighbours then carry nothing of a flood. Carried in part it would be more
 * harm than its payloads are: what one peer has carried and the next one not, all would ask each other for, and grow the
 * tree to where it is (60 peers: the others' messages came after 1.2 s at the 99th percentile, 0.2 s without the flood).
 */

import { RecentMap } from './bounded.ts'
import { type Bucket, type Rate, createBucket, take } from './budget.ts'
import type { Instant, PeerId } from './ids.ts'
import type { Verified } from './io.ts'

/** Guess: a chat is 1/s, a game 30/s. At once as much as comes of `OWN_FRAMES` when a link has stood still until it counts as late. */
export const SOURCE_FRAMES: Rate = { perSecond: 200, burst: 400 }
/** What a peer sends itself. */
export const OWN_FRAMES: Rate = { perSecond: 100, burst: 100 }
/**
 * And of who is muted: what a link sees of a flood that nobody passes on is what its source divides among 48 links. With
 * the whole rate a flood of ten times as much came back every 11 s, at all peers at once (250 peers).
 */
const QUIET: Rate = { perSecond: 4, burst: 4 }
const SOURCES_KEEP_MS = 120_000
/** So long it must have kept that (guess). With 10 s peers far away, which hear nothing of a muted flood, carried it again. */
const MUTE_MS = 30_000
const SOURCES_MAX = 4_096

/**
 * What comes late, because we were away or cut off and asked for it: as much as a neighbour keeps of it. Ten seconds of
 * a game at once are no flood.
 */
const LATE_FRAMES: Rate = { perSecond: 200, burst: 1_024 }
/** Trees are slower than that only while they mend (guess). */
const LATE_MS = 3_000

type Signed = Pick<Verified, 'source' | 'signedAt'>

interface Source {
  readonly bucket: Bucket
  /** Null: nothing has come late. */
  late: Bucket | null
  /** When it went over its rate last; −∞: never. */
  overAt: number
  /** How old its messages were at least, in ms: how much its clock is behind ours. Negative if it is ahead. */
  lagMs: number
}

export class SourceBudgets {
  readonly #rate: Rate
  /** Null before the first broadcast of another peer. */
  #sources: RecentMap<PeerId, Source> | null = null

  constructor(rate: Rate = SOURCE_FRAMES) {
    this.#rate = rate
  }

  get collections(): Record<string, { size: number; max: number }> {
    return { broadcastSources: { size: this.#sources?.size ?? 0, max: SOURCES_MAX } }
  }

  /**
   * May it have been delivered before and be forgotten? `forgotAt`: what came before then may be. Of a source that we do not
   * know the clock is taken to be right.
   */
  isStale({ source, signedAt }: Signed, forgotAt: number): boolean {
    return signedAt + (this.#sources?.get(source)?.lagMs ?? 0) < forgotAt
  }

  /** One more message of that source. False: it is over its rate, or was lately. */
  afford({ source, signedAt }: Signed, now: Instant): boolean {
    this.#sources ??= new RecentMap({ max: SOURCES_MAX, keepMs: SOURCES_KEEP_MS })
    const ageMs = now - signedAt
    const known = this.#sources.get(source) ?? createSource(this.#rate, ageMs, now)
    known.lagMs = Math.min(known.lagMs, ageMs)
    // By a clock that is ahead nothing is late, but for what earlier messages say of it; that it is behind, a late one cannot tell.
    const isLate = ageMs - Math.min(0, known.lagMs) >= LATE_MS
    const isWithin = this.#take(known, isLate, now)
    // Anybody can replay what a source said a while ago: that is not carried, and says nothing of the source.
    if (!isWithin && !isLate) known.overAt = now
    // Anew, or who floods for minutes would be forgotten, and begin again.
    this.#sources.set(source, known, now)
    return isWithin && !isMuted(known, now)
  }

  tick(now: Instant): void {
    this.#sources?.rotate(now)
  }

  #take(source: Source, isLate: boolean, now: Instant): boolean {
    if (isLate) return take((source.late ??= createBucket(LATE_FRAMES, now)), LATE_FRAMES, { amount: 1, now })
    return take(source.bucket, isMuted(source, now) ? QUIET : this.#rate, { amount: 1, now })
  }
}

function createSource(rate: Rate, lagMs: number, now: Instant): Source {
  return { bucket: createBucket(rate, now), late: null, overAt: -Infinity, lagMs }
}

const isMuted = ({ overAt }: Source, now: Instant): boolean => now - overAt < MUTE_MS
