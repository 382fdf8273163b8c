/**
 * What `mesh.inspect()` returns: one plain object that survives JSON, made on demand for the terminal, the live page
 * and tests. `peers()` is its short form.
 */

import type { NeighborInspection, NodeInspection } from './core/inspection.ts'
import type { Engine } from './engine.ts'
import type { BootstrapChange, OfferPath } from './events.ts'
import type { ServerInspection } from './net/bootstrap-client.ts'
import type { LinkCounters } from './net/link.ts'

/** starting: keys are being made. joining: looking for a way in. */
export type MeshState = 'starting' | 'joining' | 'ready' | 'closed'

/** A peer that we have a link with. */
export interface PeerInfo {
  readonly id: string
  readonly transport: 'webrtc' | 'websocket' | 'memory'
  /** Round trip in milliseconds; null before the first measurement. */
  readonly rttMs: number | null
  /** How the link's offer travelled; null for links that needed none. */
  readonly offer: OfferPath | null
  /** We made the offer. */
  readonly isInitiator: boolean
  /** What we want it for. spare: for nothing, it may be closed. */
  readonly slot: 'ring' | 'bucket' | 'random' | 'guest' | 'spare'
  /** When it came up, in milliseconds since the Unix epoch. */
  readonly upSince: number
}

/** The same, with what the link has carried. */
export interface NeighborSnapshot extends PeerInfo {
  readonly counters: LinkCounters | null
}

export interface TopicSnapshot {
  /** 52 characters of base32. */
  readonly id: string
  /** Null: we only relay it, and do not know its name. */
  readonly name: string | null
  readonly role: 'out' | 'relay' | 'member'
  /** Other members that we have heard of lately. */
  readonly members: readonly string[]
  /** Links to neighbours that carry it too. */
  readonly links: number
}

export interface Snapshot {
  /** Null while starting. */
  readonly id: string | null
  readonly network: string
  readonly state: MeshState
  readonly bootstrap: {
    /** none: not contacted so far. */
    readonly state: 'none' | BootstrapChange['state']
    readonly detail: string
    readonly servers: readonly ServerInspection[]
  }
  /** Where we listen for newcomers ourselves. */
  readonly listening: readonly string[]
  readonly linksMax: number
  /** Links being set up. */
  readonly linksInFlight: number
  readonly neighbors: readonly NeighborSnapshot[]
  /** What neighbours say of their own links: enough to draw the mesh around us. */
  readonly known: readonly { readonly id: string; readonly links: readonly string[] }[]
  /** Ids remembered for repair. */
  readonly addressBook: readonly string[]
  /** Estimated number of peers in the mesh, ourselves included. */
  readonly sizeEstimate: number
  /** Topics that we are in, and those that we only relay. */
  readonly topics: readonly TopicSnapshot[]
  /** Counters by part and name; `refused` counts bytes refused and `exchanges` connections that failed, by reason. */
  readonly counters: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Every collection that peers can make grow, with its bound. */
  readonly collections: Readonly<Record<string, { readonly size: number; readonly max: number }>>
}

/** A neighbour as the application sees it. */
export function peerInfo({ link, ...info }: NeighborInspection): PeerInfo {
  void link
  return info
}

/** What only the mesh knows; `topicNames`: of topics that we are in, by id. */
export interface SnapshotParts extends Pick<Snapshot, 'network' | 'state' | 'listening' | 'linksMax'> {
  readonly bootstrapDetail: string
  readonly topicNames: ReadonlyMap<string, string>
}

/** Before there is an identity. */
const NOTHING: Omit<NodeInspection, 'id' | 'isReady' | 'linksMax'> = {
  bootstrap: 'none',
  neighbors: [],
  linksInFlight: 0,
  known: [],
  addressBook: [],
  sizeEstimate: 1,
  topics: [],
  counters: {},
  collections: {},
}

/** `engine`: null while starting. */
export function snapshotOf({ bootstrapDetail, topicNames, ...mesh }: SnapshotParts, engine: Engine | null): Snapshot {
  const { bootstrap, neighbors, known, addressBook, sizeEstimate, topics, linksInFlight, counters, collections } =
    engine?.inspect() ?? NOTHING
  return {
    ...mesh,
    id: engine?.identity.id ?? null,
    bootstrap: { state: bootstrap, detail: bootstrapDetail, servers: engine?.servers() ?? [] },
    linksInFlight,
    neighbors: neighbors.map((neighbor) => ({
      ...peerInfo(neighbor),
      // A snapshot does not change afterwards; the link's own counters do.
      counters: structuredClone(engine?.driver.counters(neighbor.link) ?? null),
    })),
    known,
    addressBook,
    sizeEstimate,
    topics: topics.map((topic) => ({ ...topic, name: topicNames.get(topic.id) ?? null })),
    counters: { ...counters, exchanges: { ...engine?.failures } },
    collections,
  }
}
