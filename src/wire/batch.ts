/**
 * Transport messages: a run of [u16 length][frame]. Frames queued in the same turn share one message, because a small
 * message costs @roamhq/wrtc as much as a big one (DESIGN §3).
 */

import type { Frame } from '../core/frames.ts'
import { decodeFrame, encodeFrameInto, FRAME_BYTES_MAX, frameBytes } from './frames.ts'
import type { HandshakeFrame } from './handshake.ts'
import { viewOf } from './schema.ts'

/** Bytes of the length in front of each frame of a batch. */
const LENGTH_BYTES = 2
/** Greatest transport message, in bytes, lengths included: SCTP's portable maximum (RFC 8831 §6.6). */
export const BATCH_BYTES_MAX = LENGTH_BYTES + FRAME_BYTES_MAX

/**
 * Messages are cut from a shared slab, because a fresh typed array of 1 KB costs 0.8 µs here, more than encoding into
 * it. A slab lives as long as the last of its messages waits in a transport's buffer.
 */
const SLAB_BYTES = 64 * 1024
let slab = new Uint8Array(0)
let slabUsed = 0

/** The frames of a transport message as views into it; null unless it is one or more whole frames and nothing else. */
export function splitBatch(message: Uint8Array): Uint8Array[] | null {
  const frames: Uint8Array[] = []
  const isWhole = eachFrame(message, (start, end) => frames.push(viewOf(message, start, end - start)))
  return isWhole ? frames : null
}

/**
 * Splits and decodes in one go: a frame, or null for one that does not decode, for each frame of the message; null for
 * a message that `splitBatch` refuses. Never throws.
 */
export function decodeBatch(message: Uint8Array): (Frame | HandshakeFrame | null)[] | null {
  const frames: (Frame | HandshakeFrame | null)[] = []
  const isWhole = eachFrame(message, (start, end) => frames.push(decodeFrame(message, start, end)))
  return isWhole ? frames : null
}

/**
 * Collects the frames of a turn and turns them into as few messages as their order allows. Frames are only measured
 * when added and encoded straight into their message when taken: one copy of each body, no buffer held in between. The
 * bound is the owner's: see `byteLength`.
 */
export class BatchPacker {
  #frames: (Frame | HandshakeFrame)[] = []
  #sizes: number[] = []
  #byteLength = 0

  /** Bytes that the frames collected so far will take, lengths included. */
  get byteLength(): number {
    return this.#byteLength
  }

  /** Appends a frame. Throws RangeError for one greater than any message can hold. */
  add(frame: Frame | HandshakeFrame): void {
    const size = frameBytes(frame)
    if (size > FRAME_BYTES_MAX) throw new RangeError(`a frame of ${size} bytes is above ${FRAME_BYTES_MAX}`)
    this.#frames.push(frame)
    this.#sizes.push(size)
    this.#byteLength += LENGTH_BYTES + size
  }

  /**
   * All frames as messages of at most `BATCH_BYTES_MAX` bytes, in order; the packer is empty again. Messages are views:
   * send them as they are, never their whole `buffer`.
   */
  take(): Uint8Array[] {
    const frames = this.#frames
    const sizes = this.#sizes
    this.#frames = []
    this.#sizes = []
    this.#byteLength = 0
    const messages: Uint8Array[] = []
    for (let first = 0; first < frames.length;) {
      const last = endOfMessage(sizes, first)
      messages.push(encodeBatch(frames, sizes, { first, last }))
      first = last
    }
    return messages
  }
}

/** The index behind the last frame that fits into one message with frame `first`. */
function endOfMessage(sizes: readonly number[], first: number): number {
  let total = 0
  let index = first
  while (index < sizes.length && (total += LENGTH_BYTES + sizes[index]!) <= BATCH_BYTES_MAX) index++
  return index
}

function encodeBatch(
  frames: readonly (Frame | HandshakeFrame)[],
  sizes: readonly number[],
  range: { first: number; last: number },
): Uint8Array {
  let total = 0
  for (let i = range.first; i < range.last; i++) total += LENGTH_BYTES + sizes[i]!
  const message = allocate(total)
  let offset = 0
  for (let i = range.first; i < range.last; i++) {
    message[offset] = sizes[i]! >> 8
    message[offset + 1] = sizes[i]!
    offset = encodeFrameInto(frames[i]!, message, offset + LENGTH_BYTES)
  }
  return message
}

/** Calls `onFrame` with the bounds of each frame; false as soon as something is not as it must be. */
function eachFrame(message: Uint8Array, onFrame: (start: number, end: number) => void): boolean {
  const { byteLength } = message
  if (byteLength === 0 || byteLength > BATCH_BYTES_MAX) return false
  let offset = 0
  while (offset < byteLength) {
    if (byteLength - offset < LENGTH_BYTES) return false
    const length = (message[offset]! << 8) | message[offset + 1]!
    const start = offset + LENGTH_BYTES
    offset = start + length
    if (length === 0 || offset > byteLength) return false
    onFrame(start, offset)
  }
  return true
}

/** Bytes that nobody else has or will get; every one of them must be written. */
function allocate(byteLength: number): Uint8Array {
  if (slabUsed + byteLength > slab.byteLength) {
    slab = new Uint8Array(SLAB_BYTES)
    slabUsed = 0
  }
  const message = viewOf(slab, slabUsed, byteLength)
  slabUsed += byteLength
  return message
}
