/**
 * Which links are wanted for what (DESIGN §5): the nearest ids on either side of the ring, one peer in every non-empty
 * bucket, a few at random; whatever else there is stays as a spare while there is room.
 */

import type { Slot } from './frames.ts'
import { CIRCLE, RingArc, ahead, pointOf } from './geometry.ts'
import type { Key, PeerId, Point } from './ids.ts'

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
    softMax: Math.max(1, Math.floor(linksMax * 0.875)),
  }
}

/** A peer with a link, as far as its place is concerned. */
export interface Placed {
  readonly peer: PeerId
  readonly point: Point
  /** Its bucket by the geometry. */
  readonly bucket: number
  /** What it is wanted for; null: spare. */
  slot: Slot | null
}

/** Says for each of `peers` (longest-standing first) what it is wanted for. */
export function assignSlots(
  at: { readonly self: Key; readonly point: Point },
  peers: readonly Placed[],
  plan: SlotPlan,
): void {
  const arc = new RingArc(at.self, at.point, plan.ringSide)
  for (const { peer, point } of peers) arc.add(peer, point)
  const filled = new Set<number>()
  for (const place of peers) {
    const isRing = arc.has(place.peer, place.point)
    place.slot = isRing ? 'ring' : null
    if (isRing) filled.add(place.bucket)
  }
  let randomCount = 0
  for (const place of peers) {
    if (place.slot !== null || filled.has(place.bucket)) continue
    place.slot = 'bucket'
    filled.add(place.bucket)
  }
  for (const place of peers) {
    if (place.slot !== null || randomCount >= plan.randomMax) continue
    place.slot = 'random'
    randomCount++
  }
}

/**
 * How many peers there are, from the density of the ring around us: k ids on an arc of share s suggest k/s. The
 * relative error is about 1/√k (REFERENCE §2c). At least the number we know to exist; exactly that while both sides of
 * `arc` meet.
 */
export function estimateSize(arc: RingArc, known: number): number {
  const side = arc.after.length
  const [first, last] = [arc.before.at(-1), arc.after.at(-1)]
  if (first === undefined || last === undefined || arc.before.length < side || known <= 2 * side) return known + 1
  const share = ahead(pointOf(first), pointOf(last)) / CIRCLE
  return share === 0 ? known + 1 : Math.max(known + 1, (2 * side) / share)
}
