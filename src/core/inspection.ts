/**
 * What a node tells about itself: one plain snapshot, made on demand, for the command line, the page, the simulator's
 * checkers and tests. Nothing in the protocol depends on it.
 */

import type { Slot, TopicRole } from './frames.ts'
import type { Instant, LinkId, PeerId, TopicId } from './ids.ts'
import type { LinkUp, OfferPath } from './io.ts'
import type { BootstrapState } from './join.ts'
import type { MeshNode } from './node.ts'

export interface NeighborInspection {
  readonly id: PeerId
  readonly link: LinkId
  readonly slot: Slot | 'spare'
  readonly transport: LinkUp['transport']
  /** Round trip in ms; null before the first echo. */
  readonly rttMs: number | null
  readonly isInitiator: boolean
  /** By which path the offer came; null for links without one. */
  readonly offer: OfferPath | null
  /** Since when, ms. */
  readonly upSince: Instant
}

export interface TopicInspection {
  readonly id: TopicId
  readonly role: TopicRole
  /** Members that we have heard of lately, ourselves not among them. */
  readonly members: readonly PeerId[]
  /** Links to neighbours that carry it too. */
  readonly links: number
}

export interface NodeInspection {
  readonly id: PeerId
  readonly isReady: boolean
  readonly bootstrap: BootstrapState
  readonly linksMax: number
  readonly neighbors: readonly NeighborInspection[]
  /** Links being set up. */
  readonly linksInFlight: number
  /** What neighbours say of their own links. */
  readonly known: readonly { readonly id: PeerId; readonly links: readonly PeerId[] }[]
  readonly addressBook: readonly PeerId[]
  readonly sizeEstimate: number
  /** Topics that we carry. */
  readonly topics: readonly TopicInspection[]
  readonly counters: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Every collection that peers can make grow, with its bound. */
  readonly collections: Readonly<Record<string, { readonly size: number; readonly max: number }>>
}

export function inspectNode(node: MeshNode): NodeInspection {
  const { router, requests, trees, signaling, neighbors, lookups, join, book } = node
  const { broadcast, topics } = trees
  const { jobsRefused, ...own } = node.counters
  return {
    id: node.config.self,
    isReady: join.isReady,
    bootstrap: join.state,
    linksMax: node.config.linksMax,
    neighbors: inspectNeighbors(node),
    linksInFlight: signaling.linksInFlight,
    known: neighbors.all().map(({ peer, route }) => ({ id: peer, links: route.peers ?? [] })),
    addressBook: [...book.peers()],
    sizeEstimate: neighbors.sizeEstimate(),
    topics: [...(topics?.all() ?? [])].map(([id, { role, members, links }]) => ({
      id,
      role,
      members: members.ids,
      links: links.length,
    })),
    counters: {
      node: own,
      refused: { ...jobsRefused },
      router: { ...router.counters },
      requests: { ...requests.counters },
      broadcast: { ...broadcast.counters },
      topics: { ...trees.topicCounters, relaysRefused: topics?.counters.refused ?? 0 },
      signaling: { ...signaling.counters },
      neighbors: { ...neighbors.counters },
      lookups: { ...lookups.counters },
      join: { ...join.counters },
    },
    collections: {
      ...router.collections,
      ...requests.collections,
      ...trees.collections,
      ...signaling.collections,
      ...lookups.collections,
      ...book.collections,
      neighbors: { size: neighbors.size, max: node.config.linksMax },
    },
  }
}

function inspectNeighbors(node: MeshNode): NeighborInspection[] {
  return node.neighbors.all().map((neighbor) => ({
    id: neighbor.peer,
    link: neighbor.link,
    slot: neighbor.slot ?? 'spare',
    transport: neighbor.transport,
    rttMs: neighbor.route.roundTrip?.ms ?? null,
    isInitiator: neighbor.isInitiator,
    offer: neighbor.offerPath,
    upSince: neighbor.upSince,
  }))
}
