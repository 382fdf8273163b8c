/**
 * Messages that others say they have and that have not come to us: whom to ask, and when. The tree is given time first
 * (Plumtree's graft timer); who was asked gets as long again before the next one is asked. One timer at a time, whatever
 * is missing.
 */

import { isFullFor } from './bounded.ts'
import type { EagerPeers } from './eager-peers.ts'
import type { Instant, LinkId, MessageId } from './ids.ts'

/** Messages missing at once; more are not noted: a digest will name them again. */
const MISSING_MAX = 1_024
/** Of them, while one named by a relay that gave nothing is to be noted: it may be lying for somebody, or for itself (guess). */
const HOLLOW_MAX = 64
/** A timer that comes so early is the one that we wait for, by a coarse clock or one that was set back (guess). */
const EARLY_MS = 100
/** Neighbours noted for each. */
const HOLDERS_MAX = 8

export interface Holder {
  readonly link: LinkId
  /** Links that a copy from there would have crossed. */
  readonly hops: number
  /** Whether a place in the tree goes with the question. */
  readonly isEager: boolean
}

export interface Missing {
  /** Who announced it first. */
  readonly namedBy: LinkId
  readonly holders: Holder[]
  /** When it was announced first. */
  readonly since: Instant
  dueAt: number
  /** Who has been asked; null: nobody yet. */
  asked: LinkId | null
  /** Somebody needs it: we, or who asked us. A relay notes only who has it, until it is asked. */
  isWanted: boolean
  /** Links that asked us for it, at most `HOLDERS_MAX`. */
  readonly wantedBy: LinkId[]
}

export interface Note {
  readonly inMs: number
  readonly isWanted: boolean
  /** Who names it has given nothing of what it named lately. */
  readonly isHollow: boolean
  readonly now: Instant
}

/** One message whose time has come. */
export interface Due {
  readonly id: MessageId
  readonly missing: Missing
  /** Who was asked and has not given it. */
  readonly failed: LinkId | null
  /** Whom to ask now. */
  readonly next: Holder | null
}

export class MissingMessages {
  readonly #all = new Map<MessageId, Missing>()
  /** When the running timer ends; 0: none runs. */
  #timerAt = 0

  get size(): number {
    return this.#all.size
  }

  get max(): number {
    return MISSING_MAX
  }

  has(id: MessageId): boolean {
    return this.#all.has(id)
  }

  /** Who has been asked for it; null: nobody. */
  askedOf(id: MessageId): LinkId | null {
    return this.#all.get(id)?.asked ?? null
  }

  /** Somebody has it. `inMs`: how long the tree may still take. How long a new timer must run, or null. */
  note(id: MessageId, holder: Holder, { inMs, isWanted, isHollow, now }: Note): number | null {
    const missing = this.#all.get(id)
    if (missing !== undefined) {
      const isNew = missing.holders.every(({ link }) => link !== holder.link) && missing.asked !== holder.link
      if (isNew && missing.holders.length < HOLDERS_MAX) missing.holders.push(holder)
      return null
    }
    const max = isHollow ? HOLLOW_MAX : MISSING_MAX
    if (isFullFor(this.#all, max, ({ namedBy }) => namedBy === holder.link)) return null
    this.#all.set(id, {
      namedBy: holder.link,
      holders: [holder],
      since: now,
      dueAt: now + inMs,
      asked: null,
      isWanted,
      wantedBy: [],
    })
    return this.#arm(now + inMs, now)
  }

  /** That link asks us for what we do not have but know who has. How long a new timer must run, or null. */
  want(id: MessageId, link: LinkId, now: Instant): number | null {
    const missing = this.#all.get(id)
    if (missing === undefined || missing.wantedBy.length >= HOLDERS_MAX) return null
    if (!missing.wantedBy.includes(link)) missing.wantedBy.push(link)
    if (missing.isWanted) return null
    missing.isWanted = true
    missing.dueAt = now
    return this.#arm(now, now)
  }

  /** It has come: nobody need be asked any more. */
  take(id: MessageId): Missing | undefined {
    const missing = this.#all.get(id)
    this.#all.delete(id)
    return missing
  }

  /** That link is gone: whoever was asked over it will not answer. */
  forget(link: LinkId, now: Instant): void {
    for (const missing of this.#all.values()) {
      const at = missing.holders.findIndex((holder) => holder.link === link)
      if (at >= 0) missing.holders.splice(at, 1)
      if (missing.asked !== link) continue
      missing.asked = null
      missing.dueAt = now
    }
  }

  /**
   * Those whose time has come, one by one, and whom to ask next: somebody in `asked`, if he has it too; else whoever
   * announced it first of those who have broken their word least.
   */
  *due(now: Instant, asked: ReadonlyMap<LinkId, unknown>, peers: Pick<EagerPeers, 'brokenOf'>): Iterable<Due> {
    if (this.#timerAt - now < EARLY_MS) this.#timerAt = 0
    for (const [id, missing] of this.#all) {
      if (missing.dueAt > now) continue
      if (!missing.isWanted) {
        this.#all.delete(id)
        continue
      }
      const { holders, asked: failed } = missing
      holders.sort((a, b) => peers.brokenOf(a.link) - peers.brokenOf(b.link))
      const at = holders.findIndex(({ link }) => asked.has(link))
      const [next = null] = holders.splice(Math.max(0, at), 1)
      missing.asked = next?.link ?? null
      if (next === null) this.#all.delete(id)
      yield { id, missing, failed, next }
    }
  }

  /** How long a new timer must run; null: one is running that will do, or nothing is missing. */
  timerMs(now: Instant): number | null {
    let dueAt = Infinity
    for (const missing of this.#all.values()) dueAt = Math.min(dueAt, missing.dueAt)
    return dueAt === Infinity ? null : this.#arm(dueAt, now)
  }

  #arm(dueAt: number, now: Instant): number | null {
    if (this.#timerAt > now && this.#timerAt <= dueAt) return null
    this.#timerAt = Math.max(dueAt, now + 1)
    return this.#timerAt - now
  }
}
