/**
 * What a run adds up: frames and bytes by kind, links and failures by name, histograms of hops, tries and milliseconds.
 * Counters only, so that they cost next to nothing and a run of any length keeps a constant size.
 */

import type { Frame } from '../core/frames.ts'
import type { Input, Receipt } from '../core/io.ts'
import { addTo } from './histogram.ts'
import { SIGNATURE_BYTES } from './sealer.ts'
import { frameBytes } from './sizes.ts'

/** Counts by name, created at first use. */
export type Counts = Record<string, number>

export interface FrameCount {
  frames: number
  bytes: number
}

/**
 * Why a frame that was sent did not come in. closed: its link was. dead, asleep: the receiver was. loss, partition:
 * on the way. buffer: too much was waiting to be sent.
 */
export type DropCause = 'closed' | 'dead' | 'asleep' | 'loss' | 'partition' | 'buffer'

/** What had been sent up to an instant, and how long how many peers had lived. Two of them make a rate: `trafficBetween`. */
export interface Traffic {
  readonly atMs: number
  /** Sum of the time that each peer was up. */
  readonly peerSeconds: number
  readonly frames: number
  readonly bytes: number
  /** Those of `bytes` that heartbeats took. */
  readonly heartbeatBytes: number
}

/** Per peer and second. */
export interface TrafficRate {
  readonly peerSeconds: number
  readonly frames: number
  readonly bytes: number
  readonly bytesWithoutHeartbeats: number
}

const SPREADING: ReadonlySet<Frame['kind']> = new Set<Frame['kind']>([
  'broadcast',
  'ihave',
  'graft',
  'prune',
  'digest',
  'topic',
])

export class Stats {
  readonly frames: Record<Frame['kind'], FrameCount> = {
    unicast: { frames: 0, bytes: 0 },
    lookup: { frames: 0, bytes: 0 },
    reply: { frames: 0, bytes: 0 },
    broadcast: { frames: 0, bytes: 0 },
    nack: { frames: 0, bytes: 0 },
    direct: { frames: 0, bytes: 0 },
    heartbeat: { frames: 0, bytes: 0 },
    keep: { frames: 0, bytes: 0 },
    peers: { frames: 0, bytes: 0 },
    introduction: { frames: 0, bytes: 0 },
    ihave: { frames: 0, bytes: 0 },
    graft: { frames: 0, bytes: 0 },
    prune: { frames: 0, bytes: 0 },
    digest: { frames: 0, bytes: 0 },
    topic: { frames: 0, bytes: 0 },
    goodbye: { frames: 0, bytes: 0 },
  }
  /** Frames that found their link closed, by kind. */
  readonly swallowed: Counts = {}
  /** Frames that were sent and did not come in, by cause; `closed` is the sum of `swallowed`. */
  readonly dropped: Record<DropCause, number> = { closed: 0, dead: 0, asleep: 0, loss: 0, partition: 0, buffer: 0 }
  /** Frames that came in twice. */
  duplicated = 0
  /** Seals, openings and signatures that were refused, by reason. */
  readonly refusals: Counts = {}
  /** Exchanges that came to nothing, by reason. */
  readonly exchangeFailures: Counts = {}
  /** Requests that failed, by code. */
  readonly requestFailures: Counts = {}
  /** Links of the mesh that came up (both ends together count once). */
  linksOpened = 0
  /** How many unicasts took `index` hops, by the receipt of their sender. */
  readonly hops: number[] = []
  /** How many unicasts had `index` tries in vain before the one that was acknowledged. */
  readonly timeouts: number[] = []
  /** How many unicasts came out at their target `index` milliseconds after they were sent. */
  readonly oneWayMs: number[] = []
  /** How many unicasts were acknowledged `index` milliseconds after they were sent. */
  readonly roundTripMs: number[] = []
  /** How many times a broadcast came out at a peer `index` milliseconds after it was sent. */
  readonly broadcastMs: number[] = []
  /** Broadcast frames without a payload: members of topics who say that they are there. */
  presences = 0
  /** Transport messages that carried payloads of broadcasts, or what is said of their tree. */
  broadcastMessages = 0
  /** When each end of a link sent the last of them: what leaves at one instant leaves together. */
  readonly #lastAt = new WeakMap<object, number>()
  #up = 0
  /** Sum of departures less sum of arrivals; with `#up` peers at `now` that makes the milliseconds lived. */
  #livedMs = 0

  /** A frame leaves from this end. Returns its bytes. */
  sending(end: object, frame: Frame, nowMs: number): number {
    const bytes = frameBytes(frame)
    // Four of five frames. They have so many shapes that V8 looks up by hash whatever they are asked for.
    if (frame.kind === 'heartbeat') return count(this.frames.heartbeat, bytes)
    if (frame.kind === 'broadcast' && frame.body.byteLength === SIGNATURE_BYTES) this.presences++
    if (SPREADING.has(frame.kind)) this.#spreading(end, nowMs)
    return count(this.frames[frame.kind], bytes)
  }

  #spreading(end: object, nowMs: number): void {
    if (this.#lastAt.get(end) === nowMs) return
    this.#lastAt.set(end, nowMs)
    this.broadcastMessages++
  }

  drop(frame: Frame, cause: DropCause): void {
    this.dropped[cause]++
    if (cause === 'closed') increment(this.swallowed, frame.kind)
  }

  handling(input: Input): void {
    if (input.kind === 'jobRefused') increment(this.refusals, input.reason)
    else if (input.kind === 'exchangeFailed') increment(this.exchangeFailures, input.reason)
  }

  /** A unicast's sender has its receipt, `ms` after it was sent. */
  acknowledged(receipt: Receipt, ms: number): void {
    addTo(this.hops, receipt.hops)
    addTo(this.timeouts, receipt.attempts - 1)
    addTo(this.roundTripMs, ms)
  }

  /** A peer has begun to live. */
  born(nowMs: number): void {
    this.#up++
    this.#livedMs -= nowMs
  }

  /** A peer has gone. */
  died(nowMs: number): void {
    this.#up--
    this.#livedMs += nowMs
  }

  /** Bytes of everything sent. */
  get bytes(): number {
    return Object.values(this.frames).reduce((sum, count) => sum + count.bytes, 0)
  }

  get bytesWithoutHeartbeats(): number {
    return this.bytes - this.frames.heartbeat.bytes
  }

  traffic(nowMs: number): Traffic {
    return {
      atMs: nowMs,
      peerSeconds: (this.#livedMs + this.#up * nowMs) / 1_000,
      frames: Object.values(this.frames).reduce((sum, count) => sum + count.frames, 0),
      bytes: this.bytes,
      heartbeatBytes: this.frames.heartbeat.bytes,
    }
  }
}

function count(of: FrameCount, bytes: number): number {
  of.frames++
  of.bytes += bytes
  return bytes
}

/** What one peer has sent in a second, on average over the time between two readings. */
export function trafficBetween(from: Traffic, to: Traffic): TrafficRate {
  const peerSeconds = to.peerSeconds - from.peerSeconds
  const bytes = to.bytes - from.bytes
  const heartbeatBytes = to.heartbeatBytes - from.heartbeatBytes
  return {
    peerSeconds,
    frames: (to.frames - from.frames) / peerSeconds,
    bytes: bytes / peerSeconds,
    bytesWithoutHeartbeats: (bytes - heartbeatBytes) / peerSeconds,
  }
}

export function increment(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
