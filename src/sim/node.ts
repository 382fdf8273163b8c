/**
 * One simulated participant and the ends of its links: plain state, moved about by `network.ts` and `links.ts`. Ends are
 * told apart by instance; a closed end never comes back (STYLE 12). What most nodes never need is null until they do: a
 * hundred thousand of them must fit into memory.
 */

import type { OfferMessage } from '../core/frames.ts'
import type { ExchangeId, LinkId, PeerId } from '../core/ids.ts'
import type { LinkMemo, LinkRole } from '../core/io.ts'
import type { Route } from '../core/routes.ts'
import type { Behavior, HostileMachine } from './hostile.ts'
import type { Due } from './events.ts'
import type { Machine } from './machine.ts'
import type { Rng } from './rng.ts'
import type { ModelSealer } from './sealer.ts'

/** One end of a link: what one node sees of it. What every frame looks at comes first, to share a line of the cache. */
export class LinkEnd implements LinkMemo {
  readonly node: SimNode
  /** From `linkUp` until the node closes it or learns that it has closed. */
  isOpen = false
  readonly id: LinkId
  route: Route | null = null
  /** The pair's latency in whole microseconds: V8 boxes fractions. */
  readonly baseUs: number
  /** The latest instant at which anything sent so far reaches the other end: links keep the order of frames. */
  sentUntil = 0
  /** The end at the other node; set once, right after both are made. */
  other!: LinkEnd
  readonly role: LinkRole
  /** When it comes up, or should have. */
  opensAt = 0
  /** When it closed, also if it never opened; 0 before. */
  closedAt = 0
  /** When everything sent so far will have left this end; stays 0 without a limit of bytes per second. */
  busyUntil = 0

  constructor(id: LinkId, node: SimNode, details: { readonly role: LinkRole; readonly baseMs: number }) {
    this.id = id
    this.node = node
    this.role = details.role
    this.baseUs = Math.round(details.baseMs * 1_000)
  }
}

/** One side of a running offer/answer exchange, or of a connected call. */
export interface Exchange {
  readonly id: ExchangeId
  readonly remote: PeerId
  readonly purpose: OfferMessage['purpose']
  readonly side: 'offerer' | 'answerer'
  /** Calls: the other end, once connected. */
  partner: SimNode | null
}

/** A bootstrap that could not be reached lately: how often in a row, and until when it is left alone. */
export interface Rest {
  failures: number
  until: number
}

export class SimNode {
  /** Counted up from 0; never used again, also not after a crash. */
  readonly number: number
  machine!: Machine
  /** Up and not frozen. */
  isRunning = true
  /** What lies between the machine and the network; null: an honest node. */
  hostile: HostileMachine | null = null
  /** Bytes it has sent. */
  bytesSent = 0
  readonly id: PeerId
  readonly isBootstrap: boolean
  readonly rng: Rng
  readonly sealer: ModelSealer
  isUp = true
  /** When it was started, in virtual milliseconds. */
  startedAt = 0
  /** When it said that it is ready; 0 before. */
  readyAt = 0
  /** When it went down, in virtual milliseconds; 0 while it is up. */
  downAt = 0
  /** When it last woke from being frozen; 0: never. */
  wokeAt = 0
  /** When it will wake; 0 unless it is frozen. */
  frozenUntil = 0
  /** Open ends of the role `peer`. */
  degree = 0
  /** Open ends, in the order they opened. */
  ends: LinkEnd[] = []
  /** Running exchanges and calls; null: never had any. */
  exchanges: Map<ExchangeId, Exchange> | null = null
  /** While frozen: what is due when it wakes. */
  held: Due[] | null = null
  /** By index in `Network.bootstraps`; null: none has failed yet. */
  rests: (Rest | undefined)[] | null = null
  /** A contact to a bootstrap is under way. */
  isContacting = false

  constructor(
    number: number,
    details: { readonly id: PeerId; readonly isBootstrap: boolean; readonly rng: Rng; readonly sealer: ModelSealer },
  ) {
    this.number = number
    this.id = details.id
    this.isBootstrap = details.isBootstrap
    this.rng = details.rng
    this.sealer = details.sealer
  }

  /** How it deviates from the protocol; null: not at all. */
  get behavior(): Behavior | null {
    return this.hostile?.behavior ?? null
  }
}
