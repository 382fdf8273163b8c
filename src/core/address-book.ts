/**
 * Peers that we have heard of: HyParView's passive view (Leitão 2007), exchanged by id and never by link. An entry is a
 * hint, worth nothing until a link to it has proven its id. It remembers through which neighbour we heard of it: that
 * neighbour has a link to it, so an offer sent that way arrives even while routing does not know the peer yet.
 * Peers declared dead are tombstoned, so that late gossip cannot revive them.
 */

import { RecentMap, evictOldest } from './bounded.ts'
import type { Instant, PeerId } from './ids.ts'

/** DESIGN §5. */
export const ADDRESS_BOOK_MAX = 256
/** DESIGN §5: 30 s. */
export const TOMBSTONE_MS = 30_000
const TOMBSTONES_MAX = 1_024
/** First pause after a refusal or failure, doubling to the greatest (guess). */
const RETRY_MS = 2_000
const RETRY_MAX_MS = 60_000
const FAILURES_MAX = 6

export interface Address {
  /** The neighbour that named it last; null: ourselves, by a link or an offer. */
  via: PeerId | null
  failures: number
  /** Not to be dialled before. */
  retryAt: number
}

export class AddressBook {
  readonly #self: PeerId
  readonly #entries = new Map<PeerId, Address>()
  readonly #tombstones = new RecentMap<PeerId, Instant>({ max: TOMBSTONES_MAX, keepMs: TOMBSTONE_MS })

  constructor(self: PeerId) {
    this.#self = self
  }

  get size(): number {
    return this.#entries.size
  }

  get collections(): Record<string, { size: number; max: number }> {
    return {
      addressBook: { size: this.#entries.size, max: ADDRESS_BOOK_MAX },
      tombstones: { size: this.#tombstones.size, max: TOMBSTONES_MAX },
    }
  }

  get(peer: PeerId): Address | undefined {
    return this.#entries.get(peer)
  }

  /** Heard of by gossip. True: news. */
  learn(peer: PeerId, via: PeerId, now: Instant): boolean {
    if (peer === this.#self || this.isBuried(peer, now)) return false
    const known = this.#entries.get(peer)
    if (known !== undefined) {
      known.via = via
      return false
    }
    evictOldest(this.#entries, ADDRESS_BOOK_MAX)
    this.#entries.set(peer, { via, failures: 0, retryAt: 0 })
    return true
  }

  /** It is there: a link stands, or it made us an offer. */
  met(peer: PeerId): void {
    const via = this.#entries.get(peer)?.via ?? null
    this.#entries.delete(peer)
    this.#tombstones.delete(peer)
    evictOldest(this.#entries, ADDRESS_BOOK_MAX)
    this.#entries.set(peer, { via, failures: 0, retryAt: 0 })
  }

  /** A dial came to nothing. After several, the peer is forgotten until somebody names it again. */
  failed(peer: PeerId, now: Instant, random: number): void {
    const entry = this.#entries.get(peer)
    if (entry === undefined) return
    entry.failures++
    if (entry.failures >= FAILURES_MAX) this.#entries.delete(peer)
    const pauseMs = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (entry.failures - 1))
    entry.retryAt = now + pauseMs * (0.75 + 0.5 * random)
  }

  /** No dial for a while, for reasons that are not the peer's fault. */
  rest(peer: PeerId, until: number): void {
    const entry = this.#entries.get(peer)
    if (entry !== undefined) entry.retryAt = until
  }

  /** Declared dead, or gone for good. */
  bury(peer: PeerId, now: Instant): void {
    this.#entries.delete(peer)
    this.#tombstones.set(peer, now, now)
  }

  isBuried(peer: PeerId, now: Instant): boolean {
    const buriedAt = this.#tombstones.get(peer)
    return buriedAt !== undefined && now - buriedAt < TOMBSTONE_MS
  }

  /** Ids that may be dialled now, in the order they were learnt. */
  dialable(now: Instant): PeerId[] {
    const peers: PeerId[] = []
    for (const [peer, entry] of this.#entries) if (entry.retryAt <= now) peers.push(peer)
    return peers
  }

  peers(): IterableIterator<PeerId> {
    return this.#entries.keys()
  }
}
