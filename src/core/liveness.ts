/**
 * Failure detection (DESIGN §5): a link on which nothing was sent for a while carries a heartbeat, and one on which
 * nothing was heard for too long is dead. Any traffic counts. The platform's own verdict (ICE `failed`) takes 15–30 s
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

interface Pulse {
  readonly deadMs: number
  heardAt: Instant
  sentAt: Instant
  /** When we last asked for a sign of life; 0: never. */
  askedAt: number
  readonly roundTrip: RoundTrip
}

export interface LivenessHooks {
  send(link: LinkId, frame: Frame): void
  schedule(token: TimerToken, delayMs: number): void
}

export class Liveness {
  readonly #pulses = new Map<LinkId, Pulse>()
  readonly #hooks: LivenessHooks

  constructor(hooks: LivenessHooks) {
    this.#hooks = hooks
  }

  /** Starts to watch a link, and measures its round trip at once. */
  add(link: LinkId, deadMs: number, now: Instant): void {
    this.#pulses.set(link, { deadMs, heardAt: now, sentAt: now, askedAt: 0, roundTrip: new RoundTrip() })
    this.#beat(link, now)
  }

  remove(link: LinkId): void {
    this.#pulses.delete(link)
  }

  heard(link: LinkId, now: Instant): void {
    const pulse = this.#pulses.get(link)
    if (pulse !== undefined) pulse.heardAt = now
  }

  sent(link: LinkId, now: Instant): void {
    const pulse = this.#pulses.get(link)
    if (pulse !== undefined) pulse.sentAt = now
  }

  /** Smoothed round trip in ms; null before the first echo. */
  rttMs(link: LinkId): number | null {
    return this.#pulses.get(link)?.roundTrip.ms ?? null
  }

  isSuspect(link: LinkId, now: Instant): boolean {
    const pulse = this.#pulses.get(link)
    return pulse !== undefined && now - pulse.heardAt >= SUSPECT_MS
  }

  /**
   * Asks a link that has been silent for a sign of life, unless it has just been asked. True: its silence is in doubt,
   * and `isStalled` will know when the timer comes back.
   */
  ask(link: LinkId, now: Instant): boolean {
    const pulse = this.#pulses.get(link)
    if (pulse === undefined || now - pulse.heardAt < FRESH_MS) return false
    if (pulse.askedAt > pulse.heardAt) return true
    pulse.askedAt = pulse.sentAt = now
    this.#beat(link, now)
    this.#hooks.schedule({ kind: 'overdue', link }, pulse.roundTrip.overdueMs(OVERDUE))
    return true
  }

  /** Asked for a sign of life, it has given none. */
  isStalled(link: LinkId): boolean {
    const pulse = this.#pulses.get(link)
    return pulse !== undefined && pulse.askedAt > pulse.heardAt
  }

  onHeartbeat(frame: HeartbeatFrame, link: LinkId, now: Instant): void {
    const pulse = this.#pulses.get(link)
    if (pulse === undefined) return
    if (!frame.isEcho) {
      pulse.sentAt = now
      this.#hooks.send(link, { kind: 'heartbeat', isEcho: true, stamp: frame.stamp })
    } else {
      const rttMs = ((now >>> 0) - frame.stamp) >>> 0
      if (rttMs < pulse.deadMs) pulse.roundTrip.add(rttMs)
    }
  }

  /** Sends what is due; the links that are dead come back. */
  tick(now: Instant): LinkId[] {
    const dead: LinkId[] = []
    for (const [link, pulse] of this.#pulses) {
      if (now - pulse.heardAt >= pulse.deadMs) dead.push(link)
      else if (now - pulse.sentAt >= HEARTBEAT_MS) {
        pulse.sentAt = now
        this.#beat(link, now)
      }
    }
    return dead
  }

  #beat(link: LinkId, now: Instant): void {
    this.#hooks.send(link, { kind: 'heartbeat', isEcho: false, stamp: now >>> 0 })
  }
}
