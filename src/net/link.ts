/**
 * A link: frames over a channel. Frames sent in one turn of the event loop leave at its end together, as few messages
 * of at most 16 KiB, because a small message costs @roamhq/wrtc as much as a big one (DESIGN §3). Above the channel's
 * high-water mark frames wait in a bounded outbox and `bufferedAmount` is polled. What comes in is split and decoded;
 * a neighbour that keeps sending nonsense loses the link. Who the neighbour is, is `proof.ts` and `hello.ts`.
 */

import type { Frame } from '../core/frames.ts'
import { decodeBatch } from '../wire/batch.ts'
import type { HandshakeFrame } from '../wire/handshake.ts'
import type { Channel } from './channel.ts'
import type { DroppableClass } from './outbox.ts'
import { Outbox } from './outbox.ts'
import type { After, Soon } from './timers.ts'
import { platformAfter, platformSoon } from './timers.ts'

/** Bounds of one link; what is left out has the default of `LINK_LIMITS`. */
export interface LinkLimits {
  /** Bytes in the channel's own buffer above which frames wait. */
  readonly highWaterBytes: number
  /** Bytes of frames that may wait in a turn or for the channel. */
  readonly queueBytesMax: number
  /** Frames that may wait. */
  readonly queueFramesMax: number
  /** Bytes of messages that may wait for an owner (`onFrame` null). */
  readonly heldBytesMax: number
  /** Bad frames that are forgiven. */
  readonly badFramesMax: number
}

export const LINK_LIMITS: LinkLimits = {
  // simple-peer's MAX_BUFFERED_AMOUNT; enough for a round trip of 50 ms at 10 Mbit/s.
  highWaterBytes: 64 * 1024,
  // 16 × high water, guess: a burst of a thousand 1 KB frames in one turn is an honest load.
  queueBytesMax: 1024 * 1024,
  // Guess: 256 bytes a frame on average.
  queueFramesMax: 4096,
  // Guess: what an eager neighbour sends while its proof is still being verified (a few ms).
  heldBytesMax: 256 * 1024,
  // Guess: room for a newer version's unknown kinds, not for a fuzzer.
  badFramesMax: 8,
}

/** Counted up for the life of a link; nothing is ever reset. */
export interface LinkCounters {
  readonly framesIn: number
  readonly messagesIn: number
  readonly bytesIn: number
  readonly framesOut: number
  readonly messagesOut: number
  readonly bytesOut: number
  /** Frames that a full queue dropped. */
  readonly dropped: Readonly<Record<DroppableClass, number>>
  /** Messages and frames that did not decode. */
  readonly badFrames: number
}

/**
 * How often `bufferedAmount` is read while frames wait: at first every millisecond (a 64 KiB buffer drains in about two
 * on a loopback), then twice as long each time. @roamhq/wrtc 0.10 never fires `bufferedamountlow`.
 */
const POLL_MIN_MS = 1
const POLL_MAX_MS = 40

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type AnyFrame = Frame | HandshakeFrame

