/**
 * What is known of one neighbour, from the moment its link comes up, and to which claims of others it yields. Who keeps
 * it, and why, is `neighbors.ts`.
 */

import type { Slot } from './frames.ts'
import type { Instant, LinkId, PeerId, Point } from './ids.ts'
import type { LinkUp, OfferPath } from './io.ts'
import type { Route } from './routes.ts'
import { type Exchange, isForOther } from './exchange.ts'

/** With fewer neighbours besides us than this, a peer hangs on its link to us (guess). */
export const LIFELINE_PEERS = 2

/** What somebody wants a link to us for. `passage`: for its ring, though it is none of our ring neighbours. */
export type Claim = Slot | 'passage'

export interface Neighbor {
  /** Its link as the router sees it. */
  readonly route: Route
  readonly link: LinkId
  readonly peer: PeerId
  readonly point: Point
  /** Its bucket by the geometry. */
  readonly bucket: number
  readonly transport: LinkUp['transport']
  readonly isSecure: boolean
  /** The offer was ours. */
  readonly isInitiator: boolean
  /** We asked for it, by an offer or by a lookup that was answered with one. */
  readonly isRequested: boolean
  readonly upSince: Instant
  readonly offerPath: OfferPath | null
  readonly exchange: string
  /** What we want it for; null: spare. */
  slot: Slot | null
  wanted: boolean
  theirWanted: boolean
  /** The version of our neighbour set that it was told of, a fingerprint of what it was told, and when. */
  toldVersion: number
  toldPrint: number
  toldAt: Instant
}

/** A neighbour of this moment: nothing is known of its wishes yet, so both sides count as wanting the link. */
export function createNeighbor(
  up: LinkUp,
  at: Pick<Neighbor, 'route' | 'point' | 'bucket'>,
  exchange: Exchange | undefined,
  now: Instant,
): Neighbor {
  return {
    route: at.route,
    link: up.link,
    peer: up.peer,
    point: at.point,
    bucket: at.bucket,
    transport: up.transport,
    isSecure: up.isSecure,
    isInitiator: exchange?.isOfferer ?? false,
    isRequested: exchange !== undefined && !isForOther(exchange),
    upSince: now,
    offerPath: exchange?.offerPath ?? null,
    exchange: up.exchange ?? '',
    slot: null,
    wanted: true,
    theirWanted: true,
    toldVersion: -1,
    toldPrint: 0,
    toldAt: now,
  }
}

/**
 * Ring neighbours and newcomers may take the place of whatever is no ring link. One who seeks its ring place further on
 * takes a spare or random link: we know who is nearer to it. A bucket claim breaks nothing that the other side wants: it
 * would only ask the next peer for another link, and where the caps hold fewer links than all would like, that went round
 * for ever (simulated: 100 peers with 8 links each, five links a second broken and made long after everybody was in).
 */
export function yieldsTo(neighbor: Neighbor, claim: Claim): boolean {
  if (claim === 'ring' || claim === 'guest') return neighbor.slot !== 'ring'
  return (neighbor.slot === null || neighbor.slot === 'random') && (claim === 'passage' || !neighbor.theirWanted)
}

/**
 * It has said that it has next to nobody else. To put it out could cut it off for good once no bootstrap is left
 * (simulated, seed 49 of test/sim/options: five of its six neighbours had just crashed when the sixth made room).
 */
export function hangsOnUs({ route: { peers } }: Neighbor): boolean {
  return peers !== null && peers.length < LIFELINE_PEERS
}
