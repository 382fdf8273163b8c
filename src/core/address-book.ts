/**
 * Peers that we have heard of and have no link to: HyParView's passive view (Leitão 2007), exchanged by id and never by
 * link. An entry is a hint, worth nothing until a link to it has proven its id. It remembers through which neighbour we
 * heard of it: that neighbour has a link to it, so an offer sent that way arrives even while routing does not know the
 * peer yet. Peers declared dead are tombstoned, so that late gossip cannot revive them.
 *
 * Upkeep walks all entries, in a storm many times a second, so they lie in columns of numbers: in a simulation of
 * thousands nothing is in the cache, and an object for each entry cost ten times the time and twice the memory.
 */

import { RecentMap, evictOldest } from './bounded.ts'
import { type Geometry, pointOf } from './geometry.ts'
import type { Instant, PeerId, Point } from './ids.ts'

/** DESIGN §5. */
export const ADDRESS_BOOK_MAX = 256
/** DESIGN §5: 30 s. */
export const TOMBSTONE_MS = 30_000
const TOMBSTONES_MAX = 1_024
/** First pause after a refusal or failure, doubling to the greatest (guess). */
const RETRY_MS = 2_000
const RETRY_MAX_MS = 60_000
const FAILURES_MAX = 6
/** Peers that went without a word, remembered to be asked for (REFERENCE §3: at least 32 ids), and how often (guess: 10 minutes). */
const MISSED_MAX = 32
const PROBES_MAX = 10
/** From this age on, an entry of a full book gives way to anybody (guess). */
const STALE_MS = 120_000
/** Room that an empty book has; it doubles as needed. */
const ROOM_AT_FIRST = 32

/** Could a peer there fill a place that we seek somebody for? */
export type Interest = (point: Point, bucket: number) => boolean

export interface Address {
  /** The neighbour that named it last; null: ourselves, by a link or an offer. */
  readonly via: PeerId | null
  readonly failures: number
  /** Not to be dialled before. */
  readonly retryAt: number
}

export class AddressBook {
  /** Counts changes of who is in it. */
  version = 0
  readonly #self: PeerId
  readonly #geometry: Geometry
  readonly #peers: PeerId[] = []
  readonly #vias: (PeerId | null)[] = []
  #points = new Float64Array(ROOM_AT_FIRST)
  #retryAt = new Float64Array(ROOM_AT_FIRST)
  #learntAt = new Float64Array(ROOM_AT_FIRST)
  #buckets = new Uint8Array(ROOM_AT_FIRST)
  #failures = new Uint8Array(ROOM_AT_FIRST)
  #hasRoom = new Uint8Array(ROOM_AT_FIRST)
  /** No entry is older than this; looking for the oldest walks all of them. */
  #oldestSince = 0
  readonly #tombstones = new RecentMap<PeerId, Instant>({ max: TOMBSTONES_MAX, keepMs: TOMBSTONE_MS })

  /** Who went without a word, and how often it is still asked for. */
  readonly #missed = new Map<PeerId, number>()

  constructor(self: PeerId, geometry: Geometry) {
    this.#self = self
    this.#geometry = geometry
  }

  /** Entries are numbered 0…size−1; a number holds until the next change. */
  get size(): number {
    return this.#peers.length
  }

