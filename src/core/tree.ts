/** What one broadcast tree (`plumtree.ts`) is told, needs of its node, and counts. */

import type { CacheLimits } from './broadcast-cache.ts'
import type { BroadcastFrame, TreeFrame } from './frames.ts'
import type { Instant, Key, LinkId, PeerId } from './ids.ts'
import type { TimerToken } from './io.ts'
import type { Route } from './routes.ts'

export interface TreeHooks {
  send(link: LinkId, frame: BroadcastFrame | TreeFrame): void
  schedule(token: TimerToken, delayMs: number): void
  /** Links of the mesh to whoever carries this tree. */
  links(): readonly Route[]
  /** Do we only pass it on, for others? */
  isRelay(): boolean
  /** When we came: what is older is not for us. */
  since(): Instant
  /** Those of them whose other end wants the messages for itself. */
  audience(): readonly Route[]
  route(link: LinkId): Route | undefined
  /** The link to that peer; null: none. */
  linkTo(peer: PeerId): LinkId | null
  /** May that link have us send it so much? */
  afford(frame: BroadcastFrame, to: Route, now: Instant): boolean
  /** 32 random bits. */
  random(): number
}

export interface TreeConfig {
  /** The buckets of the geometry, over which the first eager links are spread. */
  readonly bucketOf: (peer: PeerId) => number
  /** The target of its broadcasts. */
  readonly tree: Key
  /** See `BroadcastConfig`. */
  readonly holdMs: number
  readonly limits: Partial<CacheLimits>
}

/** Of all trees of a peer together. */
export interface TreeCounters {
  /** Payloads sent. */
  sent: number
  duplicates: number
  announced: number
  grafts: number
  prunes: number
  digests: number
  /** Announcements that led to nothing: their senders gave nothing before. */
  ignored: number
}

/** How a verified message came. */
export interface Arrival {
  readonly from: Route
  readonly source: PeerId
  /** Copies that came over other links meanwhile. */
  readonly others: readonly { readonly link: LinkId }[]
}
