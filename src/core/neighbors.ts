/**
 * The neighbour manager: which links stand, which are wanted, which go (DESIGN §5, first version). Ring repair is
 * gossip among neighbours of neighbours, after T-Man and linearisation (Onus, Richa, Scheideler 2007): everybody tells
 * a neighbour those of its own neighbours that suit it best, so whoever is named can be reached over two standing links,
 * and the ring forms from any connected start without a server. Bucket links come from the address book, else from a
 * lookup that the right peer answers with an offer.
 *
 * Closing is polite: each side says whether it wants the link, and it closes when neither does. Only a peer at its cap
 * closes a link that the other side may still want, and only to make room for one with a better claim.
 */

import type { AddressBook } from './address-book.ts'
import { type Bucket, type Rate, createBucket, take } from './budget.ts'
import {
  type KeepFrame,
  type LookupFrame,
  PEERS_PER_FRAME_MAX,
  type PeersFrame,
  type RefuseReason,
  type Slot,
} from './frames.ts'
import { type Geometry, commonPrefixBits, ringAround } from './geometry.ts'
import type { Instant, LinkId, PeerId } from './ids.ts'
import type { FailureCode, Io, LinkUp } from './io.ts'
import { DEAD_MS, type Liveness } from './liveness.ts'
import type { Lookups } from './lookups.ts'
import type { Asked } from './requests.ts'
import { type Claim, createNeighbor, hangsOnUs, LIFELINE_PEERS, type Neighbor, yieldsTo } from './neighbor.ts'
import type { Router } from './router.ts'
import type { Exchange, Signaling } from './signaling.ts'
import { type SlotPlan, assignSlots, belongsToRing, estimateSize, missingRing, planFor } from './slots.ts'

export interface NeighborsConfig {
  readonly self: PeerId
  readonly geometry: Geometry
  /** Links to other peers at most, those being set up included. 2…256. */
  readonly linksMax: number
}

export interface NeighborsParts {
  readonly io: Pick<Io, 'random' | 'closeLink' | 'emit' | 'schedule'>
  readonly send: (
    link: LinkId,
    frame: KeepFrame | PeersFrame | { readonly kind: 'goodbye'; readonly reason: string },
  ) => void
  readonly router: Router
  readonly signaling: Signaling
  readonly liveness: Liveness
  readonly lookups: Lookups
  readonly book: AddressBook
}

/** Dials of our own at once; the rest of the exchanges are for others' offers (guess). */
const DIALS_MAX = 4
/** Ring neighbours hear of a change after 1 s at the earliest, others after 5 s (guess). */
const TELL_RING_MS = 1_000
const TELL_MS = 5_000
/** A link younger than this is not given up as unwanted: the other side may not have placed it yet. */
const GRACE_MS = 4_000
/** A peer that we put out, or that had no room, is left alone for a while. */
const REST_MS = 15_000
/** Changes within this many ms are seen to together: a newcomer hears of dozens of peers at once (guess). */
const MAINTAIN_MS = 30
/** With nothing missing, everything is looked over this often (DESIGN §5: audit every 30 s). */
const AUDIT_MS = 30_000
/** While much happens, upkeep rests this long in between: it walks the whole address book (simulated: two fifths of the time of a join storm). */
const MAINTAIN_GAP_MS = 250
const ESTIMATE_KEEP_MS = 1_000
/** A bucket that should hold this many peers and has none is no accident: e^-8 (guess at how sure to be). */
const SUSPICIOUS_PEERS = 8
/** Links given up for claims that are not proven yet (guess: a join storm needs a handful in a row). */
const EVICTIONS: Rate = { perSecond: 1, burst: 8 }
/** So many such links are spared; anybody can say that he has nobody. */
const LIFELINES_MAX = 2
const NAMED_FOR_RING = 4
const NAMED_MAX = 16

export class Neighbors {
  readonly counters = { dials: 0, evictions: 0, politeCloses: 0, deaths: 0, refusals: 0, duplicates: 0 }
  readonly plan: SlotPlan
  readonly #config: NeighborsConfig
  readonly #parts: NeighborsParts
  readonly #byPeer = new Map<PeerId, Neighbor>()
  readonly #byLink = new Map<LinkId, Neighbor>()
  #version = 0
  #evictions: Bucket | null = null
  #isDirty = true
  #isScheduled = false
  #isWanting = true
  #maintainedAt = 0
  #isRingWhole = false
  #estimatedAt = 0
  #bucketCount = 0

  constructor(config: NeighborsConfig, parts: NeighborsParts) {
    this.#config = config
    this.#parts = parts
    this.plan = planFor(config.linksMax)
  }

