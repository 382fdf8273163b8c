/**
 * The links as the router sees them. Those that carry for others stand in a row with their points beside them, because
 * every frame that is forwarded looks at all of them: 32 numbers in sequence instead of 32 objects and 32 texts.
 */

import type { Bucket } from './budget.ts'
import { type Geometry, pointOf } from './geometry.ts'
import type { Instant, Key, LinkId, PeerId, Point } from './ids.ts'
import type { LinkRole } from './io.ts'
import type { Pulse } from './liveness.ts'

export interface Route extends Pulse {
  readonly peer: PeerId
  readonly role: LinkRole
  /** It is in the table. */
  isUp: boolean
  /** A ring neighbour: the last resort when no link is closer to the target. */
  isRing: boolean
  /** Frames wait here for a sign of life that it was asked for. */
  isAsked: boolean
  /** Asked for a sign of life, it has given none: nothing goes this way while there is another. */
  isStalled: boolean
  /** Requests of ours that got no answer this way and did another, in a row. */
  misses: number
  /** Its neighbours, as it last told us; null: it has not. */
  peers: readonly PeerId[] | null
  /** Its place in the row of those that carry; −1: it carries nothing for targets that it is not itself. */
  carrier: number
  /** Budgets of what it may have us carry; null: it never has. */
  frames: Bucket | null
  bytes: Bucket | null
}

/** A link that is about to be added. `carries`: a neighbour of the mesh, or a bootstrap's entry. */
export interface RouteSetup {
  readonly link: LinkId
  readonly peer: PeerId
  readonly role: LinkRole
  readonly carries: boolean
}

export class Routes {
  readonly #geometry: Geometry
  readonly #byLink = new Map<LinkId, Route>()
  readonly #byPeer = new Map<PeerId, Route>()
  readonly #carriers: Route[] = []
  #points = new Float64Array(8)

  constructor(geometry: Geometry) {
    this.#geometry = geometry
  }

  /** In the order they came up. */
  all(): IterableIterator<Route> {
    return this.#byLink.values()
  }

  get carriers(): readonly Route[] {
    return this.#carriers
  }

  get(link: LinkId): Route | undefined {
    return this.#byLink.get(link)
  }

  to(peer: PeerId): Route | undefined {
    return this.#byPeer.get(peer)
  }

  add(setup: RouteSetup, now: Instant): Route {
    // Spelled out: V8 gives each object that two spreads have made a hidden class of its own, half a kilobyte a link.
    // In the order of use: what every frame looks at shares a line of the cache.
    const route: Route = {
      heardAt: now,
      role: setup.role,
      isUp: true,
      isAsked: false,
      isStalled: false,
      beatAt: now,
      askedAt: 0,
      hasRoom: false,
      link: setup.link,
      deadMs: 0,
      roundTrip: null,
      peer: setup.peer,
      misses: 0,
      peers: null,
      isRing: false,
      carrier: -1,
      frames: null,
      bytes: null,
    }
    this.#byLink.set(route.link, route)
    this.#byPeer.set(route.peer, route)
    if (setup.carries) this.setCarries(route, true)
    return route
  }

  remove(link: LinkId): Route | undefined {
    const route = this.#byLink.get(link)
    if (route === undefined) return undefined
    this.setCarries(route, false)
    route.isUp = false
    this.#byLink.delete(link)
    if (this.#byPeer.get(route.peer) === route) this.#byPeer.delete(route.peer)
    return route
  }

  /** May it carry frames for targets that it is not itself? */
  setCarries(route: Route, carries: boolean): void {
    if (carries === route.carrier >= 0) return
    if (carries) this.#enrol(route)
    else this.#strike(route)
  }

  /**
   * The carrier closest to `target` among those that `isOpen` lets pass (asked of few: only of who would be the best so
   * far); undefined if there is none.
   */
  closest(target: Key, isOpen: (route: Route) => boolean): Route | undefined {
    const geometry = this.#geometry
    const point = pointOf(target)
    let best: Route | undefined
    let bestDistance = Infinity
    for (let i = 0; i < this.#carriers.length; i++) {
      const distance = geometry.distance(point, this.#points[i] as Point)
      if (distance > bestDistance) continue
      const route = this.#carriers[i] as Route
      if (!isOpen(route)) continue
      if (best !== undefined && distance === bestDistance && geometry.compare(target, route.peer, best.peer) > 0)
        continue
      best = route
      bestDistance = distance
    }
    return best
  }

  #enrol(route: Route): void {
    route.carrier = this.#carriers.push(route) - 1
    if (route.carrier === this.#points.length) {
      const points = new Float64Array(this.#points.length * 2)
      points.set(this.#points)
      this.#points = points
    }
    this.#points[route.carrier] = pointOf(route.peer)
  }

  #strike(route: Route): void {
    const last = this.#carriers.pop() as Route
    if (last !== route) {
      this.#carriers[route.carrier] = last
      this.#points[route.carrier] = this.#points[last.carrier] as number
      last.carrier = route.carrier
    }
    route.carrier = -1
  }
}
