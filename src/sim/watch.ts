/** Whom the network tells what happens in it: statistics, trace, checkers and the record of requests. */

import type { Frame } from '../core/frames.ts'
import type { Input, NodeEvent } from '../core/io.ts'
import type { Checkers } from './checkers.ts'
import { EPOCH_MS, type NetworkObserver } from './network.ts'
import type { LinkEnd, SimNode } from './node.ts'
import type { Requests } from './requests.ts'
import type { DropCause, Stats } from './stats.ts'
import type { TraceHash } from './trace.ts'

/** Every this many events the node at hand is asked for the sizes of its collections. */
const INSPECT_EVENTS = 1_024

export interface Watchers {
  readonly stats: Stats
  readonly trace: TraceHash
  readonly checkers: Checkers
  readonly requests: Requests
  /** Asked for at every event: it may come and go. */
  readonly onEvent: ((atMs: number, node: SimNode, input: Input) => void) | null
}

export class Watch implements NetworkObserver {
  readonly #stats: Stats
  readonly #trace: TraceHash
  readonly #checkers: Checkers
  readonly #requests: Requests
  readonly #watchers: Watchers
  readonly #now: () => number

  constructor(watchers: Watchers, now: () => number) {
    const { stats, trace, checkers, requests } = watchers
    this.#watchers = watchers
    this.#stats = stats
    this.#trace = trace
    this.#checkers = checkers
    this.#requests = requests
    this.#now = now
  }

  handling(node: SimNode, input: Input): void {
    this.#trace.add(this.#now(), node.number, input)
    if (input.kind !== 'frame') this.#stats.handling(input)
    this.#watchers.onEvent?.(this.#now() - EPOCH_MS, node, input)
  }

  handled(node: SimNode): void {
    if (this.#trace.events % INSPECT_EVENTS === 0) this.#checkers.inspect(node, this.#now())
  }

  sending(end: LinkEnd, frame: Frame): void {
    end.node.bytesSent += this.#stats.sending(end, frame, this.#now())
  }

  dropped(frame: Frame, cause: DropCause): void {
    this.#stats.drop(frame, cause)
  }

  doubled(): void {
    this.#stats.duplicated++
  }

  opened(end: LinkEnd): void {
    if (end.role === 'peer' && end.other.isOpen) this.#stats.linksOpened++
    this.#checkers.opened(end, this.#now())
  }

  emitted(node: SimNode, event: NodeEvent): void {
    if (event.kind === 'ready') node.readyAt = this.#now()
    this.#requests.emitted(node, event, this.#now())
  }

  wentDown(node: SimNode): void {
    if (!node.isBootstrap) this.#stats.died(this.#now())
    this.#requests.crashed(node)
  }
}
