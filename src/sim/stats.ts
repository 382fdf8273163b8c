/**
 * What a run adds up: frames and bytes by kind, links and failures by name, histograms of hops. Counters only, so that
 * they cost next to nothing and a run of any length keeps a constant size.
 */

import type { Frame } from '../core/frames.ts'
import type { Input } from '../core/io.ts'
import { frameBytes } from './sizes.ts'

/** Counts by name, created at first use. */
export type Counts = Record<string, number>

export interface FrameCount {
  frames: number
  bytes: number
}

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
    goodbye: { frames: 0, bytes: 0 },
  }
  /** Frames that found their link closed. */
  readonly swallowed: Counts = {}
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

  sending(frame: Frame): void {
    const count = this.frames[frame.kind]
    count.frames++
    count.bytes += frameBytes(frame)
  }

  swallow(frame: Frame): void {
    increment(this.swallowed, frame.kind)
  }

  handling(input: Input): void {
    if (input.kind === 'jobRefused') increment(this.refusals, input.reason)
    else if (input.kind === 'exchangeFailed') increment(this.exchangeFailures, input.reason)
  }

  hopsTaken(hops: number): void {
    while (this.hops.length <= hops) this.hops.push(0)
    this.hops[hops] = (this.hops[hops] as number) + 1
  }

  /** Bytes of everything sent. */
  get bytes(): number {
    return Object.values(this.frames).reduce((sum, count) => sum + count.bytes, 0)
  }
}

export function increment(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}

/** Mean of a histogram whose index is the value; NaN when it is empty. */
export function meanOf(histogram: readonly number[]): number {
  const total = histogram.reduce((sum, count) => sum + count, 0)
  return histogram.reduce((sum, count, value) => sum + count * value, 0) / total
}

/** The least value that `share` (0…1) of a histogram's items do not exceed; −1 when it is empty. */
export function quantileOf(histogram: readonly number[], share: number): number {
  const total = histogram.reduce((sum, count) => sum + count, 0)
  let seen = 0
  return histogram.findIndex((count) => (seen += count) >= share * total && seen > 0)
}