  get size(): number {
    return this.#byPeer.size
  }

  get(peer: PeerId): Neighbor | undefined {
    return this.#byPeer.get(peer)
  }

  /** In the order they came up. */
  all(): IterableIterator<Neighbor> {
    return this.#byPeer.values()
  }

  peerIds(): PeerId[] {
    return [...this.#byPeer.keys()]
  }

  /** Estimated number of peers in the mesh, ourselves included. */
  sizeEstimate(): number {
    const known = new Set([...this.#byPeer.keys(), ...this.#parts.book.peers()])
    return estimateSize(this.#config.self, known, 4)
  }

  /**
   * The lowest bucket in which we have nobody although the density of the ring says that it should be well filled;
   * null if there is none. Peers that joined at the same time cluster around the first that let them in, so a mesh that
   * was split by accident is a sector of the key space: its ring looks whole from inside, and its low buckets are empty.
   */
  suspiciousBucket(): number | null {
    const { self, geometry } = this.#config
    const depth = Math.floor(Math.log2(this.sizeEstimate() / SUSPICIOUS_PEERS))
    const filled = new Set<number>()
    for (const peer of this.#byPeer.keys()) filled.add(geometry.bucketOf(self, peer))
    for (let bucket = 0; bucket < depth; bucket++) if (!filled.has(bucket)) return bucket
    return null
  }

  /** Ring and mandatory links stand as far as we can know: nobody better is known and no ring link is under way. */
  ringStands(now: Instant): boolean {
    if (this.#byPeer.size === 0) return false
    for (const exchange of this.#parts.signaling.linkTargets()) if (exchange.slot === 'ring') return false
    for (const neighbor of this.#byPeer.values()) if (neighbor.hasToldPeers) return this.#hasRing(now)
    return false
  }

  // ---- links ----------------------------------------------------------------------------------------------------------

  onLinkUp(up: LinkUp, exchange: Exchange | undefined, now: Instant): void {
    const twin = this.#byPeer.get(up.peer)
    const name = up.exchange ?? ''
    if (twin !== undefined && twin.exchange <= name) {
      // Both sides keep the link whose exchange has the lower name.
      this.counters.duplicates++
      this.#parts.io.closeLink(up.link, 'duplicate')
      return
    }
    if (twin !== undefined) this.#drop(twin, 'duplicate', now)
    const neighbor = createNeighbor(up, exchange, now)
    this.#byPeer.set(up.peer, neighbor)
    this.#byLink.set(up.link, neighbor)
    this.#parts.router.addLink({ link: up.link, peer: up.peer, role: 'peer', carries: true }, now)
    this.#parts.liveness.add(up.link, DEAD_MS, now)
    this.#parts.book.met(up.peer)
    const { offerPath, isInitiator } = neighbor
    this.#parts.io.emit({ kind: 'peerUp', peer: up.peer, offerPath, isInitiator })
    this.#changed()
    this.#tell(neighbor, now)
    this.#placeAll()
    this.#maintainSoon(now)
  }

  /** A link to a neighbour is gone. `isDead`: by silence, so that gossip must not revive it. */
  onLinkDown(link: LinkId, reason: string, now: Instant): void {
    const neighbor = this.#byLink.get(link)
    if (neighbor === undefined) return
    this.#forget(neighbor, reason)
    if (reason === 'leaving' || reason === 'dead' || !isOrderly(reason)) this.#parts.book.bury(neighbor.peer, now)
    else this.#parts.book.rest(neighbor.peer, now + REST_MS * (0.5 + this.#unit()))
    // Those that are left should know that we hang on them before they make room for somebody else.
    if (this.#byPeer.size <= LIFELINE_PEERS) for (const left of this.#byPeer.values()) this.#tell(left, now)
    this.#maintainSoon(now)
  }

  onDead(link: LinkId, now: Instant): void {
    this.counters.deaths++
    this.#parts.io.closeLink(link, 'dead')
    this.onLinkDown(link, 'dead', now)
  }

  onKeep(frame: KeepFrame, link: LinkId, now: Instant): void {
    const neighbor = this.#byLink.get(link)
    if (neighbor === undefined) return
    neighbor.theirWanted = frame.wanted
    if (!frame.wanted && !neighbor.wanted) this.#closePolitely(neighbor, now)
  }

  onPeers(frame: PeersFrame, link: LinkId, now: Instant): void {
    const neighbor = this.#byLink.get(link)
    if (neighbor === undefined) return
    neighbor.peers = frame.peers.slice(0, PEERS_PER_FRAME_MAX)
    neighbor.hasToldPeers = true
    for (const peer of neighbor.peers) {
      if (this.#parts.book.learn(peer, neighbor.peer, now)) this.#isDirty = true
    }
    if (this.#isDirty) this.#maintainSoon(now)
  }

  /** Says goodbye to everybody. */
  leave(now: Instant): void {
    for (const neighbor of [...this.#byPeer.values()]) this.#drop(neighbor, 'leaving', now)
  }

  // ---- others' wishes -------------------------------------------------------------------------------------------------

  /** May `remote` have a link for `slot`? Makes room where the claim is good enough. */
  admit(remote: PeerId, slot: Slot, now: Instant): RefuseReason | null {
    if (this.#byPeer.has(remote)) return 'linked'
    this.#parts.book.met(remote)
    if (this.#freeSlots() > this.#reserveFor(slot)) return null
    if (this.#makeRoom(remote, slot, now)) return null
    this.counters.refusals++
    return 'full'
  }

  /** Answers a lookup with an offer if we are suitable and have room. True: taken. */
  answerLookup(frame: LookupFrame, asked: Asked, isClosest: boolean, now: Instant): boolean {
    const { self } = this.#config
    const { requester, prefixMin } = frame
    if (requester === self || this.#byPeer.has(requester) || this.#parts.signaling.linkTo(requester) !== undefined)
      return false
    const isSuitable = prefixMin >= 256 ? isClosest : commonPrefixBits(self, frame.target) >= prefixMin
    if (!isSuitable || this.#parts.signaling.isBusyForOthers || this.admit(requester, frame.slot, now) !== null)
      return false
    return this.#parts.signaling.offerToRequester(asked, frame.slot) !== null
  }

  /** An exchange for a link has ended. */
  onSettled(exchange: Exchange, outcome: 'up' | RefuseReason | FailureCode, now: Instant): void {
    if (outcome === 'up' || outcome === 'glare' || outcome === 'linked') return
    if (exchange.isOfferer) this.#parts.book.failed(exchange.remote, now, this.#unit())
    this.#isDirty = true
  }

  // ---- upkeep ---------------------------------------------------------------------------------------------------------

  tick(now: Instant): void {
    // A peer that misses nothing looks over everything only now and then; the rest is told by events.
    if (this.#isWanting || now - this.#maintainedAt >= AUDIT_MS) this.#isDirty = true
    this.maintain(now)
    for (const neighbor of [...this.#byPeer.values()]) this.#upkeep(neighbor, now)
  }

  #upkeep(neighbor: Neighbor, now: Instant): void {
    const wanted = neighbor.slot !== null || this.#byPeer.size <= this.plan.softMax || now - neighbor.upSince < GRACE_MS
    if (wanted !== neighbor.wanted) {
      neighbor.wanted = wanted
      this.#parts.send(neighbor.link, { kind: 'keep', wanted })
    }
    const waitMs = neighbor.slot === 'ring' ? TELL_RING_MS : TELL_MS
    if (neighbor.toldVersion !== this.#version && now - neighbor.toldAt >= waitMs) this.#tell(neighbor, now)
    if (!neighbor.wanted && !neighbor.theirWanted) this.#closePolitely(neighbor, now)
  }

  /** Something has changed: see to it soon, together with whatever else comes by then. */
  #maintainSoon(now: Instant): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#parts.io.schedule({ kind: 'maintain' }, Math.max(MAINTAIN_MS, this.#maintainedAt + MAINTAIN_GAP_MS - now))
  }

  /** Places what we have, then asks for what is missing: ring first, then buckets, then a few at random. */
  maintain(now: Instant): void {
    this.#isScheduled = false
    if (!this.#isDirty) return
    this.#isDirty = false
    this.#maintainedAt = now
    this.#placeAll()
    if (this.#byPeer.size === 0) return
    const candidates = this.#candidates(now)
    const missing = missingRing(this.#config.self, this.#byPeer.keys(), candidates, this.plan.ringSide)
    for (const peer of missing) if (!this.#dial(peer, 'ring', now)) break
    const hasAllBuckets = this.#fillBuckets(candidates, now)
    this.#fillRandom(candidates, now)
    this.#isRingWhole = missing.length === 0
    this.#isWanting = !this.#isRingWhole || !hasAllBuckets
  }

  #placeAll(): void {
    const slots = assignSlots(this.#config, this.peerIds(), this.plan)
    for (const neighbor of this.#byPeer.values()) {
      neighbor.slot = slots.get(neighbor.peer) ?? null
      const route = this.#parts.router.route(neighbor.link)
      if (route !== undefined) route.isRing = neighbor.slot === 'ring'
    }
  }

  /** What the last upkeep found, or would find: newcomers are asked this at every turn until they are ready. */
  #hasRing(now: Instant): boolean {
    if (this.#isScheduled) return false
    if (!this.#isDirty) return this.#isRingWhole
    return missingRing(this.#config.self, this.#byPeer.keys(), this.#candidates(now), this.plan.ringSide).length === 0
  }

  #candidates(now: Instant): PeerId[] {
    const pending = new Set<PeerId>()
    for (const exchange of this.#parts.signaling.linkTargets()) pending.add(exchange.remote)
    return this.#parts.book.dialable(now).filter((peer) => !this.#byPeer.has(peer) && !pending.has(peer))
  }

  /** True: no bucket that should hold somebody is empty. */
  #fillBuckets(candidates: readonly PeerId[], now: Instant): boolean {
    const { self, geometry } = this.#config
    const depth = this.#bucketsWanted(now)
    const filled = new Set<number>()
    for (const peer of this.#byPeer.keys()) filled.add(geometry.bucketOf(self, peer))
    for (const exchange of this.#parts.signaling.linkTargets()) filled.add(geometry.bucketOf(self, exchange.remote))
    let missing = 0
    for (let bucket = 0; bucket < depth; bucket++) {
      if (filled.has(bucket)) continue
      missing++
      const known = candidates.filter((peer) => geometry.bucketOf(self, peer) === bucket)
      if (known.length > 0) this.#dial(this.#pick(known), 'bucket', now)
      else if (this.#hasRoomFor('bucket')) this.#parts.lookups.refill(bucket, now)
    }
    return missing === 0
  }

  /**
   * Buckets below this should hold somebody whom the ring does not hold anyway: with s neighbours on either side it
   * covers the buckets of s peers and fewer, which lie right beside us, and lookups in those mostly find nobody. The
   * estimate behind it walks the address book, so it is kept for a second.
   */
  #bucketsWanted(now: Instant): number {
    if (now - this.#estimatedAt >= ESTIMATE_KEEP_MS) {
      this.#estimatedAt = now
      this.#bucketCount = Math.max(1, Math.ceil(Math.log2(this.sizeEstimate() / this.plan.ringSide)))
    }
    return this.#bucketCount
  }

  #fillRandom(candidates: readonly PeerId[], now: Instant): void {
    let held = 0
    for (const neighbor of this.#byPeer.values()) if (neighbor.slot === 'random' || neighbor.slot === null) held++
    for (const exchange of this.#parts.signaling.linkTargets()) if (exchange.slot === 'random') held++
    if (held >= this.plan.randomMax || this.#freeSlots() <= this.#reserveFor('random')) return
    const open = candidates.filter((peer) => this.#parts.signaling.linkTo(peer) === undefined)
    if (open.length > 0) this.#dial(this.#pick(open), 'random', now)
  }

  /** False: no more dials for now. */
  #dial(peer: PeerId, slot: Slot, now: Instant): boolean {
    let ours = 0
    for (const exchange of this.#parts.signaling.linkTargets()) if (exchange.isOfferer) ours++
    if (ours >= dialsMax(this.#config.linksMax)) return false
    if (this.#freeSlots() <= this.#reserveFor(slot) && !this.#makeRoom(peer, slot, now)) return false
    const via = this.#parts.book.get(peer)?.via
    const link = via === undefined || via === null ? undefined : this.#byPeer.get(via)?.link
    if (this.#parts.signaling.offerLink(peer, slot, link ?? null) === null) return false
    this.counters.dials++
    return true
  }

  // ---- room -----------------------------------------------------------------------------------------------------------

  #freeSlots(): number {
    return this.#config.linksMax - this.#byPeer.size - this.#parts.signaling.linksInFlight
  }

  /** Slots kept free for claims better than `slot`. */
  #reserveFor(slot: Slot): number {
    return slot === 'random' ? Math.floor(this.#config.linksMax / 4) : 0
  }

  #hasRoomFor(slot: Slot): boolean {
    return this.#freeSlots() > this.#reserveFor(slot) || this.#weakest(slot) !== undefined
  }

  /** At the cap: puts out the neighbour with the weakest claim, if `peer`'s is better. */
  #makeRoom(peer: PeerId, slot: Slot, now: Instant): boolean {
    if (slot === 'random') return false
    const claim =
      slot === 'ring' && !belongsToRing(this.#config.self, this.peerIds(), peer, this.plan.ringSide) ? 'passage' : slot
    const weakest = this.#weakest(claim) ?? (claim === 'ring' ? this.#displacedBy(peer) : undefined)
    if (weakest === undefined || this.#freeSlots() < 0) return false
    // The claim is not proven yet, and anybody can name himself our neighbour: links are given up for it only so fast.
    this.#evictions ??= createBucket(EVICTIONS, now)
    if (!take(this.#evictions, EVICTIONS, { amount: 1, now })) return false
    this.counters.evictions++
    this.#drop(weakest, 'evicted', now)
    this.#parts.book.rest(weakest.peer, now + REST_MS * (0.5 + this.#unit()))
    return true
  }

  #weakest(claim: Claim): Neighbor | undefined {
    let best: Neighbor | undefined
    let spared = 0
    for (const neighbor of this.#byPeer.values()) {
      if (!yieldsTo(neighbor, claim) || (hangsOnUs(neighbor) && spared++ < LIFELINES_MAX)) continue
      if (best === undefined || this.#standing(neighbor) <= this.#standing(best)) best = neighbor
    }
    return best
  }

  /** Where the cap holds nothing but ring links: the one that is no ring neighbour any more once `peer` is there. */
  #displacedBy(peer: PeerId): Neighbor | undefined {
    const ring = ringAround(this.#config.self, [...this.#byPeer.keys(), peer], this.plan.ringSide)
    for (const neighbor of this.#byPeer.values()) if (!ring.has(neighbor.peer)) return neighbor
    return undefined
  }

  /** How strong a neighbour's claim is: what we want it for, then what the other side says, then how near it is. */
  #standing(neighbor: Neighbor): number {
    const rank = neighbor.slot === null ? 0 : neighbor.slot === 'random' ? 1 : neighbor.slot === 'bucket' ? 2 : 3
    // Of two bucket links the deeper one covers fewer peers, and the ring is near it anyway.
    const depth = rank === 2 ? 1 - this.#config.geometry.bucketOf(this.#config.self, neighbor.peer) / 256 : 0
    return rank * 4 + (neighbor.theirWanted ? 2 : 0) + depth
  }

  #closePolitely(neighbor: Neighbor, now: Instant): void {
    this.counters.politeCloses++
    this.#drop(neighbor, 'unneeded', now)
    this.#parts.book.rest(neighbor.peer, now + REST_MS)
  }

  #drop(neighbor: Neighbor, reason: string, now: Instant): void {
    void now
    this.#parts.send(neighbor.link, { kind: 'goodbye', reason })
    this.#parts.io.closeLink(neighbor.link, reason)
    this.#forget(neighbor, reason)
  }

  #forget(neighbor: Neighbor, reason: string): void {
    this.#byLink.delete(neighbor.link)
    if (this.#byPeer.get(neighbor.peer) === neighbor) this.#byPeer.delete(neighbor.peer)
    this.#parts.router.removeLink(neighbor.link)
    this.#parts.liveness.remove(neighbor.link)
    this.#changed()
    this.#parts.io.emit({ kind: 'peerDown', peer: neighbor.peer, reason })
  }

  #changed(): void {
    this.#version++
    this.#isDirty = true
  }

  // ---- gossip ---------------------------------------------------------------------------------------------------------

  #tell(neighbor: Neighbor, now: Instant): void {
    neighbor.toldVersion = this.#version
    neighbor.toldAt = now
    this.#parts.send(neighbor.link, { kind: 'peers', peers: this.#peersFor(neighbor.peer) })
  }

  /** Those of our neighbours that suit `peer`: around it on the ring, nearest to it by the geometry, then any. */
  #peersFor(peer: PeerId): PeerId[] {
    const others = this.peerIds().filter((id) => id !== peer)
    if (others.length <= NAMED_MAX) return others
    const near = others.toSorted((a, b) => this.#config.geometry.compare(peer, a, b)).slice(0, NAMED_FOR_RING)
    const named = new Set([...ringAround(peer, others, NAMED_FOR_RING), ...near])
    while (named.size < NAMED_MAX) named.add(this.#pick(others))
    return [...named]
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#unit() * items.length)] as T
  }

  #unit(): number {
    return this.#parts.io.random() / 2 ** 32
  }
}

/** A dial takes a place under the cap until it has failed: more at once would push out links that stand (seed 1092 of test/sim/options). */
function dialsMax(linksMax: number): number {
  return Math.min(DIALS_MAX, Math.max(2, Math.floor(linksMax / 4)))
}

/** Reasons with which a living peer closes a link and stays in the mesh. */
function isOrderly(reason: string): boolean {
  return reason === 'unneeded' || reason === 'evicted' || reason === 'duplicate'
}
