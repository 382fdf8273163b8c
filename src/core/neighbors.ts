/**
 * The neighbour manager: which links stand, which are wanted, which go (DESIGN §5). What is missing is `repair.ts`'s
 * business, who hears of whom `gossip.ts`'s, who has to make room `room.ts`'s; here links come and go.
 *
 * Closing is polite: each side says whether it wants the link, and it closes when neither does. Only a peer at its cap
 * closes a link that the other side may still want, and only to make room for one with a better claim.
 */

import type { AddressBook, Interest } from './address-book.ts'
import { Anchors, anchorsOf } from './anchors.ts'
import type { GoodbyeFrame, KeepFrame, LookupFrame, PeersFrame, RefuseReason, Slot } from './frames.ts'
import { isOnlyClosest, pointOf, suits } from './geometry.ts'
import { Gossip } from './gossip.ts'
import type { Instant, LinkId, PeerId } from './ids.ts'
import type { FailureCode, Io, LinkUp } from './io.ts'
import { DEAD_MS, type Liveness } from './liveness.ts'
import type { Lookups } from './lookups.ts'
import type { Asked } from './requests.ts'
import { createNeighbor, LIFELINE_PEERS, type Neighbor } from './neighbor.ts'
import { type NeighborsConfig, NeighborTable } from './neighbor-table.ts'
import { Repair } from './repair.ts'
import { Room } from './room.ts'
import type { Route, Router } from './router.ts'
import type { Exchange } from './exchange.ts'
import type { Signaling } from './signaling.ts'

export interface NeighborsParts {
  readonly io: Pick<Io, 'random' | 'closeLink' | 'emit' | 'schedule'>
  readonly send: (link: LinkId, frame: KeepFrame | PeersFrame | GoodbyeFrame) => void
  readonly router: Router
  readonly signaling: Signaling
  readonly liveness: Liveness
  readonly lookups: Lookups
  readonly book: AddressBook
  /** See `NodeConfig`. */
  readonly anchors: readonly PeerId[]
}

/** A link younger than this is not given up as unwanted: the other side may not have placed it yet. */
const GRACE_MS = 4_000
/** A peer that we put out, or that had no room, is left alone for a while. */
const REST_MS = 15_000
/** One that did not forward, for longer (guess). */
const DISTRUST_MS = 600_000

export class Neighbors {
  readonly table: NeighborTable
  readonly #counters = { evictions: 0, politeCloses: 0, deaths: 0, refusals: 0, duplicates: 0, distrusted: 0 }
  readonly #config: NeighborsConfig
  readonly #parts: NeighborsParts
  readonly #room: Room
  readonly #repair: Repair
  readonly #gossip: Gossip
  readonly #anchors: Anchors
  #keptVersion = -1
  #keepUntil = 0
  readonly #isInteresting: Interest = (point, bucket) => this.#repair.isInteresting(point, bucket)

  constructor(config: NeighborsConfig, parts: NeighborsParts) {
    this.#config = config
    this.#parts = parts
    const table = new NeighborTable(config)
    this.table = table
    const { io, book, send, signaling, lookups } = parts
    const unit = (): number => io.random() / 2 ** 32
    this.#room = new Room({ table, signaling, evict: (neighbor, now) => this.#evict(neighbor, now) })
    const room = this.#room
    const placed = (): void => this.#onPlaced()
    this.#repair = new Repair({ table, book, room, signaling, lookups, io, unit, placed })
    this.#gossip = new Gossip({ table, book, send, unit })
    this.#anchors = new Anchors(parts.anchors, { table, room, signaling })
  }

