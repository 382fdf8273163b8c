/**
 * One simulated participant and the ends of its links: plain state, moved about by `network.ts`. Ends are told apart
 * by instance; a closed end never comes back (STYLE 12).
 */

import type { ExchangeId, LinkId, PeerId } from '../core/ids.ts'
import type { LinkRole } from '../core/io.ts'
import type { OfferMessage } from '../core/frames.ts'
import type { Machine } from './machine.ts'
import type { Rng } from './rng.ts'
import type { ModelSealer } from './sealer.ts'

/** One end of a link: what one node sees of it. */
export class LinkEnd {
  readonly id: LinkId
  readonly node: SimNode
  readonly role: LinkRole
  readonly baseMs: number
  /** The end at the other node; set once, right after both are made. */
  other!: LinkEnd
  /** From `linkUp` until the node closes it or learns that it has closed. */
  isOpen = false
  /** No frame reaches this end before this instant: links keep the order of frames. */
  arrivalsFrom = 0
  /** Its node gave up before it opened. */
  isCancelled = false

  constructor(id: LinkId, node: SimNode, details: { readonly role: LinkRole; readonly baseMs: number }) {
    this.id = id
    this.node = node
    this.role = details.role
    this.baseMs = details.baseMs
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

export class SimNode {
  /** Counted up from 0; never used again, also not after a crash. */
  readonly number: number
  readonly id: PeerId
  readonly isBootstrap: boolean
  readonly rng: Rng
  readonly sealer: ModelSealer
  machine!: Machine
  isUp = true
  /** When it was started, in virtual milliseconds. */
  startedAt = 0
  /** When it said that it is ready; 0 before. */
  readyAt = 0
  /** When it went down, in virtual milliseconds; 0 while it is up. */
  downAt = 0
  /** Open ends of the role `peer`. */
  degree = 0
  readonly ends = new Map<LinkId, LinkEnd>()
  readonly exchanges = new Map<ExchangeId, Exchange>()

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
}
