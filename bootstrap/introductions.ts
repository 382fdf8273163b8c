/**
 * Who is introduced to whom, for one network, as a pure state machine. A newcomer is told up to three entries: visitors
 * that keep their socket open for now. Entries serve on leases, so that nobody has to stay and nobody is forgotten:
 * below the low water every visitor is asked to serve, above it leases run out, oldest first. Peers that come by chance
 * (the lottery of DESIGN §7) are asked even a little above it, which keeps the pool mixed from different times: that is
 * what merges meshes that were split without knowing (REFERENCE §3).
 */

import type { IntroductionFrame } from '../src/core/frames.ts'
import type { Instant, LinkId, PeerId } from '../src/core/ids.ts'

export interface IntroductionsConfig {
  /** Below this many entries everybody is asked to serve. Bound of the pool: twice this. */
  readonly lowWater: number
  /** How long an entry is asked to stay at a time, in milliseconds. */
  readonly leaseMs: number
}

/** DESIGN §7, REFERENCE §3: refilled within 16/c seconds after the loss of all entries. */
export const INTRODUCTIONS: IntroductionsConfig = { lowWater: 16, leaseMs: 60_000 }

/** Entries named to one visitor (DESIGN §7). */
const ENTRIES_PER_INTRODUCTION = 3

/** What the passing of time has done to the pool. */
export interface LeaseChanges {
  readonly renewed: readonly LinkId[]
  readonly expired: readonly LinkId[]
}

interface Entry {
  readonly peer: PeerId
  until: Instant
}

export class Introductions {
  private readonly config: IntroductionsConfig
  private readonly random: () => number
  /** In the order of arrival, which is what "different times" means. */
  private readonly entries = new Map<LinkId, Entry>()

  /** `random` gives 32 uniform bits, like `Io.random`. */
  constructor(config: IntroductionsConfig, random: () => number) {
    this.config = config
    this.random = random
  }

  /** Entries now, and at most. */
  get size(): { readonly size: number; readonly max: number } {
    return { size: this.entries.size, max: 2 * this.config.lowWater }
  }

  isEntry(link: LinkId): boolean {
    return this.entries.has(link)
  }

  /** A visitor has come: what to tell it. The first of all is told nobody, and asked to stay. */
  arrive(
    visitor: { readonly link: LinkId; readonly peer: PeerId; readonly purpose: 'join' | 'visit' },
    now: Instant,
  ): IntroductionFrame {
    const entries = this.choose(visitor.peer, now)
    const isAsked = this.entries.size < (visitor.purpose === 'visit' ? 2 : 1) * this.config.lowWater
    if (isAsked) this.entries.set(visitor.link, { peer: visitor.peer, until: (now + this.config.leaseMs) as Instant })
    return { kind: 'introduction', entries, leaseMs: isAsked ? this.config.leaseMs : 0 }
  }

  leave(link: LinkId): void {
    this.entries.delete(link)
  }

  /** Call every few seconds. Leases with less than half their time left are renewed, except the oldest excess ones. */
  tick(now: Instant): LeaseChanges {
    const renewed: LinkId[] = []
    const expired: LinkId[] = []
    let excess = this.entries.size - this.config.lowWater
    for (const [link, entry] of this.entries) {
      if (entry.until - now > this.config.leaseMs / 2) continue
      if (excess-- <= 0) {
        entry.until = (now + this.config.leaseMs) as Instant
        renewed.push(link)
      } else if (entry.until <= now) {
        this.entries.delete(link)
        expired.push(link)
      }
    }
    return { renewed, expired }
  }

  /** What a renewed entry is told: to stay, and who else serves, so that its own bootstrap knowledge stays fresh. */
  renewal(link: LinkId, now: Instant): IntroductionFrame | null {
    const entry = this.entries.get(link)
    if (entry === undefined) return null
    return { kind: 'introduction', entries: this.choose(entry.peer, now), leaseMs: this.config.leaseMs }
  }

  /** One entry each from the oldest, middle and newest third of the pool, so that they come from different times. */
  private choose(visitor: PeerId, now: Instant): PeerId[] {
    const pool: PeerId[] = []
    for (const entry of this.entries.values()) if (entry.until > now && entry.peer !== visitor) pool.push(entry.peer)
    const count = Math.min(ENTRIES_PER_INTRODUCTION, pool.length)
    const chosen: PeerId[] = []
    for (let i = 0; i < count; i++) {
      const first = Math.floor((i * pool.length) / count)
      const end = Math.floor(((i + 1) * pool.length) / count)
      chosen.push(pool[first + (this.random() % (end - first))]!)
    }
    return chosen
  }
}