export class Link {
  readonly channel: Channel
  readonly #limits: LinkLimits
  readonly #after: After
  readonly #soon: Soon
  readonly #outbox: Outbox
  readonly #dropped = { routed: 0, lookup: 0, broadcast: 0 }
  readonly #counters: Mutable<LinkCounters> = {
    framesIn: 0,
    messagesIn: 0,
    bytesIn: 0,
    framesOut: 0,
    messagesOut: 0,
    bytesOut: 0,
    dropped: this.#dropped,
    badFrames: 0,
  }
  #onFrame: ((frame: AnyFrame) => void) | null = null
  #onDown: ((reason: string) => void) | null = null
  #held: AnyFrame[] = []
  #heldBytes = 0
  /** Upper bound of what is in the channel's buffer: the last reading and everything handed over since. */
  #bufferedMax = 0
  #flushQueued = false
  #stopPolling: (() => void) | null = null
  #pollMs = POLL_MIN_MS
  /** closing: by ourselves, `onDown` is to come. down: the channel is gone, `onDown` has come or waits for its owner. */
  #state: 'open' | 'closing' | 'down' = 'open'
  #downReason: string | null = null
  #isReported = false

  constructor(
    channel: Channel,
    limits: Partial<LinkLimits> = {},
    after: After = platformAfter,
    soon: Soon = platformSoon,
  ) {
    this.channel = channel
    this.#limits = { ...LINK_LIMITS, ...limits }
    this.#after = after
    this.#soon = soon
    this.#outbox = new Outbox({
      bytesMax: this.#limits.queueBytesMax,
      framesMax: this.#limits.queueFramesMax,
      onDrop: (frameClass) => this.#countDrop(frameClass),
    })
    channel.onMessage = (message) => this.#receive(message)
    channel.onClose = (reason) => this.#down(reason)
  }

  get counters(): LinkCounters {
    return this.#counters
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  /** Where frames go, in order. While it is null they are held, up to `heldBytesMax`, and delivered to the next owner. */
  get onFrame(): ((frame: AnyFrame) => void) | null {
    return this.#onFrame
  }

  set onFrame(listener: ((frame: AnyFrame) => void) | null) {
    this.#onFrame = listener
    // Not in this call: the owner may not have finished setting itself up.
    if (listener !== null && this.#held.length > 0) queueMicrotask(() => this.#release())
  }

  /** Called exactly once, when the link is down for whatever reason; at the latest a microtask after it was set. */
  get onDown(): ((reason: string) => void) | null {
    return this.#onDown
  }

  set onDown(listener: ((reason: string) => void) | null) {
    this.#onDown = listener
    if (listener !== null && this.#downReason !== null) queueMicrotask(() => this.#report())
  }

  /** Queues a frame; it leaves at the end of this turn or when the channel has room. Ignored once the link is closed. */
  send(frame: AnyFrame): void {
    if (this.#state !== 'open') return
    if (!this.#outbox.push(frame)) return this.close('overflow')
    this.#counters.framesOut++
    if (this.#flushQueued || this.#stopPolling !== null) return
    this.#flushQueued = true
    this.#soon(() => {
      this.#flushQueued = false
      if (this.#state === 'open') this.#flush()
    })
  }

  /** Hands everything that waits to the channel, then closes it. `onDown` follows. */
  close(reason: string): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#stopPolling?.()
    this.#held = []
    while (this.#sendMessage());
    this.channel.close(reason)
  }

  #flush(): void {
    while (this.#hasRoom()) if (!this.#sendMessage()) return
    if (!this.#outbox.isEmpty) this.#pollLater()
  }

  /** Asks the channel only when our own count says that it may be full: each reading costs wrtc a change of threads. */
  #hasRoom(): boolean {
    if (this.#bufferedMax < this.#limits.highWaterBytes) return true
    this.#bufferedMax = this.channel.bufferedAmount
    return this.#bufferedMax < this.#limits.highWaterBytes
  }

  #sendMessage(): boolean {
    const message = this.#outbox.take()
    if (message === null) return false
    this.#bufferedMax += message.byteLength
    this.#counters.messagesOut++
    this.#counters.bytesOut += message.byteLength
    this.channel.send(message)
    return true
  }

  #pollLater(): void {
    this.#stopPolling = this.#after(this.#pollMs, () => {
      this.#pollMs = Math.min(this.#pollMs * 2, POLL_MAX_MS)
      this.#poll()
    })
  }

  #poll(): void {
    this.#stopPolling?.()
    this.#stopPolling = null
    if (this.#hasRoom()) this.#pollMs = POLL_MIN_MS
    this.#flush()
  }

  #receive(message: Uint8Array): void {
    if (this.#state !== 'open') return
    this.#counters.messagesIn++
    this.#counters.bytesIn += message.byteLength
    // Background tabs stretch timers to a second; a message is a better clock while we wait.
    if (this.#stopPolling !== null) this.#poll()
    const frames = decodeBatch(message)
    if (frames === null) return this.#countBad()
    for (const frame of frames) {
      if (this.#state !== 'open') return
      if (frame === null) this.#countBad()
      else this.#take(frame, message.byteLength)
    }
  }

  #take(frame: AnyFrame, messageBytes: number): void {
    this.#counters.framesIn++
    if (this.#onFrame !== null && this.#held.length === 0) return this.#onFrame(frame)
    // A held frame keeps the whole message alive that it came in.
    this.#heldBytes += messageBytes
    if (this.#heldBytes > this.#limits.heldBytesMax) return this.close('overflow')
    this.#held.push(frame)
  }

  #release(): void {
    while (this.#held.length > 0 && this.#onFrame !== null) this.#onFrame(this.#held.shift()!)
    if (this.#held.length === 0) this.#heldBytes = 0
    this.#report()
  }

  #countBad(): void {
    if (++this.#counters.badFrames > this.#limits.badFramesMax) this.close('bad frames')
  }

  #countDrop(frameClass: DroppableClass): void {
    this.#dropped[frameClass]++
    this.#counters.framesOut--
  }

  #down(reason: string): void {
    if (this.#state === 'down') return
    this.#state = 'down'
    this.#stopPolling?.()
    this.#downReason = reason
    this.#release()
  }

  /** Not before the last held frame has been taken: a refusal is often followed by the close at once. */
  #report(): void {
    if (this.#downReason === null || this.#isReported || this.#onDown === null || this.#held.length > 0) return
    this.#isReported = true
    this.#onDown(this.#downReason)
  }
}
