/**
 * Who else is in a topic. Every member says now and then that it is there, by an empty message to the topic; any other
 * message says so as well. The more of them there are the rarer: about one a second comes from all together. Whoever hears
 * of somebody new says it sooner, so that a newcomer soon knows the others. Above the bound it is a sample.
 */

import { evictOldest } from './bounded.ts'
import type { Instant, PeerId } from './ids.ts'

/** Members remembered (guess: more than anybody reads). */
const MEMBERS_MAX = 256
/** A small topic's rate, and how many members together send one message a second at most (guesses). */
const HERE_MS = 30_000
const HERE_PER_SECOND = 1
/** So many of its intervals after we heard of it last, it has left. */
const INTERVALS_KEPT = 3
/** Newcomers are answered within so long, for each member that we know … */
const ANSWER_PER_MEMBER_MS = 250
/** … but by nobody twice within so long. */
const ANSWER_REST_MS = 5_000

export class Members {
  readonly #random: () => number
  /** When we heard of each last; the one that we heard of last is last. */
  readonly #heardAt = new Map<PeerId, Instant>()
  #saidAt = 0
  #sayAt = Infinity

  constructor(random: () => number) {
    this.#random = random
  }

  get ids(): readonly PeerId[] {
    return [...this.#heardAt.keys()]
  }

  get size(): number {
    return this.#heardAt.size
  }

  get max(): number {
    return MEMBERS_MAX
  }

  /** We are one ourselves from now on. */
  enter(now: Instant): void {
    this.#sayAt = now
  }

  leave(): void {
    this.#sayAt = Infinity
  }

  /** A message of that member. */
  heard(peer: PeerId, now: Instant): void {
    const isNew = !this.#heardAt.delete(peer)
    evictOldest(this.#heardAt, MEMBERS_MAX)
    this.#heardAt.set(peer, now)
    if (!isNew || this.#sayAt === Infinity) return
    const answerAt = now + this.#share() * ANSWER_PER_MEMBER_MS * this.size
    this.#sayAt = Math.min(this.#sayAt, Math.max(answerAt, this.#saidAt + ANSWER_REST_MS))
  }

  /** It has left, or its link says that it is no member. */
  forget(peer: PeerId): void {
    this.#heardAt.delete(peer)
  }

  /** We have sent something. */
  said(now: Instant): void {
    if (this.#sayAt === Infinity) return
    this.#saidAt = now
    // Half of it up or down, so that who came together does not speak together.
    this.#sayAt = now + this.#intervalMs() * (0.5 + this.#share())
  }

  /** Forgets who has long been silent. True: it is time to say that we are here. */
  tick(now: Instant): boolean {
    const keepMs = INTERVALS_KEPT * this.#intervalMs()
    for (const [peer, at] of this.#heardAt) {
      if (now - at < keepMs) break
      this.#heardAt.delete(peer)
    }
    return now >= this.#sayAt
  }

  #intervalMs(): number {
    return Math.max(HERE_MS, (1_000 * this.size) / HERE_PER_SECOND)
  }

  #share(): number {
    return this.#random() / 2 ** 32
  }
}
