/** What is known of one neighbour, from the moment its link comes up; who keeps it, and why, is `neighbors.ts`. */

import type { Slot } from './frames.ts'
import type { Instant, LinkId, PeerId } from './ids.ts'
import type { LinkUp, OfferPath } from './io.ts'
import type { Exchange } from './signaling.ts'

export interface Neighbor {
  readonly link: LinkId
  readonly peer: PeerId
  readonly transport: LinkUp['transport']
  readonly isSecure: boolean
  /** We asked for it. */
  readonly isInitiator: boolean
  readonly upSince: Instant
  readonly offerPath: OfferPath | null
  readonly exchange: string
  /** What we want it for; null: spare. */
  slot: Slot | null
  wanted: boolean
  theirWanted: boolean
  /** Its neighbours, as it last told us. */
  peers: readonly PeerId[]
  hasToldPeers: boolean
  /** The version of our neighbour set that it was told, and when. */
  toldVersion: number
  toldAt: Instant
}

/** A neighbour of this moment: nothing is known of its wishes yet, so both sides count as wanting the link. */
export function createNeighbor(up: LinkUp, exchange: Exchange | undefined, now: Instant): Neighbor {
  return {
    link: up.link,
    peer: up.peer,
    transport: up.transport,
    isSecure: up.isSecure,
    isInitiator: exchange?.isOfferer ?? false,
    upSince: now,
    offerPath: exchange?.offerPath ?? null,
    exchange: up.exchange ?? '',
    slot: null,
    wanted: true,
    theirWanted: true,
    peers: [],
    hasToldPeers: false,
    toldVersion: -1,
    toldAt: now,
  }
}
