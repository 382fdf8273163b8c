/**
 * What is missing, and asking for it (DESIGN §5): ring neighbours first, then one peer for every bucket, then a few at
 * random. Ring neighbours and random ones come from the address book; bucket links too, else from a lookup that the right
 * peer answers with an offer. Everything is looked over when something has changed that may matter, again and again
 * while something is missing, and every 30 s in any case (Bamboo, USENIX 2004: never reactive only).
 */

import type { AddressBook } from './address-book.ts'
import { BucketSet } from './bucket-set.ts'
import type { Slot } from './frames.ts'
import { RingArc, pointOf } from './geometry.ts'
import type { Instant, MessageId, PeerId, Point } from './ids.ts'
import type { Io } from './io.ts'
import type { Lookups } from './lookups.ts'
import type { NeighborTable } from './neighbor-table.ts'
import type { Room } from './room.ts'
import { PROBE_EFFORT } from './exchange.ts'
import type { Signaling } from './signaling.ts'
import { estimateSize } from './slots.ts'

export interface RepairParts {
  readonly table: NeighborTable
  readonly book: AddressBook
  readonly room: Room
  readonly signaling: Signaling
  readonly lookups: Lookups
  readonly io: Pick<Io, 'schedule'>
  /** 0 ≤ x < 1. */
  readonly unit: () => number
  /** Our neighbours' places have just been decided anew. */
  readonly placed: () => void
}

/** Dials of our own at once; the rest of the exchanges are for others' offers (guess). */
const DIALS_MAX = 4
/** Changes within this many ms are seen to together: a newcomer hears of dozens of peers at once (guess). */
const MAINTAIN_MS = 30
/** While much happens, upkeep rests this long in between (guess). */
const MAINTAIN_GAP_MS = 200
/** While something is missing it is sought again after this long, twice as long whenever nothing came of it (guess). */
const WANT_MS = 1_000
const WANT_MAX_MS = 8_000
/** DESIGN §5: audit every 30 s. */
const AUDIT_MS = 30_000
/**
 * A newcomer asks for random links when it has been in for so long: by then others have come to it of their own accord,
 * and every link that nobody needs costs an offer over several hops (guess; simulated, 2,000 peers: a sixth of all dials).
 */
const YOUNG_MS = 8_000
/**
 * So many links besides a whole ring can wait. Who has fewer asks at once, or two crashes may leave it alone (seed 5 of
 * test/sim/rival: two links at a cap of eight, eight of 24 peers lost, no bootstrap).
 */
const ENOUGH = 4
/** REFERENCE §3: dead ids are asked for every 60 s. */
const PROBE_MS = 60_000
/** The estimate of the mesh's size walks the address book. */
const ESTIMATE_KEEP_MS = 1_000
/** A bucket that should hold this many peers and has none is no accident: e^-8 (guess at how sure to be). */
const SUSPICIOUS_PEERS = 8
/** Ring density is read off so many ids on either side (simulated, 1,000 peers: relative error 0.26; with 4 of them 0.52). */
const ESTIMATE_SIDE = 8

/** What one walk over neighbours, running exchanges and address book finds. */
interface Survey {
  /** Neighbours, those under way, and the best candidates. */
  readonly arc: RingArc
  /** Buckets that somebody is in or on the way to. */
  readonly filled: BucketSet
  /** Peers that a link is under way to. */
  readonly pending: Set<PeerId>
  /** Somebody may belong on our ring whom we may not dial yet. */
  readonly isHeldUp: boolean
}

export class Repair {
  readonly counters = { dials: 0 }
  readonly #parts: RepairParts
  #isDirty = true
  #isScheduled = false
  #isWanting = true
  #wantMs = WANT_MS
  #probeAt = 0
  /** When we last had no neighbour. */
  #linkedAt = 0
  #isRingWhole = false
  #wantsRandom = true
  /** Ours for anybody at all. */
  #lookup: MessageId | null = null
  #maintainedAt = 0
  #estimatedAt = 0
  #sizeEstimate = 1
  /** The versions of neighbours and address book that it was made from. */
  #estimateOf = 0
  #bucketCount = 0
  #survey: Survey | null = null

