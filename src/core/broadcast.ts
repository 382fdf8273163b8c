/**
 * Broadcast: every peer gets it once. This first version floods: a frame that passes verification goes on over all
 * links but those it came from. Signatures are checked before anything is forwarded, and an id counts as seen only
 * then: a forged copy that arrives first cannot crowd out the true one, because other copies wait beside it. Epidemic
 * broadcast trees (Plumtree) will take this file's place behind the same interface.
 */

import { RecentMap } from './bounded.ts'
import { type Bucket, type Rate, createBucket, take } from './budget.ts'
import { type Body, type BroadcastFrame, type Frame, HOP_LIMIT_MAX } from './frames.ts'
import type { Instant, LinkId, MessageId, NetworkId, PeerId } from './ids.ts'
import type { VerifyJob } from './io.ts'
import type { Route } from './router.ts'

export interface BroadcastConfig {
  readonly self: PeerId
  readonly network: NetworkId
  /** Ids remembered for at least 2 minutes, longer than a signature lives (REFERENCE §8: 16,384). */
  readonly seenMax: number
  /** Broadcasts being verified at once; more are dropped and counted (guess). */
  readonly pendingMax: number
  /** What one source may have us carry (guess: a chat is 1/s, a game 30/s). */
  readonly sourceFrames: Rate
}

export const BROADCAST_DEFAULTS = {
  seenMax: 16_384,
  pendingMax: 1_024,
  sourceFrames: { perSecond: 200, burst: 1_000 },
} as const
const SEEN_KEEP_MS = 120_000
/** Copies of one unverified broadcast, from different links: one of the first few neighbours is honest. */
const COPIES_MAX = 4
const SOURCES_MAX = 4_096

export interface BroadcastHooks {
  send(link: LinkId, frame: Frame): void
  verify(job: VerifyJob): void
  /** Links of the mesh to flood over. */
  links(): Iterable<Route>
  deliver(source: PeerId, payload: Body, hops: number): void
}

export interface BroadcastCounters {
  delivered: number
  sent: number
  duplicates: number
  refused: number
  overflow: number
  overRate: number
}

interface Pending {
  /** Copies in the order they came; the first one is being verified. */
  readonly copies: { readonly link: LinkId; readonly frame: BroadcastFrame }[]
  /** Links that hold the message already and need no copy from us. */
  readonly holders: LinkId[]
}

export class Broadcast {
  readonly counters: BroadcastCounters = { delivered: 0, sent: 0, duplicates: 0, refused: 0, overflow: 0, overRate: 0 }
  readonly #config: BroadcastConfig
  readonly #hooks: BroadcastHooks
  readonly #seen: RecentMap<MessageId, true>
  readonly #pending = new Map<MessageId, Pending>()
  readonly #sources: RecentMap<PeerId, Bucket>

  constructor(config: BroadcastConfig, hooks: BroadcastHooks) {
    this.#config = config
    this.#hooks = hooks
    this.#seen = new RecentMap({ max: config.seenMax, keepMs: SEEN_KEEP_MS })
    this.#sources = new RecentMap({ max: SOURCES_MAX, keepMs: SEEN_KEEP_MS })
  }

  get collections(): Record<string, { size: number; max: number }> {
    return {
      broadcastSeen: { size: this.#seen.size, max: this.#seen.max },
      broadcastPending: { size: this.#pending.size, max: this.#config.pendingMax },
      broadcastSources: { size: this.#sources.size, max: this.#sources.max },
    }
  }

  tick(now: Instant): void {
    this.#seen.rotate(now)
    this.#sources.rotate(now)
  }

  /** Sends a signed broadcast of our own to every neighbour. */
  originate(id: MessageId, body: Body, now: Instant): void {
    this.#seen.set(id, true, now)
    this.#flood({ kind: 'broadcast', hopLimit: HOP_LIMIT_MAX, hops: 0, id, target: this.#config.network, body }, [])
  }

  onFrame(frame: BroadcastFrame, from: Route): void {
    if (this.#seen.has(frame.id)) {
      this.counters.duplicates++
      return
    }
    const pending = this.#pending.get(frame.id)
    if (pending !== undefined) this.#addCopy(pending, frame, from.link)
    else if (this.#pending.size >= this.#config.pendingMax) this.counters.overflow++
    else this.#startVerifying(frame, from.link)
  }

  onVerified(result: { readonly id: MessageId; readonly source: PeerId; readonly payload: Body }, now: Instant): void {
    const pending = this.#pending.get(result.id)
    const first = pending?.copies[0]
    if (pending === undefined || first === undefined) return
    this.#pending.delete(result.id)
    this.#seen.set(result.id, true, now)
    if (result.source === this.#config.self) return
    if (!this.#affordSource(result.source, now)) {
      this.counters.overRate++
      return
    }
    this.counters.delivered++
    this.#hooks.deliver(result.source, result.payload, first.frame.hops)
    this.#flood(first.frame, pending.holders)
  }

  /** The copy under test is forged, stale or of another network: try the next one. */
  onRefused(id: MessageId): void {
    this.counters.refused++
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    pending.copies.shift()
    const next = pending.copies[0]
    if (next === undefined) this.#pending.delete(id)
    else this.#hooks.verify({ kind: 'verify', id, link: next.link, body: next.frame.body })
  }

  #startVerifying(frame: BroadcastFrame, link: LinkId): void {
    this.#pending.set(frame.id, { copies: [{ link, frame }], holders: [link] })
    this.#hooks.verify({ kind: 'verify', id: frame.id, link, body: frame.body })
  }

  #addCopy(pending: Pending, frame: BroadcastFrame, link: LinkId): void {
    this.counters.duplicates++
    if (pending.copies.length >= COPIES_MAX || pending.holders.includes(link)) return
    pending.copies.push({ link, frame })
    pending.holders.push(link)
  }

  #affordSource(source: PeerId, now: Instant): boolean {
    let bucket = this.#sources.get(source)
    if (bucket === undefined) {
      bucket = createBucket(this.#config.sourceFrames, now)
      this.#sources.set(source, bucket, now)
    }
    return take(bucket, this.#config.sourceFrames, { amount: 1, now })
  }

  #flood(frame: BroadcastFrame, holders: readonly LinkId[]): void {
    if (frame.hopLimit === 0) return
    const { hopLimit, hops, id, target, body } = frame
    const copy: BroadcastFrame = { kind: 'broadcast', hopLimit: hopLimit - 1, hops: hops + 1, id, target, body }
    for (const route of this.#hooks.links()) {
      if (route.carrier < 0 || holders.includes(route.link)) continue
      this.counters.sent++
      this.#hooks.send(route.link, copy)
    }
  }
}