  get counters() {
    return { ...this.#repair.counters, ...this.#counters }
  }

  get size(): number {
    return this.table.size
  }

  /** Could we take another link that somebody asks us for? */
  get hasRoom(): boolean {
    return this.#room.isOpenTo('bucket')
  }

  get(peer: PeerId): Neighbor | undefined {
    return this.table.get(peer)
  }

  /** In the order they came up. */
  all(): readonly Neighbor[] {
    return this.table.all
  }

  /** Whom to ask for again after a restart. */
  anchors(): PeerId[] {
    return anchorsOf(this.table.all)
  }

  /** Estimated number of peers in the mesh, ourselves included. */
  sizeEstimate(): number {
    return this.#repair.sizeEstimate()
  }

  /** See `Repair`. */
  suspiciousBucket(now: Instant): number | null {
    return this.#repair.suspiciousBucket(now)
  }

  /** Ring and mandatory links stand as far as we can know: nobody better is known and no ring link is under way. */
  ringStands(now: Instant): boolean {
    if (this.table.size === 0) return false
    for (const exchange of this.#parts.signaling.links) if (exchange.slot === 'ring') return false
    for (const neighbor of this.table.all) if (neighbor.route.peers !== null) return this.#repair.isRingWhole(now)
    return false
  }

  // ---- links ----------------------------------------------------------------------------------------------------------

  onLinkUp(up: LinkUp, exchange: Exchange | undefined, now: Instant): void {
    const twin = this.table.get(up.peer)
    const name = up.exchange ?? ''
    if (twin !== undefined && twin.exchange <= name) {
      // Both sides keep the link whose exchange has the lower name.
      this.#counters.duplicates++
      this.#parts.io.closeLink(up.link, 'duplicate')
      return
    }
    if (twin !== undefined) this.#drop(twin, 'duplicate')
    const { self, geometry } = this.#config
    const route = this.#parts.router.addLink({ link: up.link, peer: up.peer, role: 'peer', carries: true }, now)
    const at = { route, point: pointOf(up.peer), bucket: geometry.bucketOf(self, up.peer) }
    const neighbor = createNeighbor(up, at, exchange, now)
    this.table.add(neighbor)
    this.#parts.liveness.watch(route, DEAD_MS, now)
    this.#parts.book.exhume(up.peer)
    this.#parts.book.remove(up.peer)
    const { offerPath, isInitiator } = neighbor
    this.#parts.io.emit({ kind: 'peerUp', peer: up.peer, offerPath, isInitiator })
    this.#gossip.tell(neighbor, now)
    if (this.table.place()) this.#onPlaced()
    this.#anchors.seek(now)
    this.#repair.soon(now)
  }

  /** A link to a neighbour is gone, by its own word, ours, or silence: then gossip must not revive it. */
  onLinkDown(link: LinkId, reason: string, now: Instant): void {
    const neighbor = this.#at(this.#parts.router.route(link))
    if (neighbor === undefined) return
    this.#forget(neighbor, reason)
    if (reason === 'slept') this.#rest(neighbor.peer, 0, now)
    else if (isOrderly(reason)) this.#rest(neighbor.peer, REST_MS * (0.5 + this.#unit()), now)
    else this.#parts.book.bury(neighbor.peer, { isMissed: reason !== 'leaving' && reason !== 'stopped', now })
    // Those that are left should know that we hang on them before they make room for somebody else.
    if (this.table.size <= LIFELINE_PEERS) for (const left of this.table.all) this.#gossip.tell(left, now)
    this.#repair.soon(now)
  }

  /** Silent for too long. `slept`: because we were away, so that the other side is as alive as ever. */
  onDead(link: LinkId, slept: boolean, now: Instant): void {
    this.#counters.deaths++
    this.#parts.io.closeLink(link, 'dead')
    this.onLinkDown(link, slept ? 'slept' : 'dead', now)
  }

  onKeep(frame: KeepFrame, from: Route, now: Instant): void {
    const neighbor = this.#at(from)
    if (neighbor === undefined) return
    neighbor.theirWanted = frame.wanted
    if (!frame.wanted && !neighbor.wanted) this.#closePolitely(neighbor, now)
  }

  onPeers(frame: PeersFrame, from: Route, now: Instant): void {
    const neighbor = this.#at(from)
    if (neighbor === undefined) return
    if (this.#gossip.onPeers(frame, neighbor, { isInteresting: this.#isInteresting, now })) this.#repair.soon(now)
  }

  /** What we give to it does not arrive, as far as we can see: somebody else gets its place. */
  onDistrusted(link: LinkId, now: Instant): void {
    const neighbor = this.#at(this.#parts.router.route(link))
    if (neighbor === undefined) return
    this.#counters.distrusted++
    this.#drop(neighbor, 'distrusted')
    this.#rest(neighbor.peer, DISTRUST_MS, now)
    this.#repair.soon(now)
  }

  /** Says goodbye to everybody. */
  leave(): void {
    for (const neighbor of [...this.table.all]) this.#drop(neighbor, 'leaving')
  }

  // ---- others' wishes -------------------------------------------------------------------------------------------------

  /** May `remote` have a link for `slot`? Makes room where the claim is good enough. */
  admit(remote: PeerId, slot: Slot, now: Instant): RefuseReason | null {
    if (this.table.has(remote)) return 'linked'
    this.#parts.book.met(remote, now)
    if (!this.#room.isClosedTo(slot) && (this.#room.holds(slot) || this.#room.make(remote, slot, now))) return null
    this.#counters.refusals++
    return 'full'
  }

  /** Answers a lookup with an offer if we are suitable and have room. True: taken. */
  answerLookup(frame: LookupFrame, asked: Asked, isClosest: boolean, now: Instant): boolean {
    const { self, geometry } = this.#config
    const { requester } = frame
    if (requester === self || this.table.has(requester) || this.#parts.signaling.linkTo(requester) !== undefined)
      return false
    const isSuitable = isOnlyClosest(frame) ? isClosest : suits(frame, self, geometry)
    if (!isSuitable || this.#parts.signaling.isBusyForOthers || this.admit(requester, frame.slot, now) !== null)
      return false
    return this.#parts.signaling.offerToRequester(asked, frame.slot, now) !== null
  }

  /** An exchange for a link has ended. */
  onSettled(exchange: Exchange, outcome: 'up' | RefuseReason | FailureCode, now: Instant): void {
    if (outcome === 'up' || outcome === 'glare' || outcome === 'linked') return
    if (exchange.isOfferer) this.#parts.book.failed(exchange.remote, now, this.#unit())
    this.#repair.later()
  }

  // ---- upkeep ---------------------------------------------------------------------------------------------------------

  tick(now: Instant): void {
    this.#anchors.seek(now)
    this.#repair.tick(now)
    this.#gossip.tick(now)
    if (this.#keptVersion !== this.table.version) {
      this.#keptVersion = this.table.version
      this.#keepUntil = now + GRACE_MS
    }
    // While nobody comes or goes, nothing changes once the youngest is no longer spared. From the end, for whoever is
    // closed leaves the row.
    if (now > this.#keepUntil) return
    for (let i = this.size - 1; i >= 0; i--) this.#upkeep(this.table.all[i] as Neighbor, now)
  }

  onTimer(now: Instant): void {
    this.#repair.onTimer(now)
  }

  #onPlaced(): void {
    for (const { route, slot } of this.table.all) route.isRing = slot === 'ring'
  }

  #upkeep(neighbor: Neighbor, now: Instant): void {
    const wanted =
      neighbor.slot !== null || this.table.size <= this.table.plan.softMax || now - neighbor.upSince < GRACE_MS
    if (wanted !== neighbor.wanted) {
      neighbor.wanted = wanted
      this.#parts.send(neighbor.link, { kind: 'keep', wanted })
    }
    if (!neighbor.wanted && !neighbor.theirWanted) this.#closePolitely(neighbor, now)
  }

  #closePolitely(neighbor: Neighbor, now: Instant): void {
    this.#counters.politeCloses++
    this.#drop(neighbor, 'unneeded')
    this.#rest(neighbor.peer, REST_MS, now)
  }

  #evict(neighbor: Neighbor, now: Instant): void {
    this.#counters.evictions++
    this.#drop(neighbor, 'evicted')
    this.#rest(neighbor.peer, REST_MS * (0.5 + this.#unit()), now)
  }

  /** It lives and may be dialled again, but not right away. */
  #rest(peer: PeerId, forMs: number, now: Instant): void {
    this.#parts.book.met(peer, now)
    this.#parts.book.rest(peer, now + forMs)
  }

  #drop(neighbor: Neighbor, reason: string): void {
    this.#parts.send(neighbor.link, { kind: 'goodbye', reason })
    this.#parts.io.closeLink(neighbor.link, reason)
    this.#forget(neighbor, reason)
  }

  #forget(neighbor: Neighbor, reason: string): void {
    this.table.remove(neighbor)
    this.#parts.router.removeLink(neighbor.link)
    this.#parts.liveness.forget(neighbor.route)
    this.#repair.later()
    this.#parts.io.emit({ kind: 'peerDown', peer: neighbor.peer, reason })
  }

  #at(route: Route | undefined): Neighbor | undefined {
    const neighbor = route === undefined ? undefined : this.table.get(route.peer)
    return neighbor?.route === route ? neighbor : undefined
  }

  #unit(): number {
    return this.#parts.io.random() / 2 ** 32
  }
}

/** Reasons with which a living peer closes a link and stays in the mesh. */
function isOrderly(reason: string): boolean {
  return reason === 'unneeded' || reason === 'evicted' || reason === 'duplicate' || reason === 'distrusted'
}
