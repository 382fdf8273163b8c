/**
 * Failure detection (DESIGN §5): a link on which nothing was heard for too long is dead. Any traffic counts, and every two
 * seconds one side sends a heartbeat, which the other side echoes. (It does so beside other traffic too: seven bytes, and
 * nobody has to note when he last sent something.) The platform's own verdict (ICE `failed`) takes 15–30 s
 * and is only a hint. Five seconds are long for a message that waits: whoever gives a frame to a link that has been
 * silent asks for a sign of life with it, and finds the link stalled when none comes in time.
 */

import type { Frame, HeartbeatFrame } from './frames.ts'
import type { Instant, LinkId } from './ids.ts'
import type { TimerToken } from './io.ts'
import { RoundTrip } from './round-trip.ts'

/** DESIGN §5. */
export const HEARTBEAT_MS = 2_000
export const SUSPECT_MS = 4_000
export const DEAD_MS = 5_000
/** Links to servers and visitors: a loaded server answers late, and nothing hangs on it (guess). */
export const SERVER_DEAD_MS = 15_000
/** A link heard of more recently than this is believed to live (guess: half of a mean silence between heartbeats). */
const FRESH_MS = 500
/** Least: a garbage collection or a busy tab must not look like a stall (guess). First: ICE restarts aside, no link is slower. */
const OVERDUE = { minMs: 150, maxMs: 2_000, firstMs: 1_000 } as const

/** What is known of the life of one link. Its holder may note in `heardAt` whatever comes in: that happens at every frame. */
export interface Pulse {
  readonly link: LinkId
  readonly deadMs: number
  heardAt: Instant
  /** When a heartbeat or an echo went out last. */
  beatAt: Instant
  /** When we last asked for a sign of life; 0: never. */
  askedAt: number
  readonly roundTrip: RoundTrip
}

export interface LivenessHooks {
  send(link: LinkId, frame: Frame): void
  schedule(token: TimerToken, delayMs: number): void
}

export class Liveness {
  readonly #all: Pulse[] = []
  readonly #byLink = new Map<LinkId, Pulse>()
  readonly #hooks: LivenessHooks

  constructor(hooks: LivenessHooks) {
    this.#hooks = hooks
  }

  /** Starts to watch a link, and measures its round trip at once. */
  add(link: LinkId, deadMs: number, now: Instant): Pulse {
    const pulse: Pulse = { link, deadMs, heardAt: now, beatAt: now, askedAt: 0, roundTrip: new RoundTrip() }
    this.#all.push(pulse)
    this.#byLink.set(link, pulse)
    this.#beat(pulse, now)
    return pulse
  }

  remove(link: LinkId): void {
    const pulse = this.#byLink.get(link)
    if (pulse === undefined) return
    this.#byLink.delete(link)
    this.#all.splice(this.#all.indexOf(pulse), 1)
  }

  /** Smoothed round trip in ms; null before the first echo. */
  rttMs(link: LinkId): number | null {
    return this.#byLink.get(link)?.roundTrip.ms ?? null
  }

  isSuspect(link: LinkId, now: Instant): boolean {
    const pulse = this.#byLink.get(link)
    return pulse !== undefined && now - pulse.heardAt >= SUSPECT_MS
  }

  /**
   * Asks a link that has been silent for a sign of life, unless it has just been asked. True: its silence is in doubt,
   * and `isStalled` will know when the timer comes back.
   */
  ask(link: LinkId, now: Instant): boolean {
    const pulse = this.#byLink.get(link)
    if (pulse === undefined || now - pulse.heardAt < FRESH_MS) return false
    if (pulse.askedAt > pulse.heardAt) return true
    pulse.askedAt = now
    this.#beat(pulse, now)
    this.#hooks.schedule({ kind: 'overdue', link }, pulse.roundTrip.overdueMs(OVERDUE))
    return true
  }

  /** Asked for a sign of life, it has given none. */
  isStalled(link: LinkId): boolean {
    const pulse = this.#byLink.get(link)
    return pulse !== undefined && pulse.askedAt > pulse.heardAt
  }

  onHeartbeat(frame: HeartbeatFrame, link: LinkId, now: Instant): void {
    const pulse = this.#byLink.get(link)
    if (pulse === undefined) return
    if (!frame.isEcho) {
      pulse.beatAt = now
      this.#hooks.send(link, { kind: 'heartbeat', isEcho: true, stamp: frame.stamp })
    } else {
      const rttMs = ((now >>> 0) - frame.stamp) >>> 0
      if (rttMs < pulse.deadMs) pulse.roundTrip.add(rttMs)
    }
  }

  /** Sends what is due; the links that are dead come back. */
  tick(now: Instant): LinkId[] {
    const dead: LinkId[] = []
    for (const pulse of this.#all) {
      if (now - pulse.heardAt >= pulse.deadMs) dead.push(pulse.link)
      else if (now - pulse.beatAt >= HEARTBEAT_MS) this.#beat(pulse, now)
    }
    return dead
  }

  #beat(pulse: Pulse, now: Instant): void {
    pulse.beatAt = now
    this.#hooks.send(pulse.link, { kind: 'heartbeat', isEcho: false, stamp: now >>> 0 })
  }
}