  constructor(parts: RepairParts) {
    this.#parts = parts
  }

  /** Something has changed that may matter: see to it soon, together with whatever else comes by then. */
  soon(now: Instant): void {
    this.#isDirty = true
    if (this.#isScheduled) return
    this.#isScheduled = true
    const delayMs = Math.max(MAINTAIN_MS, this.#maintainedAt + MAINTAIN_GAP_MS - now)
    this.#parts.io.schedule({ kind: 'maintain' }, delayMs)
  }

  /** At the next tick is soon enough. */
  later(): void {
    this.#isDirty = true
  }

  /** Could a peer there fill a place that we seek somebody for? */
  isInteresting(point: Point, bucket: number): boolean {
    const survey = this.#survey
    if (survey === null || this.#wantsRandom || survey.arc.wouldKeep(point)) return true
    return bucket < this.#bucketCount && !survey.filled.has(bucket)
  }

  tick(now: Instant): void {
    if (now >= this.#probeAt) this.#probe(now)
    // Who misses nothing looks over everything only now and then; the rest is told by events.
    const waitMs = this.#isWanting ? this.#wantMs : AUDIT_MS
    if (now - this.#maintainedAt >= waitMs) this.#isDirty = true
    this.#maintain(now)
  }

  /** Asks for somebody who went without a word: an offer that arrives is the first bridge to what we were parted from. */
  #probe(now: Instant): void {
    const { table, book, signaling, room, unit } = this.#parts
    const isFirst = this.#probeAt === 0
    this.#probeAt = now + PROBE_MS * (0.5 + unit())
    if (isFirst || table.size === 0 || !room.holds('random')) return
    const peer = book.missed(unit(), now)
    if (peer !== null && !table.has(peer) && signaling.linkTo(peer) === undefined)
      signaling.offerLink(peer, 'random', { via: null, effort: PROBE_EFFORT }, now)
  }

  /** The timer that `soon` has set. */
  onTimer(now: Instant): void {
    this.#isScheduled = false
    this.#maintain(now)
  }

  #maintain(now: Instant): void {
    if (!this.#isDirty) return
    this.#isDirty = false
    this.#maintainedAt = now
    const { table, signaling, placed } = this.#parts
    if (table.place()) placed()
    if (table.size === 0 || this.#linkedAt === 0) this.#linkedAt = now
    if (table.size === 0) return
    const survey = this.#look(now)
    this.#survey = survey
    const missing = this.#missing(survey)
    for (const peer of missing) if (!this.#dial(peer, 'ring', { survey, now })) break
    const hasAllBuckets = this.#fillBuckets(survey, now)
    this.#fillRandom(survey, now)
    this.#isRingWhole = missing.length === 0
    const hasAll = this.#isRingWhole && hasAllBuckets && !survey.isHeldUp
    this.#isWanting = !hasAll || this.#wantsRandom || this.#isShort(now)
    this.#wantMs = signaling.linksInFlight > 0 ? WANT_MS : Math.min(WANT_MAX_MS, 2 * this.#wantMs)
  }

  /** What the last upkeep found, or would find: newcomers are asked this at every turn until they are ready. */
  isRingWhole(now: Instant): boolean {
    if (this.#isScheduled) return false
    return this.#isDirty ? this.#missing(this.#look(now)).length === 0 : this.#isRingWhole
  }

  /** Estimated number of peers in the mesh, ourselves included. */
  sizeEstimate(): number {
    const { table, book } = this.#parts
    const arc = new RingArc(table.config.self, table.point, ESTIMATE_SIDE)
    for (const neighbor of table.all) arc.add(neighbor.peer, neighbor.point)
    for (let i = 0; i < book.size; i++) {
      const point = book.pointAt(i)
      if (arc.wouldKeep(point)) arc.add(book.peerAt(i), point)
    }
    return estimateSize(arc, table.size + book.size)
  }

  /**
   * The lowest bucket in which we have nobody although the density of the ring says that it should be well filled;
   * null if there is none. Peers that joined at the same time cluster around the first that let them in, so a mesh that
   * was split by accident is a sector of the key space: its ring looks whole from inside, and its low buckets are empty.
   */
  suspiciousBucket(now: Instant): number | null {
    const depth = Math.floor(Math.log2(this.#estimate(now) / SUSPICIOUS_PEERS))
    const filled = new BucketSet()
    for (const { bucket } of this.#parts.table.all) filled.add(bucket)
    for (let bucket = 0; bucket < depth; bucket++) if (!filled.has(bucket)) return bucket
    return null
  }

  #look(now: Instant): Survey {
    const { table, book, signaling } = this.#parts
    const { self, geometry } = table.config
    const arc = new RingArc(self, table.point, table.plan.ringSide)
    const filled = new BucketSet()
    const pending = new Set<PeerId>()
    for (const neighbor of table.all) {
      arc.add(neighbor.peer, neighbor.point)
      filled.add(neighbor.bucket)
    }
    for (const { remote } of signaling.links) {
      arc.add(remote, pointOf(remote))
      filled.add(geometry.bucketOf(self, remote))
      pending.add(remote)
    }
    let isHeldUp = false
    for (let i = 0; i < book.size; i++) {
      const point = book.pointAt(i)
      if (!arc.wouldKeep(point)) continue
      if (book.isDialable(i, now)) arc.add(book.peerAt(i), point)
      else isHeldUp = true
    }
    return { arc, filled, pending, isHeldUp }
  }

  /** Ring neighbours that we know of and have no link to, nearest first on both sides in turn. */
  #missing({ arc, pending }: Survey): PeerId[] {
    const missing = new Set<PeerId>()
    const { table } = this.#parts
    for (let i = 0; i < Math.max(arc.after.length, arc.before.length); i++) {
      for (const peer of [arc.after[i], arc.before[i]])
        if (peer !== undefined && !table.has(peer) && !pending.has(peer)) missing.add(peer)
    }
    return [...missing]
  }

  /** True: no bucket that should hold somebody is empty. */
  #fillBuckets(survey: Survey, now: Instant): boolean {
    const depth = this.#bucketsWanted(now)
    let missing = 0
    for (let bucket = 0; bucket < depth; bucket++) {
      if (survey.filled.has(bucket)) continue
      missing++
      const known = this.#pick(survey, bucket, now)
      if (known !== null) this.#dial(known, 'bucket', { survey, now })
      else if (this.#parts.room.couldHold('bucket')) this.#parts.lookups.refill(bucket, now)
    }
    return missing === 0
  }

  /**
   * Buckets below this should hold somebody whom the ring does not hold anyway: with s neighbours on either side it
   * covers the buckets of s peers and fewer, which lie right beside us, and lookups in those mostly find nobody.
   */
  #bucketsWanted(now: Instant): number {
    const { ringSide } = this.#parts.table.plan
    this.#bucketCount = Math.max(1, Math.ceil(Math.log2(this.#estimate(now) / ringSide)))
    return this.#bucketCount
  }

  /** `sizeEstimate` of this moment or a little before. */
  #estimate(now: Instant): number {
    if (now - this.#estimatedAt >= ESTIMATE_KEEP_MS) {
      this.#estimatedAt = now
      const version = this.#parts.table.version + this.#parts.book.version
      if (this.#estimateOf !== version) this.#sizeEstimate = this.sizeEstimate()
      this.#estimateOf = version
    }
    return this.#sizeEstimate
  }

  #fillRandom(survey: Survey, now: Instant): void {
    const { table, signaling, room } = this.#parts
    let held = 0
    for (const { slot } of table.all) if (slot === 'random' || slot === null) held++
    for (const { slot } of signaling.links) if (slot === 'random') held++
    const isExtra = held >= table.plan.randomMax && this.#isSmallMesh()
    this.#wantsRandom = (held < table.plan.randomMax || isExtra) && room.holds('random')
    const canWait = isExtra || table.size >= 2 * table.plan.ringSide + ENOUGH
    if (canWait && now - this.#linkedAt < YOUNG_MS) return
    // The rest of a small mesh comes one by one and behind all that is needed: 32 peers in one process have enough to do.
    const isBusy = isExtra && signaling.linksInFlight > 0
    const peer = this.#wantsRandom && !isBusy ? this.#pick(survey, null, now) : null
    if (peer !== null) this.#dial(peer, 'random', { survey, now })
    else if (this.#isShort(now)) this.#seekAnybody(now)
  }

  /**
   * All whom we know of fit below the cap: then we want them all. Whatever anybody says is one hop away from everybody, and
   * a broadcast needs no tree (25 peers, 100 messages a second: 24 payloads each instead of 34, none later than one hop).
   */
  #isSmallMesh(): boolean {
    const { table, book } = this.#parts
    return book.size > 0 && table.size + book.size <= table.plan.softMax
  }

  /**
   * Fewer links than every peer may keep, in a mesh that has them to give. A crash of four fifths leaves nobody to one in 45
   * of those that hold 17 links, as the least would otherwise, and to one in 520 of those that hold 28 (0.8^17, 0.8^28).
   */
  #isShort(now: Instant): boolean {
    const { table, room } = this.#parts
    const { softMax } = table.plan
    return table.size < softMax && room.holds('random') && this.#estimate(now) > 2 * softMax
  }

  /** By lookup: the first on the way to a random key that has room takes it, and who is short as well has most. */
  #seekAnybody(now: Instant): void {
    const { lookups } = this.#parts
    if (!lookups.isPending(this.#lookup)) this.#lookup = lookups.anybody('random', null, now)
  }

  /** Anybody in that bucket, or at all, who may be dialled now. */
  #pick({ pending }: Survey, bucket: number | null, now: Instant): PeerId | null {
    const { book, unit } = this.#parts
    // From a random entry on: those after a gap are favoured a little, which does no harm.
    const first = Math.floor(unit() * book.size)
    for (let i = 0; i < book.size; i++) {
      const number = first + i < book.size ? first + i : first + i - book.size
      if ((bucket !== null && book.bucketAt(number) !== bucket) || !book.hasRoomAt(number)) continue
      if (!book.isDialable(number, now)) continue
      const peer = book.peerAt(number)
      if (!pending.has(peer)) return peer
    }
    return null
  }

  /** False: no more dials for now. */
  #dial(peer: PeerId, slot: Slot, by: { readonly survey: Survey; readonly now: Instant }): boolean {
    const { table, book, room, signaling } = this.#parts
    const { survey, now } = by
    let ours = 0
    for (const exchange of signaling.links) if (exchange.isOfferer) ours++
    if (ours >= dialsMax(table.config.linksMax)) return false
    if (!room.holds(slot) && !room.make(peer, slot, now)) return false
    const via = book.get(peer)?.via ?? null
    const link = via === null ? undefined : table.get(via)?.link
    if (signaling.offerLink(peer, slot, { via: link ?? null }, now) === null) return false
    this.counters.dials++
    survey.pending.add(peer)
    survey.filled.add(table.config.geometry.bucketOf(table.config.self, peer))
    return true
  }
}

/** A dial takes a place under the cap until it has failed: more at once would push out links that stand (seed 1092 of test/sim/options). */
function dialsMax(linksMax: number): number {
  return Math.min(DIALS_MAX, Math.max(2, Math.floor(linksMax / 4)))
}
