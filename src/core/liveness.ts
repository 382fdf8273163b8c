/**
 * Failure detection (DESIGN §5): a link on which nothing was sent for a while carries a heartbeat, and one on which
 * nothing was heard for too long is dead. Any traffic counts. The platform's own verdict (ICE `failed`) takes 15–30 s
 * and is only a hint.
 */

import type { Frame, HeartbeatFrame } from './frames.ts'
import type { Instant, LinkId } from './ids.ts'

/** DESIGN §5. */
export const HEARTBEAT_MS = 2_000
export const SUSPECT_MS = 4_000
export const DEAD_MS = 5_000
/** Links to servers and visitors: a loaded server answers late, and nothing hangs on it (guess). */
export const SERVER_DEAD_MS = 15_000

interface Pulse {
  readonly deadMs: number
  heardAt: Instant
  sentAt: Instant
  rttMs: number | null
}

export class Liveness {
  readonly #pulses = new Map<LinkId, Pulse>()
  readonly #send: (link: LinkId, frame: Frame) => void

  constructor(send: (link: LinkId, frame: Frame) => void) {
    this.#send = send
  }

  /** Starts to watch a link, and measures its round trip at once. */
  add(link: LinkId, deadMs: number, now: Instant): void {
    this.#pulses.set(link, { deadMs, heardAt: now, sentAt: now, rttMs: null })
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

  /** Round trip in ms as last measured; null before the first echo. */
  rttMs(link: LinkId): number | null {
    return this.#pulses.get(link)?.rttMs ?? null
  }

  isSuspect(link: LinkId, now: Instant): boolean {
    const pulse = this.#pulses.get(link)
    return pulse !== undefined && now - pulse.heardAt >= SUSPECT_MS
  }

  onHeartbeat(frame: HeartbeatFrame, link: LinkId, now: Instant): void {
    const pulse = this.#pulses.get(link)
    if (pulse === undefined) return
    if (!frame.isEcho) {
      // The echo is our sign of life too: on an idle link one side asks, and both know.
      pulse.sentAt = now
      this.#send(link, { kind: 'heartbeat', isEcho: true, stamp: frame.stamp })
    } else {
      const rttMs = ((now >>> 0) - frame.stamp) >>> 0
      if (rttMs < pulse.deadMs) pulse.rttMs = rttMs
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
    this.#send(link, { kind: 'heartbeat', isEcho: false, stamp: now >>> 0 })
  }
}
