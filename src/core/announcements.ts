/**
 * The lazy half of a broadcast tree (Plumtree, "lazy push"): every message that came is announced once to all links that
 * did not get it from us, a batch 20 ms after the first. A batch costs a frame a link, so the next one waits in
 * proportion: at a high rate announcements would otherwise be most of all frames, ten for each payload at Gossip
 * Glomers' 100 messages a second.
 */

import { evictOldest } from './bounded.ts'
import { type IhaveEntry, IHAVES_PER_FRAME_MAX } from './frames.ts'
import type { Instant, LinkId, MessageId } from './ids.ts'

/** REFERENCE §8; iroh-gossip takes 5 ms, the paper leaves it open. */
const BATCH_MS = 20
/** 20 frames a second on average, five for each message at Gossip Glomers' rate, where 30 frames in all are allowed … */
const FRAME_MS = 50
/** … and two batches at once on 24 links, so that a rare message never waits (guess). */
const BURST_MS = 2_400
/** Messages that wait to be announced; then the oldest is not (a digest will name it). */
const WAITING_MAX = 1_024

interface Announcement {
  readonly hops: number
  /** Links that have it, from us or before us. */
  readonly holders: LinkId[]
  /** The link to its source, who is told though he has it: he wants to know who else has. */
  readonly source: LinkId | null
}

export class Announcements {
  readonly #waiting = new Map<MessageId, Announcement>()
  #isScheduled = false
  /** Up to when frames so far have used up what may be sent. */
  #spentUntil = 0

  get size(): number {
    return this.#waiting.size
  }

  get max(): number {
    return WAITING_MAX
  }

  /** Queues one; how long to wait for the timer, or null: it is running already. */
  add(id: MessageId, announcement: Announcement, now: Instant): number | null {
    evictOldest(this.#waiting, WAITING_MAX)
    this.#waiting.set(id, announcement)
    if (this.#isScheduled) return null
    this.#isScheduled = true
    return Math.max(BATCH_MS, this.#spentUntil - BURST_MS - now)
  }

  /** That link has it too. */
  hold(id: MessageId, link: LinkId): void {
    const holders = this.#waiting.get(id)?.holders
    if (holders !== undefined && !holders.includes(link)) holders.push(link)
  }

  /** What is due, for each of `links` that has something to hear. */
  take(links: Iterable<LinkId>, now: Instant): [LinkId, IhaveEntry[]][] {
    this.#isScheduled = false
    const batches: [LinkId, IhaveEntry[]][] = []
    for (const link of links) {
      const entries: IhaveEntry[] = []
      for (const [id, { hops, holders, source }] of this.#waiting)
        if (link === source || !holders.includes(link)) entries.push({ id, hops })
      for (let i = 0; i < entries.length; i += IHAVES_PER_FRAME_MAX)
        batches.push([link, entries.slice(i, i + IHAVES_PER_FRAME_MAX)])
    }
    this.#waiting.clear()
    this.#spentUntil = Math.max(this.#spentUntil, now) + batches.length * FRAME_MS
    return batches
  }
}
