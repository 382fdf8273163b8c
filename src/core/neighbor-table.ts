/**
 * The neighbours of this moment, found by id, and what each is wanted for. Plain state: who decides about it
 * is `neighbors.ts`, `repair.ts` and `gossip.ts`, which share it.
 */

import { type Geometry, pointOf } from './geometry.ts'
import type { PeerId, Point } from './ids.ts'
import type { Neighbor } from './neighbor.ts'
import { type SlotPlan, assignSlots, planFor } from './slots.ts'

export interface NeighborsConfig {
  readonly self: PeerId
  readonly geometry: Geometry
  /** Links to other peers at most, those being set up included. 2…256. */
  readonly linksMax: number
}

export class NeighborTable {
  readonly config: NeighborsConfig
  readonly point: Point
  readonly plan: SlotPlan
  /** Counts changes of who is in it. */
  version = 0
  /** Neighbours that asked for their link, by an offer or a lookup. */
  askedFor = 0
  readonly #all: Neighbor[] = []
  readonly #byPeer = new Map<PeerId, Neighbor>()
  #placedVersion = 0

  constructor(config: NeighborsConfig) {
    this.config = config
    this.point = pointOf(config.self)
    this.plan = planFor(config.linksMax)
  }

  get size(): number {
    return this.#all.length
  }

  /** In the order they came up. The row changes with the table: whoever closes links while walking it takes a copy. */
  get all(): readonly Neighbor[] {
    return this.#all
  }

  has(peer: PeerId): boolean {
    return this.#byPeer.has(peer)
  }

  get(peer: PeerId): Neighbor | undefined {
    return this.#byPeer.get(peer)
  }

  add(neighbor: Neighbor): void {
    this.#all.push(neighbor)
    if (!neighbor.isRequested) this.askedFor++
    this.#byPeer.set(neighbor.peer, neighbor)
    this.version++
  }

  remove(neighbor: Neighbor): void {
    const at = this.#all.indexOf(neighbor)
    if (at < 0) return
    this.#all.splice(at, 1)
    if (!neighbor.isRequested) this.askedFor--
    if (this.#byPeer.get(neighbor.peer) === neighbor) this.#byPeer.delete(neighbor.peer)
    this.version++
  }

  /** Decides what each is wanted for, if anybody has come or gone since. True: it may have changed. */
  place(): boolean {
    if (this.#placedVersion === this.version) return false
    this.#placedVersion = this.version
    assignSlots({ self: this.config.self, point: this.point }, this.#all, this.plan)
    return true
  }
}
