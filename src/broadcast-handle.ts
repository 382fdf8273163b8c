/** What `mesh.broadcast` resolves to: a broadcast on its way, with counters that go on counting. */

import type { MessageId } from './core/ids.ts'
import type { BroadcastFate } from './core/io.ts'

/**
 * A broadcast on its way. Nobody acknowledges it from afar; neighbours tell in the course of the protocol that they have
 * it. The counters go on counting until 256 later broadcasts of this peer have been sent, and then stay.
 */
export class BroadcastHandle {
  /** 26 characters of base32. */
  readonly id: string
  readonly #fate: BroadcastFate

  /** Internal. `fate`: the core's own, which changes. */
  constructor(id: MessageId, fate: BroadcastFate) {
    this.id = id
    this.#fate = fate
  }

  /** Neighbours that this peer has sent it to. */
  get sent(): number {
    return this.#fate.sentTo.length
  }

  /** Neighbours that say they have it. */
  get confirmed(): number {
    return this.#fate.holders.length
  }
}
