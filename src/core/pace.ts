/**
 * How much one peer changes a broadcast tree. A circle in it shows itself at another link for every source, and were each
 * of them cut the tree would fall apart; all who are cut off notice it together, and were each to graft there would be
 * circles. With one message on its way at a time neither happens (that is Plumtree's case); with many, only a share of
 * what they suggest is done, so that about one change takes effect before the next. Without this, 25 peers at 100
 * messages a second (Gossip Glomers) sent 2.9 payloads per delivery for ever, and 100 senders at once 2.3.
 */

import type { Instant } from './ids.ts'

const SECOND_MS = 1_000

export class Pace {
  readonly #random: () => number
  #second = 0
  /** Messages that came in this second, and in the one before. */
  #count = 0
  #before = 0

  constructor(random: () => number) {
    this.#random = random
  }

  /** A message has come. */
  count(now: Instant): void {
    this.#turn(now)
    this.#count++
  }

  /** `perSecond`: changes of this kind in a second, if every message suggests one. The first message may always have its way. */
  allows(perSecond: number, now: Instant): boolean {
    this.#turn(now)
    const messages = Math.max(this.#count, this.#before)
    return messages <= 1 || this.#random() / 2 ** 32 < perSecond / messages
  }

  #turn(now: Instant): void {
    const second = Math.floor(now / SECOND_MS)
    if (second === this.#second) return
    this.#before = second === this.#second + 1 ? this.#count : 0
    this.#second = second
    this.#count = 0
  }
}
