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

  constructor(parts: GossipParts) {
    this.#parts = parts
  }

  /** Tells `neighbor` of our neighbours, whatever it has heard before. */
  tell(neighbor: Neighbor, now: Instant): void {
    this.#send(neighbor, this.#namesFor(neighbor.peer), now)
  }

  tick(now: Instant): void {
    const { table } = this.#parts
    const areFew = table.size <= NAMED_MAX
    for (const neighbor of table.all) {
      const isRing = neighbor.slot === 'ring'
      if (neighbor.toldVersion === table.version || !(isRing || areFew)) continue
      if (now - neighbor.toldAt >= (isRing ? TELL_RING_MS : TELL_MS)) this.#update(neighbor, now)
    }
    this.#shuffle(now)
  }

  /** True: somebody new, of whom `isInteresting` says that it may fill a place. */
  onPeers(
    frame: PeersFrame,
    neighbor: Neighbor,
    by: { readonly isInteresting: Interest; readonly now: Instant },
  ): boolean {
    const { book, table } = this.#parts
    neighbor.peers = frame.peers.length <= PEERS_PER_FRAME_MAX ? frame.peers : frame.peers.slice(0, PEERS_PER_FRAME_MAX)
    neighbor.hasToldPeers = true
    const how = { via: neighbor.peer, ...by }
    let isNews = false
    for (const peer of neighbor.peers) if (!table.has(peer) && book.learn(peer, how)) isNews = true
    return isNews
  }

  #update(neighbor: Neighbor, now: Instant): void {
    const names = this.#namesFor(neighbor.peer)
    neighbor.toldVersion = this.#parts.table.version
    if (printOf(names.suited) !== neighbor.toldPrint) this.#send(neighbor, names, now)
  }

  #shuffle(now: Instant): void {
    const { table, unit } = this.#parts
    if (this.#shuffleAt === 0) this.#shuffleAt = now + SHUFFLE_MS * unit()
    if (now < this.#shuffleAt || table.size === 0) return
    this.#shuffleAt = now + SHUFFLE_MS * (0.5 + unit())
    this.tell(table.all[Math.floor(unit() * table.size)] as Neighbor, now)
  }

  #send(neighbor: Neighbor, names: Names, now: Instant): void {
    neighbor.toldVersion = this.#parts.table.version
    neighbor.toldPrint = printOf(names.suited)
    neighbor.toldAt = now
    this.#parts.send(neighbor.link, { kind: 'peers', peers: names.all })
  }

  /** Those of our neighbours that suit `peer`: around it on the ring, nearest to it by the geometry, then any. */
  #namesFor(peer: PeerId): Names {
    const { table, unit } = this.#parts
    const others = table.all.filter((neighbor) => neighbor.peer !== peer)
    if (others.length <= NAMED_MAX) {
      const all = others.map((neighbor) => neighbor.peer)
      return { suited: all, all }
    }
    const suited = suitedTo(peer, others, table.config.geometry)
    const all = [...suited]
    while (all.length < NAMED_MAX) {
      const other = others[Math.floor(unit() * others.length)] as Neighbor
      if (!all.includes(other.peer)) all.push(other.peer)
    }
    return { suited, all }
  }
}

interface Names {
  /** Chosen for the receiver: when these stay the same, there is nothing to tell. */
  readonly suited: readonly PeerId[]
  readonly all: readonly PeerId[]
}

/** Those around `peer` on the ring, and the nearest to it by the geometry. */
function suitedTo(peer: PeerId, others: readonly Neighbor[], geometry: Geometry): PeerId[] {
  const point = pointOf(peer)
  const arc = new RingArc(peer, point, NAMED_FOR_RING)
  const nearest: PeerId[] = []
  const distances: number[] = []
  for (const other of others) {
    arc.add(other.peer, other.point)
    const distance = geometry.distance(point, other.point)
    let at = nearest.length
    while (at > 0 && distance < (distances[at - 1] as number)) at--
    if (at >= NAMED_FOR_RING) continue
    nearest.splice(at, 0, other.peer)
    distances.splice(at, 0, distance)
    if (nearest.length > NAMED_FOR_RING) nearest.pop()
  }
  return [...new Set([...arc.union(), ...nearest])]
}

/** The same for the same ids in any order; that two different sets agree by accident costs one update. */
function printOf(ids: readonly PeerId[]): number {
  let print = ids.length
  for (const id of ids) print = (print + Math.imul(pointOf(id) % 0x7fff_ffff, 0x9e3779b1)) | 0
  return print
}
