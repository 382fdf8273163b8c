/**
 * Peers that a node had links to before it was restarted, and asks for again. A restart is the moment of an eclipse
 * (Heilman et al., USENIX Security 2015): every link is gone at once, and who knows when to wait can be all that a node
 * finds. Bitcoin Core keeps two such anchors; they are asked for as soon as there is one link to reach them by, before
 * anybody of whom that link speaks. At the other side we claim no more than anybody may: a place for a bucket, and where
 * there is none, a newcomer's, which is what we are. Here an anchor's place is that of any bucket or random link. Which peers
 * to save says `anchorsOf`.
 */

import type { Instant, PeerId } from './ids.ts'
import type { Neighbor } from './neighbor.ts'
import type { NeighborTable } from './neighbor-table.ts'
import type { Room } from './room.ts'
import type { Signaling } from './signaling.ts'

export interface AnchorsParts {
  readonly table: NeighborTable
  readonly room: Room
  readonly signaling: Signaling
}

/** What a node takes at most; more would be a list of members, and its upkeep another matter. */
export const ANCHORS_MAX = 8
/** What it gives out to be saved: twice Bitcoin Core's two, for peers in browsers go sooner (guess). */
const ANCHORS_SAVED = 4
/** Waits between one round of offers and the next: our first link may be the very one that does not forward (guess). */
const PAUSES_MS = [3_000, 10_000, 30_000]
/** REFERENCE §3: two anchors. Until we have so many of them, we ask the others as newcomers do, for whom room is made. */
const ENOUGH = 2

export class Anchors {
  readonly #parts: AnchorsParts
  readonly #wanted: number
  /** Those that we have had no link to yet; empty once all are found or given up. */
  #missing: readonly PeerId[]
  #rounds = 0
  #roundAt = 0

  constructor(anchors: readonly PeerId[], parts: AnchorsParts) {
    this.#parts = parts
    this.#missing = anchors.filter((peer) => peer !== parts.table.config.self).slice(0, ANCHORS_MAX)
    this.#wanted = this.#missing.length
  }

  /** At the first link, and at every tick. */
  seek(now: Instant): void {
    const { table } = this.#parts
    if (this.#missing.length === 0 || table.size === 0) return
    this.#missing = this.#missing.filter((peer) => !table.has(peer))
    if (now < this.#roundAt) return
    const pauseMs = PAUSES_MS[this.#rounds++]
    if (pauseMs === undefined) {
      this.#missing = []
      return
    }
    this.#roundAt = now + pauseMs
    this.#offer(now)
  }

  #offer(now: Instant): void {
    const { room, signaling } = this.#parts
    const hasEnough = this.#wanted - this.#missing.length >= ENOUGH
    const slot = this.#rounds === 1 || hasEnough ? 'bucket' : 'guest'
    for (const peer of this.#missing)
      if (signaling.linkTo(peer) === undefined && room.holds(slot)) signaling.offerLink(peer, slot, { via: null }, now)
  }
}

/**
 * Those to save: the longest-standing that we chose ourselves, for nobody can put himself among those; where there are
 * not enough, the longest-standing of the others. `neighbors`: in the order they came up.
 */
export function anchorsOf(neighbors: readonly Neighbor[]): PeerId[] {
  // Who answered a lookup of ours chose us as much as we him.
  const isChosen = ({ isInitiator, isRequested }: Neighbor): boolean => isInitiator && isRequested
  const chosen = neighbors.filter((neighbor) => isChosen(neighbor))
  const others = neighbors.filter((neighbor) => !isChosen(neighbor))
  return [...chosen, ...others].slice(0, ANCHORS_SAVED).map(({ peer }) => peer)
}
