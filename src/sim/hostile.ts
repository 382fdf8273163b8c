/**
 * What lies between a hostile member and the network: it passes everything on, in both directions, and knows which
 * frames are other peers' business. The kinds of harm are made from it in `behavior.ts`.
 */

import { RecentMap } from '../core/bounded.ts'
import type { Frame } from '../core/frames.ts'
import type { Instant, LinkId, MessageId } from '../core/ids.ts'
import type { Input } from '../core/io.ts'
import type { Machine, MachineInspection } from './machine.ts'
import type { Network } from './network.ts'
import type { SimNode } from './node.ts'

/**
 * silentDropper: drops what it should forward, unicasts, lookups and replies, and says nothing. misrouter: forwards to a
 * random or the worst link, and answers lookups that it should not. ackForger: answers unicasts to others with bodies of
 * its own. idFlooder: names peers that do not exist, and looks for such. freeRider: takes broadcasts, never forwards.
 * broadcastFlooder: broadcasts as fast as its links carry.
 */
export type Behavior = 'silentDropper' | 'misrouter' | 'ackForger' | 'idFlooder' | 'freeRider' | 'broadcastFlooder'

/** Other peers' messages that one hostile node remembers, and for how long: any multiple of a message's life does. */
const STRANGERS = { max: 16_384, keepMs: 120_000 }

export abstract class HostileMachine implements Machine {
  abstract readonly behavior: Behavior
  /** The honest machine. */
  readonly inner: Machine
  protected readonly network: Network
  protected readonly node: SimNode
  readonly #strangers = new RecentMap<MessageId, true>(STRANGERS)

  constructor(network: Network, node: SimNode) {
    this.network = network
    this.node = node
    this.inner = node.machine
  }

  /** It has taken the node over: what it does of its own accord begins here. */
  begin(): void {}

  /** What comes in. */
  handle(input: Input, now: Instant): void {
    if (input.kind === 'frame') this.#remember(input.frame, now)
    this.inner.handle(input, now)
  }

  /** What the honest machine wants to send. */
  send(link: LinkId, frame: Frame): void {
    this.network.links.send(this.node, link, frame)
  }

  measure(): MachineInspection {
    return this.inner.measure?.() ?? {}
  }

  /** Does it carry this frame for another peer? */
  protected isForOthers(frame: Frame): boolean {
    if (frame.kind === 'nack') return this.isForOthers(frame.frame)
    return 'id' in frame && frame.kind !== 'direct' && this.#strangers.has(frame.id)
  }

  #remember(frame: Frame, now: Instant): void {
    const { id: self } = this.node
    const isStrange =
      (frame.kind === 'unicast' && frame.target !== self) ||
      (frame.kind === 'lookup' && frame.requester !== self) ||
      frame.kind === 'broadcast'
    if (isStrange) this.#strangers.set(frame.id, true, now)
  }
}
