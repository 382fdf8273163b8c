/**
 * What waits in the queue: one object each, which is at the same time the input that a machine will get, because a mesh
 * of ten thousand peers makes a million of them a second. What the machine has no business with is private.
 */

import type { Frame } from '../core/frames.ts'
import type { LinkId } from '../core/ids.ts'
import type { Input, TimerToken } from '../core/io.ts'
import type { Network } from './network.ts'
import type { Exchange, LinkEnd, SimNode } from './node.ts'

/** Something that happens when its time has come. */
export interface Due {
  fire(network: Network): void
}

/**
 * A frame arrives at one end of a link, if it is still open. Nine of ten of what waits: `Network.step` tells them apart first,
 * and does what is to be done, because V8 looks up by hash what more than four classes have.
 */
export class FrameDue {
  readonly kind = 'frame'
  readonly frame: Frame
  readonly memo: LinkEnd

  constructor(end: LinkEnd, frame: Frame) {
    this.frame = frame
    this.memo = end
  }

  get link(): LinkId {
    return this.memo.id
  }
}

/** One end of a link learns that it has closed, unless it has closed itself. */
export class LinkDownDue implements Due {
  readonly kind = 'linkDown'
  readonly link: LinkId
  readonly reason: string
  readonly #end: LinkEnd

  constructor(end: LinkEnd, reason: string) {
    this.link = end.id
    this.reason = reason
    this.#end = end
  }

  fire(network: Network): void {
    network.links.learnDown(this.#end, this)
  }
}

export class TimerDue implements Due {
  readonly kind = 'timer'
  readonly token: TimerToken
  readonly #node: SimNode

  constructor(node: SimNode, token: TimerToken) {
    this.token = token
    this.#node = node
  }

  fire(network: Network): void {
    if (network.isReady(this.#node, this)) network.handle(this.#node, this)
  }
}

/** Any other input. */
export class InputDue implements Due {
  readonly #node: SimNode
  readonly #input: Input

  constructor(node: SimNode, input: Input) {
    this.#node = node
    this.#input = input
  }

  fire(network: Network): void {
    if (network.isReady(this.#node, this)) network.handle(this.#node, this.#input)
  }
}

/** An exchange's time is over. A class, because nearly all of them wait in vain, and a closure takes five times the memory. */
export class ExchangeDue implements Due {
  readonly #node: SimNode
  readonly #exchange: Exchange

  constructor(node: SimNode, exchange: Exchange) {
    this.#node = node
    this.#exchange = exchange
  }

  fire(network: Network): void {
    network.signaling.expire(this.#node, this.#exchange)
  }
}

/** Something that the network or the scenario does. */
export class TaskDue implements Due {
  readonly #task: () => void

  constructor(task: () => void) {
    this.#task = task
  }

  fire(): void {
    this.#task()
  }
}
