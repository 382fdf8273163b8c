/**
 * What links of the mesh do to frames on their way: lose them, deliver them twice, let them overtake each other, and
 * carry only so many bytes a second. By default none of it: data channels and WebSockets are reliable and ordered.
 */

import type { Frame } from '../core/frames.ts'
import type { LinkEnd } from './node.ts'
import type { Rng } from './rng.ts'
import { frameBytes } from './sizes.ts'

export interface CarriageOptions {
  /** Share of the frames between peers that are lost. Default 0. */
  readonly lossRate: number
  /** Share of the frames between peers that arrive twice. Default 0. */
  readonly duplicationRate: number
  /** Every frame between peers takes up to so many whole milliseconds longer and may be overtaken. Default 0: in order. */
  readonly reorderMs: number
  /** What one end of a link between peers can send in a second; null (default): no limit. */
  readonly bytesPerSecond: number | null
  /** Bytes that wait at one end at most; routed frames beyond it are dropped. Default 1 MiB (`net/link`). */
  readonly bufferBytesMax: number
}

export const CARRIAGE_DEFAULTS: CarriageOptions = {
  lossRate: 0,
  duplicationRate: 0,
  reorderMs: 0,
  bytesPerSecond: null,
  bufferBytesMax: 1024 * 1024,
}

/** `Carriage.leavesAt` of a frame for which there was no room. */
export const NO_ROOM = -1

export class Carriage {
  /** Nothing of all this: the usual case, told by one branch a frame. */
  readonly isPerfect: boolean
  /** Frames may overtake each other. */
  readonly isUnordered: boolean
  readonly #options: CarriageOptions
  readonly #rng: Rng

  constructor(options: CarriageOptions, rng: Rng) {
    const { lossRate, duplicationRate, reorderMs, bytesPerSecond } = options
    this.isPerfect = lossRate === 0 && duplicationRate === 0 && reorderMs === 0 && bytesPerSecond === null
    this.isUnordered = reorderMs > 0
    this.#options = options
    this.#rng = rng
  }

  /**
   * When the last byte of the frame has left this end, in whole milliseconds; `NO_ROOM` if too much is waiting. First
   * come, first served; frames between neighbours are never dropped (as in `net/outbox`, which however lets them pass).
   */
  leavesAt(end: LinkEnd, frame: Frame, nowMs: number): number {
    const { bytesPerSecond, bufferBytesMax } = this.#options
    if (bytesPerSecond === null) return nowMs
    const bytes = frameBytes(frame)
    const startsAt = Math.max(nowMs, end.busyUntil)
    const waitingBytes = ((startsAt - nowMs) * bytesPerSecond) / 1_000
    if (waitingBytes + bytes > bufferBytesMax && isDroppable(frame)) return NO_ROOM
    end.busyUntil = startsAt + (bytes * 1_000) / bytesPerSecond
    return Math.ceil(end.busyUntil)
  }

  isLost(): boolean {
    return this.#options.lossRate > 0 && this.#rng.unit() < this.#options.lossRate
  }

  isDoubled(): boolean {
    return this.#options.duplicationRate > 0 && this.#rng.unit() < this.#options.duplicationRate
  }

  /** How much longer this frame takes, in whole milliseconds. */
  delayMs(): number {
    return this.isUnordered ? this.#rng.below(this.#options.reorderMs + 1) : 0
  }
}

function isDroppable({ kind }: Frame): boolean {
  return kind === 'unicast' || kind === 'lookup' || kind === 'reply' || kind === 'broadcast'
}
