/**
 * Which links are wanted for what (DESIGN §5): the nearest ids on either side of the ring, one peer in every non-empty
 * bucket, a few at random; whatever else there is stays as a spare while there is room. Pure functions of ids.
 */

import type { Slot } from './frames.ts'
import { type Geometry, fractionOf, ringArc, ringAround } from './geometry.ts'
import type { Key, PeerId } from './ids.ts'

export interface SlotPlan {
  /** Ring neighbours wanted on either side: 4 at a cap of 32 (DESIGN §5), fewer where the cap is small. */
  readonly ringSide: number
  /** Links wanted at random: 4 at a cap of 32. */
  readonly randomMax: number
  /** Up to here spare links are kept; above, they are marked as no longer wanted. */
  readonly softMax: number
}

/** Scales the slots of DESIGN §5 to a cap: an eighth of it on either side of the ring, an eighth at random. */
export function planFor(linksMax: number): SlotPlan {
  const eighth = Math.floor(linksMax / 8)
  const ringSide = Math.min(4, Math.max(1, eighth))
  return {
    ringSide,
    randomMax: Math.min(4, Math.max(linksMax >= 6 ? 1 : 0, eighth)),
    softMax: Math.max(1, Math.floor(linksMax * 0.75)),
  }
}

/**
 * What each of `peers` (longest-standing first) is wanted for. Peers without an entry are spare.
 */
export function assignSlots(
  at: { readonly self: Key; readonly geometry: Geometry },
  peers: readonly PeerId[],
  plan: SlotPlan,
): Map<PeerId, Slot> {
  const slots = new Map<PeerId, Slot>()
  const filled = new Set<number>()
  for (const peer of ringAround(at.self, peers, plan.ringSide)) {
    slots.set(peer, 'ring')
    filled.add(at.geometry.bucketOf(at.self, peer))
  }
  for (const peer of peers) {
    const bucket = at.geometry.bucketOf(at.self, peer)
    if (slots.has(peer) || filled.has(bucket)) continue
    slots.set(peer, 'bucket')
    filled.add(bucket)
  }
  let randomCount = 0
  for (const peer of peers) {
    if (slots.has(peer) || randomCount >= plan.randomMax) continue
    slots.set(peer, 'random')
    randomCount++
  }
  return slots
}

/** Those of `candidates` that belong among the ring neighbours of `self`, given the ones it has. */
export function missingRing(
  self: Key,
  has: Iterable<PeerId>,
  candidates: readonly PeerId[],
  ringSide: number,
): PeerId[] {
  const held = new Set(has)
  const ring = ringAround(self, [...held, ...candidates], ringSide)
  return [...ring].filter((id) => !held.has(id))
}

/** Would `peer` be one of our ring neighbours beside those we have? */
export function belongsToRing(self: Key, has: readonly PeerId[], peer: PeerId, ringSide: number): boolean {
  return ringAround(self, [...has.filter((id) => id !== peer), peer], ringSide).has(peer)
}

/**
 * How many peers there are, from the density of the ring around us: k ids on an arc of share s suggest k/s. The
 * relative error is about 1/√k (REFERENCE §2c). At least the number we know to exist.
 */
export function estimateSize(self: Key, known: ReadonlySet<PeerId>, side: number): number {
  const floor = known.size + 1
  const { after, before } = ringArc(self, known, side)
  const farthestAfter = after[side - 1]
  const farthestBefore = before[side - 1]
  if (farthestAfter === undefined || farthestBefore === undefined || known.size <= 2 * side) return floor
  const arc = (fractionOf(farthestAfter) - fractionOf(farthestBefore) + 1) % 1
  return arc === 0 ? floor : Math.max(floor, (2 * side) / arc)
}
