/**
 * Failure detection (DESIGN §5): a link on which nothing was heard for too long is dead. Any traffic counts, and every two
 * seconds one side sends a heartbeat, which the other side echoes. (It does so beside other traffic too: eight bytes, and
 * nobody has to note when he last sent something.) The platform's own verdict (ICE `failed`) takes 15–30 s
 * and is only a hint. Five seconds are long for a message that waits: whoever gives a frame to a link that has been
 * silent asks for a sign of life with it, and finds the link stalled when none comes in time.
 */

import type { HeartbeatFrame } from './frames.ts'
import type { Instant, LinkId } from './ids.ts'
import type { Io } from './io.ts'
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

/** What is known of the life of one link; part of its `Route`, for it is noted at every frame. */
export interface Pulse {
  readonly link: LinkId
  /** Silence that means death, in ms; 0: somebody else looks after it. */
  deadMs: number
  heardAt: Instant
  /** When a heartbeat or an echo went out last. */
  beatAt: Instant
  /** When we last asked for a sign of life; 0: never. */
  askedAt: number
  /** What it last said of itself: it could take another link. */
  hasRoom: boolean
  /** Null before the first echo. */
  roundTrip: RoundTrip | null
}

const NOBODY: readonly LinkId[] = []

/** Has it been silent for so long that a message should not rely on it? */
export function isSuspect(pulse: Pulse, now: Instant): boolean {
  return now - pulse.heardAt >= SUSPECT_MS
}

/** Asked for a sign of life, it has given none. */
export function isStalled(pulse: Pulse): boolean {
  return pulse.askedAt > pulse.heardAt
}

export class Liveness {
  readonly #watched: Pulse[] = []
  readonly #io: Pick<Io, 'send' | 'schedule'>
  /**
   * Could we take another link that somebody asks us for? Every heartbeat says so. Noted now and then and not asked each
   * time: nearly every frame is a heartbeat, and where thousands of peers share a processor every read waits for main memory.
   */
  hasRoom = true

  constructor(io: Pick<Io, 'send' | 'schedule'>) {
    this.#io = io
  }

  /** Starts to watch a link, and measures its round trip at once. */
  watch(pulse: Pulse, deadMs: number, now: Instant): void {
    pulse.deadMs = deadMs
    pulse.heardAt = now
    this.#watched.push(pulse)
    this.#beat(pulse, now)
  }

  forget(pulse: Pulse): void {
    const at = this.#watched.indexOf(pulse)
    if (at >= 0) this.#watched.splice(at, 1)
  }

  /**
   * Asks a link that has been silent for a sign of life, unless it has just been asked. True: its silence is in doubt,
   * and `isStalled` will know when the timer comes back.
   */
  ask(pulse: Pulse, now: Instant): boolean {
    if (now - pulse.heardAt < FRESH_MS || pulse.deadMs === 0) return false
    if (pulse.askedAt > pulse.heardAt) return true
    pulse.askedAt = now
    this.#beat(pulse, now)
    const delayMs = pulse.roundTrip?.overdueMs(OVERDUE) ?? OVERDUE.firstMs
    this.#io.schedule({ kind: 'overdue', link: pulse.link }, delayMs)
    return true
  }

  onHeartbeat(frame: HeartbeatFrame, pulse: Pulse, now: Instant): void {
    pulse.hasRoom = frame.hasRoom
    if (!frame.isEcho) {
      pulse.beatAt = now
      this.#send(pulse.link, { isEcho: true, stamp: frame.stamp })
      return
    }
    const sampleMs = ((now >>> 0) - frame.stamp) >>> 0
    if (sampleMs < pulse.deadMs) (pulse.roundTrip ??= new RoundTrip()).add(sampleMs)
  }

  /** Sends what is due; the links that are dead come back. */
  tick(now: Instant): readonly LinkId[] {
    let dead: LinkId[] | null = null
    for (const pulse of this.#watched) {
      if (now - pulse.heardAt >= pulse.deadMs) (dead ??= []).push(pulse.link)
      else if (now - pulse.beatAt >= HEARTBEAT_MS) this.#beat(pulse, now)
    }
    return dead ?? NOBODY
  }

  #beat(pulse: Pulse, now: Instant): void {
    pulse.beatAt = now
    this.#send(pulse.link, { isEcho: false, stamp: now >>> 0 })
  }

  #send(link: LinkId, { isEcho, stamp }: { readonly isEcho: boolean; readonly stamp: number }): void {
    this.#io.send(link, { kind: 'heartbeat', isEcho, hasRoom: this.hasRoom, stamp })
  }
}