  get collections(): Record<string, { size: number; max: number }> {
    return {
      addressBook: { size: this.size, max: ADDRESS_BOOK_MAX },
      tombstones: { size: this.#tombstones.size, max: TOMBSTONES_MAX },
      missed: { size: this.#missed.size, max: MISSED_MAX },
    }
  }

  peers(): readonly PeerId[] {
    return this.#peers
  }

  peerAt(number: number): PeerId {
    return this.#peers[number] as PeerId
  }

  pointAt(number: number): Point {
    return this.#points[number] as Point
  }

  bucketAt(number: number): number {
    return this.#buckets[number] as number
  }

  /** It is said to have room for another link. */
  hasRoomAt(number: number): boolean {
    return this.#hasRoom[number] === 1
  }

  isDialable(number: number, now: Instant): boolean {
    return (this.#retryAt[number] as number) <= now
  }

  get(peer: PeerId): Address | undefined {
    const at = this.#find(peer)
    if (at === undefined) return undefined
    const [via, failures, retryAt] = [this.#vias[at] ?? null, this.#failures[at] as number, this.#retryAt[at] as number]
    return { via, failures, retryAt }
  }

  /**
   * Heard of by gossip. True: news that `isInteresting`. A full book takes what is not only in the place of an entry that
   * is stale: in a large mesh it would change from one end to the other every few seconds, to no purpose.
   */
  learn(
    peer: PeerId,
    by: {
      readonly via: PeerId
      readonly hasRoom: boolean
      readonly now: Instant
      readonly isInteresting: Interest
    },
  ): boolean {
    const { via, hasRoom, now } = by
    const known = this.#find(peer)
    if (known !== undefined) {
      this.#vias[known] = via
      this.#hasRoom[known] = hasRoom ? 1 : 0
      return false
    }
    if (peer === this.#self || this.isBuried(peer, now)) return false
    const bucket = this.#geometry.bucketOf(this.#self, peer)
    const point = pointOf(peer)
    const isInteresting = by.isInteresting(point, bucket)
    if (isInteresting || !this.#isFullOfFresh(now)) this.#append({ peer, point, bucket, via, hasRoom }, now)
    return isInteresting
  }

  /** It is there: a link to it stood until now, or it made us an offer. */
  met(peer: PeerId, now: Instant): void {
    this.#tombstones.delete(peer)
    if (peer === this.#self) return
    const via = this.get(peer)?.via ?? null
    this.remove(peer)
    const bucket = this.#geometry.bucketOf(this.#self, peer)
    this.#append({ peer, point: pointOf(peer), bucket, via, hasRoom: true }, now)
  }

  /** A link to it stands, so it belongs among the neighbours. */
  remove(peer: PeerId): void {
    const at = this.#find(peer)
    if (at === undefined) return
    this.version++
    const last = this.#peers.pop() as PeerId
    const via = this.#vias.pop() as PeerId | null
    if (last === peer) return
    const from = this.#peers.length
    this.#peers[at] = last
    this.#vias[at] = via
    for (const column of [this.#points, this.#retryAt, this.#learntAt, this.#buckets, this.#failures, this.#hasRoom])
      column[at] = column[from] as number
  }

  /** A dial came to nothing. After several, the peer is forgotten until somebody names it again. */
  failed(peer: PeerId, now: Instant, random: number): void {
    const at = this.#find(peer)
    if (at === undefined) return
    const failures = (this.#failures[at] as number) + 1
    this.#failures[at] = failures
    this.#hasRoom[at] = 0
    const pauseMs = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (failures - 1))
    this.#retryAt[at] = now + pauseMs * (0.75 + 0.5 * random)
    if (failures >= FAILURES_MAX) this.remove(peer)
  }

  /** No dial for a while, for reasons that are not the peer's fault. */
  rest(peer: PeerId, until: number): void {
    const at = this.#find(peer)
    if (at !== undefined) this.#retryAt[at] = until
  }

  /** Declared dead, or gone for good. `isMissed`: it said no goodbye, so it may be alive behind a broken network. */
  bury(peer: PeerId, { isMissed, now }: { readonly isMissed: boolean; readonly now: Instant }): void {
    this.remove(peer)
    this.#tombstones.set(peer, now, now)
    if (!isMissed) return
    evictOldest(this.#missed, MISSED_MAX)
    this.#missed.set(peer, PROBES_MAX)
  }

  /**
   * Somebody who went without a word, out of the grave: after a partition the way to the other side leads over those
   * whom each side thinks dead (ring unification, Shafaat, Ghodsi & Haridi 2007). Each is named a few times, then forgotten.
   */
  missed(random: number, now: Instant): PeerId | null {
    const rested = [...this.#missed.keys()].filter((peer) => !this.isBuried(peer, now))
    const peer = rested[Math.floor(random * rested.length)]
    if (peer === undefined) return null
    const left = (this.#missed.get(peer) ?? 0) - 1
    this.#missed.delete(peer)
    if (left > 0) this.#missed.set(peer, left)
    return peer
  }

  /** A sign of life by the peer itself: an offer. */
  exhume(peer: PeerId): void {
    this.#tombstones.delete(peer)
    this.#missed.delete(peer)
  }

  isBuried(peer: PeerId, now: Instant): boolean {
    const buriedAt = this.#tombstones.get(peer)
    return buriedAt !== undefined && now - buriedAt < TOMBSTONE_MS
  }

  #append(
    entry: {
      readonly peer: PeerId
      readonly point: Point
      readonly bucket: number
      readonly via: PeerId | null
      readonly hasRoom: boolean
    },
    now: Instant,
  ): void {
    if (this.size >= ADDRESS_BOOK_MAX) this.remove(this.peerAt(this.#oldest()))
    this.version++
    const at = this.size
    if (at === this.#points.length) this.#grow()
    this.#peers.push(entry.peer)
    this.#vias.push(entry.via)
    this.#points[at] = entry.point
    this.#buckets[at] = entry.bucket
    this.#retryAt[at] = 0
    this.#failures[at] = 0
    this.#hasRoom[at] = entry.hasRoom ? 1 : 0
    this.#learntAt[at] = now
  }

  /** A walk over 2 KB of numbers: with a Map, which takes 14, thousands of simulated peers are no faster. */
  #find(peer: PeerId): number | undefined {
    const point = pointOf(peer)
    for (let i = 0; i < this.size; i++) if (this.#points[i] === point && this.#peers[i] === peer) return i
    return undefined
  }

  #isFullOfFresh(now: Instant): boolean {
    if (this.size < ADDRESS_BOOK_MAX) return false
    if (now - this.#oldestSince >= STALE_MS) this.#oldestSince = this.#learntAt[this.#oldest()] as number
    return now - this.#oldestSince < STALE_MS
  }

  #oldest(): number {
    let oldest = 0
    for (let i = 1; i < this.size; i++) {
      if ((this.#learntAt[i] as number) < (this.#learntAt[oldest] as number)) oldest = i
    }
    return oldest
  }

  #grow(): void {
    const room = this.#points.length * 2
    this.#points = grown(new Float64Array(room), this.#points)
    this.#retryAt = grown(new Float64Array(room), this.#retryAt)
    this.#learntAt = grown(new Float64Array(room), this.#learntAt)
    this.#buckets = grown(new Uint8Array(room), this.#buckets)
    this.#failures = grown(new Uint8Array(room), this.#failures)
    this.#hasRoom = grown(new Uint8Array(room), this.#hasRoom)
  }
}

function grown<Column extends { set(from: Column): void }>(to: Column, from: Column): Column {
  to.set(from)
  return to
}
