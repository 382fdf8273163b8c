/**
 * Room under the cap (DESIGN §5): who may have a link, and which link goes when somebody with a better claim comes. Every
 * peer decides for itself; nothing that the other side says can raise its own standing above that of a ring neighbour.
 */

import { type Bucket, type Rate, createBucket, take } from './budget.ts'
import type { Slot } from './frames.ts'
import { CIRCLE, RingArc, pointOf } from './geometry.ts'
import type { Instant, PeerId } from './ids.ts'
import { type Claim, type Neighbor, hangsOnUs, yieldsTo } from './neighbor.ts'
import type { NeighborTable } from './neighbor-table.ts'
import type { Signaling } from './signaling.ts'

export interface RoomParts {
  readonly table: NeighborTable
  readonly signaling: Signaling
  /** Closes the link to somebody who has to make room. */
  readonly evict: (neighbor: Neighbor, now: Instant) => void
}

/** Links given up for claims that are not proven yet (guess: a join storm needs a handful in a row). */
const EVICTIONS: Rate = { perSecond: 1, burst: 8 }
/** So many of those that hang on us are spared; anybody can say that he has nobody. */
const LIFELINES_MAX = 2

/** The least cap at which a third is kept for links that we asked for. */
const RESERVE_FROM = 16

export class Room {
  readonly #parts: RoomParts
  #evictions: Bucket | null = null

  constructor(parts: RoomParts) {
    this.#parts = parts
  }

  /** Links that the cap leaves, those being set up counted as standing. */
  get free(): number {
    const { table, signaling } = this.#parts
    return table.config.linksMax - table.size - signaling.linksInFlight
  }

  /** There is a place for such a link, or could be made. */
  couldHold(slot: Slot): boolean {
    return this.holds(slot) || this.#weakest(slot) !== undefined
  }

  /** There is a place for such a link that nobody has to leave for. */
  holds(slot: Slot): boolean {
    return this.free > this.#reserveFor(slot)
  }

  /** There is a place for such a link of others', without anybody leaving. */
  isOpenTo(slot: Slot): boolean {
    return this.holds(slot) && !this.isClosedTo(slot)
  }

  /**
   * Others may not ask for more than two thirds of our links (geth 1.8: before inbound links had a bound, two hosts held
   * all 25 in two of three restarts). Ring neighbours and newcomers are let in all the same: we can tell whether one
   * belongs there, and a newcomer has nobody else yet. Below a cap of 16 the ring takes most of what there is.
   */
  isClosedTo(slot: Slot): boolean {
    const { table, signaling } = this.#parts
    const { linksMax } = table.config
    if (slot === 'ring' || slot === 'guest' || linksMax < RESERVE_FROM) return false
    return table.askedFor + signaling.othersInFlight >= linksMax - Math.floor(linksMax / 3)
  }

  /** Puts out the neighbour with the weakest claim, if `peer`'s is better. False: there is no room. */
  make(peer: PeerId, slot: Slot, now: Instant): boolean {
    if (slot === 'random') return false
    const claim = slot === 'ring' && !this.#belongsToRing(peer) ? 'passage' : slot
    const weakest = this.#weakest(claim) ?? (claim === 'ring' ? this.#displacedBy(peer) : undefined)
    if (weakest === undefined || this.free < 0) return false
    // The claim is not proven yet, and anybody can name himself our neighbour: links are given up for it only so fast.
    this.#evictions ??= createBucket(EVICTIONS, now)
    if (!take(this.#evictions, EVICTIONS, { amount: 1, now })) return false
    this.#parts.evict(weakest, now)
    return true
  }

  /** Slots kept free for claims better than `slot`. */
  #reserveFor(slot: Slot): number {
    return slot === 'random' ? Math.floor(this.#parts.table.config.linksMax / 8) : 0
  }

  #weakest(claim: Claim): Neighbor | undefined {
    let best: Neighbor | undefined
    let least = Infinity
    let spared = 0
    for (const neighbor of this.#parts.table.all) {
      if (!yieldsTo(neighbor, claim) || (hangsOnUs(neighbor) && spared++ < LIFELINES_MAX)) continue
      const its = standing(neighbor) + this.#isolation(neighbor)
      if (best === undefined || its <= least) [best, least] = [neighbor, its]
    }
    return best
  }

  /**
   * 0 ≤ x < 1: how far the nearest other neighbour is from this one. Of two that lie close together one is as good as both:
   * routing would hardly ever take a step over the other (simulated, 4,000 peers: 4.64 hops on average without this, 4.57 with it).
   */
  #isolation(neighbor: Neighbor): number {
    const { table } = this.#parts
    let nearest = CIRCLE
    for (const other of table.all) {
      if (other === neighbor) continue
      nearest = Math.min(nearest, table.config.geometry.distance(neighbor.point, other.point))
    }
    return Math.log2(nearest + 1) / 51
  }

  #belongsToRing(peer: PeerId): boolean {
    return this.#ringWith(peer).has(peer, pointOf(peer))
  }

  /** Where the cap holds nothing but ring links: the one that is no ring neighbour any more once `peer` is there. */
  #displacedBy(peer: PeerId): Neighbor | undefined {
    const ring = this.#ringWith(peer)
    return this.#parts.table.all.find((neighbor) => !ring.has(neighbor.peer, neighbor.point))
  }

  #ringWith(peer: PeerId): RingArc {
    const { table } = this.#parts
    const arc = new RingArc(table.config.self, table.point, table.plan.ringSide)
    for (const neighbor of table.all) arc.add(neighbor.peer, neighbor.point)
    arc.add(peer, pointOf(peer))
    return arc
  }
}

/** How strong a neighbour's claim is: what we want it for, then what the other side says. */
function standing(neighbor: Neighbor): number {
  const { slot, theirWanted } = neighbor
  const rank = slot === null ? 0 : slot === 'random' ? 1 : slot === 'bucket' ? 2 : 3
  return rank * 4 + (theirWanted ? 2 : 0)
}
