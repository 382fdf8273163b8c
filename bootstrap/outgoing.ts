/**
 * What a server sends in one turn of the event loop. Each frame is encoded as it is sent, into memory that is used over
 * and over: no frame waits as an object for the garbage collector to carry about, and with a thousand clients, where a
 * message is rarely more than one frame, it leaves from where it was encoded. With fresh memory and two copies for each
 * message, 1 KB cost 1.5 × the CPU of the bare relay while others used the caches too; like this 1.0 ×. Messages of
 * `wire/batch.ts` belong to whoever took them, so that one cannot do this.
 */

import type { Frame } from '../src/core/frames.ts'
import { BATCH_BYTES_MAX } from '../src/wire/batch.ts'
import { encodeFrameInto, FRAME_BYTES_MAX, frameBytes } from '../src/wire/frames.ts'
import { HEADER_BYTES_MAX } from './connection.ts'

/** Who gets the messages; `Connection` is one. */
export interface Sink {
  /**
   * Sends `bytes[start…end)`; the `HEADER_BYTES_MAX` bytes in front of it may be written over. False: the bytes have not
   * all left and must not change any more.
   */
  sendFrom(bytes: Buffer, start: number, end: number): boolean
}

/** One receiver's share of a turn. */
export interface Outlet {
  readonly connection: Sink
  /** Where its frames of this turn lie: place, size, place, size …; null: it gets none. */
  parts: number[] | null
}

/** Bytes in front of each frame of a message: its length (wire/batch). */
const LENGTH_BYTES = 2
/**
 * A reader that falls behind keeps the chunk that it was sent from alive, so a chunk is a quarter of what may wait for
 * one reader anyway (`maxBufferedBytes`).
 */
const CHUNK_BITS = 16
const CHUNK_BYTES = 1 << CHUNK_BITS
/**
 * When so many are full, everything leaves before the turn ends. A thousand frames of 1 KB fit: were it less, a hundred
 * busy clients would get a message for every frame again (measured: a quarter fewer frames/s with 256 KiB in all).
 */
const CHUNKS_MAX = 16

/**
 * The same when so many are to get something: their messages hardly grow any more, and all clients of a busy server would
 * wait until the last of them has been read. Without it the two sides took turns instead of working at the same time:
 * 0.52 and 0.75 × the bare relay's frames/s (200 B, 1 KB, 1,000 clients, load average 9), with it 0.85 and 0.95 ×.
 */
const OUTLETS_MAX = 128

/** The chunk of a place, and where in it. */
const chunkOf = (place: number): number => place >> CHUNK_BITS
const offsetIn = (place: number): number => place & (CHUNK_BYTES - 1)

export class Outgoing {
  /** Grows to what the busiest turn needed. */
  readonly #chunks: Buffer[] = []
  /** The next free place, counted over all chunks. */
  #end = 0
  /** Chunks that a socket keeps: no more to be written to once this turn is over. */
  readonly #kept = new Set<number>()
  /** For messages of several frames. */
  #message = Buffer.allocUnsafeSlow(HEADER_BYTES_MAX + BATCH_BYTES_MAX)
  #outlets: Outlet[] = []
  #isFlushQueued = false

  /** Takes a frame in. Throws RangeError for one greater than any message can hold, or with values outside its limits. */
  add(outlet: Outlet, frame: Frame): void {
    const size = frameBytes(frame)
    if (size > FRAME_BYTES_MAX) throw new RangeError(`a frame of ${size} bytes is above ${FRAME_BYTES_MAX}`)
    const place = this.#reserve(HEADER_BYTES_MAX + LENGTH_BYTES + size) + HEADER_BYTES_MAX
    const chunk = this.#chunks[chunkOf(place)]!
    const start = offsetIn(place)
    chunk[start] = size >> 8
    chunk[start + 1] = size
    encodeFrameInto(frame, chunk, start + LENGTH_BYTES)
    this.#end = place + LENGTH_BYTES + size
    this.#note(outlet, place, LENGTH_BYTES + size)
  }

  /** Sends what one of them gets, at once. */
  flushOne(outlet: Outlet): void {
    const { connection, parts } = outlet
    if (parts === null) return
    outlet.parts = null
    if (parts.length > 2) return this.#sendJoined(connection, parts)
    const [place, size] = parts as [number, number]
    const start = offsetIn(place)
    const isFree = connection.sendFrom(this.#chunks[chunkOf(place)]!, start, start + size)
    if (!isFree) this.#kept.add(chunkOf(place))
  }

  /** Where `size` bytes that lie in one chunk begin. */
  #reserve(size: number): number {
    const isFitting = offsetIn(this.#end) + size <= CHUNK_BYTES
    const place = isFitting ? this.#end : (chunkOf(this.#end) + 1) << CHUNK_BITS
    if (chunkOf(place) === CHUNKS_MAX) {
      this.#flush()
      return 0
    }
    if (chunkOf(place) === this.#chunks.length) this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES))
    return place
  }

  #note(outlet: Outlet, place: number, size: number): void {
    if (outlet.parts !== null) return void outlet.parts.push(place, size)
    outlet.parts = [place, size]
    if (this.#outlets.push(outlet) === OUTLETS_MAX) return this.#flush()
    if (this.#isFlushQueued) return
    this.#isFlushQueued = true
    setImmediate(() => {
      this.#isFlushQueued = false
      this.#flush()
    })
  }

  #flush(): void {
    const outlets = this.#outlets
    this.#outlets = []
    for (const outlet of outlets) this.flushOne(outlet)
    for (const chunk of this.#kept) this.#chunks[chunk] = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    this.#kept.clear()
    this.#end = 0
  }

  /** Several frames as few messages, in order. */
  #sendJoined(connection: Sink, parts: readonly number[]): void {
    let end = HEADER_BYTES_MAX
    for (let i = 0; i < parts.length; i += 2) {
      const [place, size] = [parts[i]!, parts[i + 1]!]
      if (end + size > this.#message.byteLength) {
        this.#sendMessage(connection, end)
        end = HEADER_BYTES_MAX
      }
      this.#chunks[chunkOf(place)]!.copy(this.#message, end, offsetIn(place), offsetIn(place) + size)
      end += size
    }
    this.#sendMessage(connection, end)
  }

  #sendMessage(connection: Sink, end: number): void {
    if (connection.sendFrom(this.#message, HEADER_BYTES_MAX, end)) return
    this.#message = Buffer.allocUnsafeSlow(this.#message.byteLength)
  }
}
