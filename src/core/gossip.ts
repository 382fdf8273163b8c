/**
 * Who tells whom about whom. Ring repair is gossip among neighbours of neighbours, after T-Man and linearisation (Onus,
 * Richa, Scheideler 2007): everybody tells a neighbour those of its own neighbours that suit it best, so whoever is named
 * can be reached over two standing links, and the ring forms from any connected start without a server. A neighbour hears
 * again only when what concerns it has changed; now and then one of them, at random, hears in any case, so that ids keep
 * mixing (HyParView's shuffle, one way).
 */

import type { AddressBook, Interest } from './address-book.ts'
import { PEERS_PER_FRAME_MAX, type PeersFrame } from './frames.ts'
import { type Geometry, RingArc, pointOf } from './geometry.ts'
import type { Instant, LinkId, PeerId } from './ids.ts'
import type { Neighbor } from './neighbor.ts'
import type { NeighborTable } from './neighbor-table.ts'

export interface GossipParts {
  readonly table: NeighborTable
  readonly book: AddressBook
  readonly send: (link: LinkId, frame: PeersFrame) => void
  /** 0 ≤ x < 1. */
  readonly unit: () => number
}

/** Ring neighbours hear of a change after 1 s at the earliest (guess). */
const TELL_RING_MS = 1_000
/** Others after 5 s, where all of us fit into one frame; else what is news for them comes by their own ring (guess). */
const TELL_MS = 5_000
/** Somebody hears anyway (HyParView's shuffle in iroh-gossip: 60 s; DESIGN §5: 30 s). */
const SHUFFLE_MS = 30_000
const NAMED_FOR_RING = 4
const NAMED_MAX = 16

export class Gossip {
  readonly #parts: GossipParts
  #shuffleAt = 0
  /** The version of our neighbour set of which all have heard who should. */
  #toldVersion = -1

  constructor(parts: GossipParts) {
    this.#parts = parts
  }

  /** Tells `neighbor` of our neighbours, whatever it has heard before. */
  tell(neighbor: Neighbor, now: Instant): void {
    this.#send(neighbor, this.#suitedTo(neighbor.peer), now)
  }

  tick(now: Instant): void {
    if (this.#toldVersion !== this.#parts.table.version) this.#update(now)
    this.#shuffle(now)
  }

  /** True: somebody new, of whom `isInteresting` says that it may fill a place. */
  onPeers(
    frame: PeersFrame,
    neighbor: Neighbor,
    by: { readonly isInteresting: Interest; readonly now: Instant },
  ): boolean {
    const { book, table } = this.#parts
    const peers = frame.peers.length <= PEERS_PER_FRAME_MAX ? frame.peers : frame.peers.slice(0, PEERS_PER_FRAME_MAX)
    neighbor.route.peers = peers
    const { isInteresting, now } = by
    let isNews = false
    let bit = 1
    for (const peer of peers) {
      const hasRoom = (frame.room & bit) !== 0
      bit <<= 1
      if (!table.has(peer) && book.learn(peer, { via: neighbor.peer, hasRoom, isInteresting, now })) isNews = true
    }
    return isNews
  }

  /** Tells those whom a change concerns, each when it is time again. */
  #update(now: Instant): void {
    const { table } = this.#parts
    const areFew = table.size <= NAMED_MAX
    let areWaiting = false
    for (const neighbor of table.all) {
      const isRing = neighbor.slot === 'ring'
      if (neighbor.toldVersion === table.version || !(isRing || areFew)) continue
      if (now - neighbor.toldAt >= (isRing ? TELL_RING_MS : TELL_MS)) this.#tellNews(neighbor, now)
      else areWaiting = true
    }
    if (!areWaiting) this.#toldVersion = table.version
  }

  #tellNews(neighbor: Neighbor, now: Instant): void {
    const suited = this.#suitedTo(neighbor.peer)
    neighbor.toldVersion = this.#parts.table.version
    if (printOf(suited) !== neighbor.toldPrint) this.#send(neighbor, suited, now)
  }

  #shuffle(now: Instant): void {
    const { table, unit } = this.#parts
    if (this.#shuffleAt === 0) this.#shuffleAt = now + SHUFFLE_MS * unit()
    if (now < this.#shuffleAt || table.size === 0) return
    this.#shuffleAt = now + SHUFFLE_MS * (0.5 + unit())
    this.tell(table.all[Math.floor(unit() * table.size)] as Neighbor, now)
  }

  /** Whom we chose for it, then any. */
  #send(neighbor: Neighbor, suited: PeerId[], now: Instant): void {
    neighbor.toldVersion = this.#parts.table.version
    neighbor.toldPrint = printOf(suited)
    neighbor.toldAt = now
    this.#addAny(suited, neighbor.peer)
    this.#parts.send(neighbor.link, { kind: 'peers', peers: suited, room: this.#roomOf(suited) })
  }

  /** Who of them has said lately that it could take another link. */
  #roomOf(names: readonly PeerId[]): number {
    let room = 0
    for (let i = 0; i < names.length; i++)
      if (this.#parts.table.get(names[i] as PeerId)?.route.hasRoom === true) room |= 1 << i
    return room >>> 0
  }

  /** Those of our neighbours that suit `peer`, or all where they fit into one frame. While it stays the same, there is nothing to tell. */
  #suitedTo(peer: PeerId): PeerId[] {
    const { table } = this.#parts
    if (table.size > NAMED_MAX) return suitedTo(peer, table.all, table.config.geometry)
    const all: PeerId[] = []
    for (const neighbor of table.all) if (neighbor.peer !== peer) all.push(neighbor.peer)
    return all
  }

  /** Fills the frame up, so that ids mix. */
  #addAny(names: PeerId[], receiver: PeerId): void {
    const { table, unit } = this.#parts
    if (table.size <= NAMED_MAX) return
    while (names.length < NAMED_MAX) {
      const other = table.all[Math.floor(unit() * table.size)] as Neighbor
      if (other.peer !== receiver && !names.includes(other.peer)) names.push(other.peer)
    }
  }
}

/** Those around `peer` on the ring, and the nearest to it by the geometry. */
function suitedTo(peer: PeerId, neighbors: readonly Neighbor[], geometry: Geometry): PeerId[] {
  const point = pointOf(peer)
  const arc = new RingArc(peer, point, NAMED_FOR_RING)
  const nearest: PeerId[] = []
  const distances: number[] = []
  for (const other of neighbors) {
    if (other.peer === peer) continue
    arc.add(other.peer, other.point)
    const distance = geometry.distance(point, other.point)
    if (nearest.length === NAMED_FOR_RING && distance >= (distances[NAMED_FOR_RING - 1] as number)) continue
    let at = Math.min(nearest.length, NAMED_FOR_RING - 1)
    for (; at > 0 && distance < (distances[at - 1] as number); at--) {
      nearest[at] = nearest[at - 1] as PeerId
      distances[at] = distances[at - 1] as number
    }
    nearest[at] = other.peer
    distances[at] = distance
  }
  const suited = arc.union()
  for (const id of nearest) if (!suited.includes(id)) suited.push(id)
  return suited
}

/** The same for the same ids in any order; that two different sets agree by accident costs one update. */
function printOf(ids: readonly PeerId[]): number {
  let print = ids.length
  for (const id of ids) print = (print + Math.imul(headOf(id), 0x9e3779b1)) | 0
  return print
}

/** 30 bits and more of an id. */
function headOf(id: PeerId): number {
  let head = 0
  for (let i = 0; i < 6; i++) head = (Math.imul(head, 33) + id.charCodeAt(i)) | 0
  return head
}
