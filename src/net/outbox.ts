/**
 * What a link has still to send: encoded frames in four classes, bounded in bytes and in count, handed out as messages
 * of at most 16 KiB. Control frames leave first, then replies and unicasts, then lookups, then broadcasts; in a class,
 * first come, first served. A full outbox drops in the opposite order, the newest frame first, and never control.
 */

import type { Frame } from '../core/frames.ts'
import { encodeFrameInto, FRAME_BYTES_MAX, frameBytes } from '../wire/frames.ts'
import type { HandshakeFrame } from '../wire/handshake.ts'
import { checkRange } from '../wire/schema.ts'
import { MESSAGE_BYTES_MAX } from './channel.ts'
import { concat } from './crypto/bytes.ts'

/** Classes of frames in the order of their claim to the channel. */
export type FrameClass = 'control' | 'routed' | 'lookup' | 'broadcast'
/** Classes that a full outbox may drop. */
export type DroppableClass = Exclude<FrameClass, 'control'>

/** Bytes in front of each frame of a message: its length (wire/batch). */
const LENGTH_BYTES = 2
const DROP_ORDER: readonly DroppableClass[] = ['broadcast', 'lookup', 'routed']

export class Outbox {
  /** In the order of their claim. */
  readonly #queues: Readonly<Record<FrameClass, Queue>> = {
    control: new Queue(),
    routed: new Queue(),
    lookup: new Queue(),
    broadcast: new Queue(),
  }
  readonly #bytesMax: number
  readonly #framesMax: number
  readonly #onDrop: (frameClass: DroppableClass) => void
  #byteLength = 0
  #frameCount = 0

  constructor(options: { bytesMax: number; framesMax: number; onDrop: (frameClass: DroppableClass) => void }) {
    this.#bytesMax = options.bytesMax
    this.#framesMax = options.framesMax
    this.#onDrop = options.onDrop
  }

  /** Bytes that wait, lengths included. */
  get byteLength(): number {
    return this.#byteLength
  }

  get isEmpty(): boolean {
    return this.#frameCount === 0
  }

  /**
   * Takes a frame in, dropping others or the frame itself if there is no room. False: nothing but control frames is
   * left and even they do not fit. Throws RangeError for a frame that no message can hold.
   */
  push(frame: Frame | HandshakeFrame): boolean {
    const bytes = messageOf(frame)
    const frameClass = classOf(frame)
    while (!this.#hasRoomFor(bytes.byteLength)) {
      const victim = DROP_ORDER.find((candidate) => candidate === frameClass || this.#queues[candidate].length > 0)
      if (victim === undefined) return false
      this.#onDrop(victim)
      // Tail drop: who comes last of its class goes first, so that what has begun to leave stays in order.
      if (victim === frameClass) return true
      this.#account(-this.#queues[victim].pop().byteLength, -1)
    }
    this.#queues[frameClass].push(bytes)
    this.#account(bytes.byteLength, 1)
    return true
  }

  /** The next message, as full as the order of the frames allows; null when nothing waits. */
  take(): Uint8Array | null {
    if (this.#frameCount === 0) return null
    const parts: Uint8Array[] = []
    let size = 0
    for (const queue of Object.values(this.#queues)) {
      while (queue.length > 0 && size + queue.head.byteLength <= MESSAGE_BYTES_MAX) {
        const part = queue.shift()
        size += part.byteLength
        parts.push(part)
      }
      // A frame that did not fit must not be overtaken by smaller ones of a lower class for ever: the message is full.
      if (queue.length > 0) break
    }
    this.#account(-size, -parts.length)
    return parts.length === 1 ? parts[0]! : concat(...parts)
  }

  #hasRoomFor(byteLength: number): boolean {
    return this.#byteLength + byteLength <= this.#bytesMax && this.#frameCount < this.#framesMax
  }

  #account(bytes: number, frames: number): void {
    this.#byteLength += bytes
    this.#frameCount += frames
  }
}

/**
 * A nack and a direct frame never travel further than their link, but they carry what a routed frame carries and come
 * as often: were they control, a busy neighbour would close the link instead of losing a message.
 */
export function classOf(frame: Frame | HandshakeFrame): FrameClass {
  switch (frame.kind) {
    case 'unicast':
    case 'reply':
    case 'nack':
    case 'direct':
      return 'routed'
    case 'lookup':
    case 'broadcast':
      return frame.kind
    default:
      return 'control'
  }
}

/**
 * A frame with its length in front: a message of its own, or part of one. Encoded when it is sent: a mistake shows at its
 * cause, and a frame that waits keeps no foreign buffer alive.
 */
export function messageOf(frame: Frame | HandshakeFrame): Uint8Array<ArrayBuffer> {
  const size = frameBytes(frame)
  checkRange(size, FRAME_BYTES_MAX)
  const bytes = new Uint8Array(LENGTH_BYTES + size)
  bytes[0] = size >> 8
  bytes[1] = size
  encodeFrameInto(frame, bytes, LENGTH_BYTES)
  return bytes
}

/** First in, first out, with `pop` for the newest; `Array.shift` would move every element of a long queue. */
class Queue {
  #items: (Uint8Array | undefined)[] = []
  #start = 0

  get length(): number {
    return this.#items.length - this.#start
  }

  get head(): Uint8Array {
    return this.#items[this.#start]!
  }

  push(item: Uint8Array): void {
    this.#items.push(item)
  }

  pop(): Uint8Array {
    return this.#items.pop()!
  }

  shift(): Uint8Array {
    const item = this.#items[this.#start]!
    this.#items[this.#start++] = undefined
    if (this.#start === this.#items.length) {
      this.#items = []
      this.#start = 0
    }
    return item
  }
}
