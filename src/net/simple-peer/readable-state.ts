/** What a readable stream knows of itself, and what it has to give: its buffer. Names are Node's: other libraries look at some. */

import { Buffer } from './buffer.ts'
import type { Decoder } from './decoder.ts'
import type { Destination } from './pipe.ts'
import { Queue } from './queue.ts'

export type Chunk = Buffer | string

/** Bytes to hold before `push` and `write` say "enough": Node's default. */
export const HIGH_WATER_MARK = 16 * 1024

export class ReadableState {
  readonly buffer = new Queue<Chunk>()
  /** Of all that is in the buffer, in bytes or, with an encoding, in characters. */
  length = 0
  highWaterMark = HIGH_WATER_MARK
  /** Null: nobody has asked for data yet, nor paused. */
  flowing: boolean | null = null
  paused = true
  ended = false
  endEmitted = false
  destroyed = false
  /** Somebody has asked for data, and none have come since. */
  reading = false
  /** What is pushed waits for a later turn: so long as nobody has read. */
  sync = true
  needReadable = false
  emittedReadable = false
  readableListening = false
  readingMore = false
  resumeScheduled = false
  readonly pipes: Destination[] = []
  /** Destinations of pipes that are full. */
  awaitDrain = 0
  decoder: Decoder | null = null
}

/** Not a number: all of it, or in flowing mode what came at once. */
export function countToRead(state: ReadableState, wanted: number): number {
  if (wanted <= 0 || (state.length === 0 && state.ended)) return 0
  if (Number.isNaN(wanted)) return state.flowing && state.length > 0 ? state.buffer.first!.item.length : state.length
  // Who waits for more than the buffer holds would wait for ever: the next power of two.
  if (wanted > state.highWaterMark)
    state.highWaterMark = Math.min(2 ** Math.ceil(Math.log2(wanted)), HIGH_WATER_MARK_MAX)
  if (wanted <= state.length) return wanted
  if (state.ended) return state.length
  state.needReadable = true
  return 0
}

/** 1 GiB: Node's bound for what a reader may ask for at once. */
const HIGH_WATER_MARK_MAX = 2 ** 30

/** So many bytes or characters of the buffer, which holds them. */
export function take(state: ReadableState, count: number): Chunk {
  const { buffer, decoder } = state
  const parts: Chunk[] = []
  state.length -= count
  for (let missing = count; missing > 0; missing -= parts.at(-1)!.length) {
    const first = buffer.first!
    if (first.item.length <= missing) parts.push(buffer.shift()!)
    else {
      parts.push(first.item.slice(0, missing))
      first.item = first.item.slice(missing)
    }
  }
  if (parts.length === 1) return parts[0]!
  return decoder ? parts.join('') : Buffer.concat(parts as Buffer[])
}
