/**
 * The readable half of the stream that simple-peer extends: Node's Readable as readable-stream 3 has it, of which this is
 * a rewriting (MIT licence, Joyent and other Node contributors), step by step where an application could tell the
 * difference: what is emitted when, how `data`, `readable`, `pipe` and `pause` take turns, when the buffer is full. Own
 * code, against STYLE 19, for its size: with its parts and `duplex.ts` 4 KiB of what every page loads, where readable-stream
 * and what it needs are 11.
 *
 * Left out is what nobody can reach who gets an instance from `dial` or `accept`: options of the constructor (object mode,
 * another size of buffer, an own `read`), `wrap`, Transform and the others, `destroy` (simple-peer has its own). Better than
 * there: leaving an async loop early destroys the stream, where readable-stream waits for a callback that simple-peer never
 * calls; `unshift` and `setEncoding` go together. Tested beside readable-stream with arbitrary use.
 */

import { Buffer } from './buffer.ts'
import { Decoder } from './decoder.ts'
import { coded, TEXT_OR_BYTES, wrongType } from './errors.ts'
import { EventEmitter, type Listener } from './events.ts'
import { type Destination, startPipe } from './pipe.ts'
import type { Queue } from './queue.ts'
import { type Chunk, countToRead, ReadableState, take } from './readable-state.ts'

export abstract class Readable extends EventEmitter {
  readonly _readableState = new ReadableState()
  readable = true

  /** simple-peer's. */
  abstract destroy(error?: Error): unknown

  get readableHighWaterMark(): number {
    return this._readableState.highWaterMark
  }

  get readableBuffer(): Queue<Chunk> {
    return this._readableState.buffer
  }

  get readableLength(): number {
    return this._readableState.length
  }

  get readableFlowing(): boolean | null {
    return this._readableState.flowing
  }

  set readableFlowing(isFlowing: boolean | null) {
    this._readableState.flowing = isFlowing
  }

  /** For the subclass: null is the end. Answers whether there is room for more. */
  push(chunk: unknown, encoding?: string): boolean {
    return add(this, chunk, { encoding, isFront: false })
  }

  /** Gives back what was read. */
  unshift(chunk: unknown, encoding?: string): boolean {
    return add(this, chunk, { encoding, isFront: true })
  }

  isPaused(): boolean {
    return this._readableState.flowing === false
  }

  /** From now on data are strings. Throws TypeError if there is no such encoding. */
  setEncoding(encoding?: string | null): this {
    const state = this._readableState
    const decoder = new Decoder(encoding)
    let text = ''
    for (let chunk = state.buffer.shift(); chunk !== undefined; chunk = state.buffer.shift()) {
      text += typeof chunk === 'string' ? chunk : decoder.write(chunk)
    }
    state.decoder = decoder
    state.length = text.length
    if (text !== '') state.buffer.push(text)
    return this
  }

  /** `size` bytes or characters, or all; null if there are not so many yet. */
  read(size?: number): Chunk | null {
    const state = this._readableState
    const wanted = parseInt(String(size), 10)
    if (wanted !== 0) state.emittedReadable = false
    else if (state.needReadable && (state.length >= state.highWaterMark || state.ended)) {
      // Only here to have `readable` emitted.
      if (state.length === 0 && state.ended) endSoon(this)
      else emitReadable(this)
      return null
    }
    const count = countToRead(state, wanted)
    if (count === 0 && state.ended) {
      if (state.length === 0) endSoon(this)
      return null
    }
    const isRoom = state.length - count < state.highWaterMark
    if ((state.needReadable || state.length === 0 || isRoom) && !state.ended && !state.reading) {
      state.reading = true
      // Here Node asks its source by `_read`, which does nothing in simple-peer: data come when they come.
      state.sync = false
    }
    const chunk = count > 0 ? take(state, count) : null
    if (chunk === null) state.needReadable = state.length <= state.highWaterMark
    else state.awaitDrain = 0
    if (state.length === 0) {
      if (!state.ended) state.needReadable = true
      else if (wanted !== (chunk === null ? 0 : count)) endSoon(this)
    }
    if (chunk !== null) this.emit('data', chunk)
    return chunk
  }

  resume(): this {
    const state = this._readableState
    if (!state.flowing) {
      // Who listens to `readable` reads; still, `resume` is heard of.
      state.flowing = !state.readableListening
      if (!state.resumeScheduled) {
        state.resumeScheduled = true
        queueMicrotask(() => resumeNow(this))
      }
    }
    state.paused = false
    return this
  }

  pause(): this {
    const state = this._readableState
    if (state.flowing !== false) {
      state.flowing = false
      this.emit('pause')
    }
    state.paused = true
    return this
  }

  override on(name: string | symbol, listener: Listener): this {
    super.on(name, listener)
    const state = this._readableState
    if (name === 'data') {
      state.readableListening = this.listenerCount('readable') > 0
      if (state.flowing !== false) this.resume()
    } else if (name === 'readable' && !state.endEmitted && !state.readableListening) {
      state.readableListening = state.needReadable = true
      state.flowing = false
      state.emittedReadable = false
      if (state.length > 0) emitReadable(this)
      else if (!state.reading) queueMicrotask(() => this.read(0))
    }
    return this
  }

  override removeListener(name: string | symbol, listener: Listener): this {
    super.removeListener(name, listener)
    // In a later turn, because `once('readable')` may be called again in this one.
    if (name === 'readable') queueMicrotask(() => listenersChanged(this))
    return this
  }

  override removeAllListeners(name?: string | symbol): this {
    super.removeAllListeners(name)
    if (name === 'readable' || name === undefined) queueMicrotask(() => listenersChanged(this))
    return this
  }

  pipe<To extends Destination>(destination: To, options?: { readonly end?: boolean }): To {
    startPipe(this, destination, { isEnding: options?.end !== false, flow })
    return destination
  }

  /** From all destinations if none is given. */
  unpipe(destination?: Destination): this {
    const state = this._readableState
    const at = destination ? state.pipes.indexOf(destination) : 0
    if (at === -1 || state.pipes.length === 0) return this
    const gone = destination ? state.pipes.splice(at, 1) : state.pipes.splice(0)
    if (state.pipes.length === 0) state.flowing = false
    for (const one of gone) one.emit('unpipe', this, { hasUnpiped: false })
    return this
  }

  /** Ends with the data, or the stream; leaving it early destroys the stream. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Chunk, void> {
    const state = this._readableState
    let failure: Error | null = null
    let isClosed = false
    let wake = (): void => {}
    const listeners: Readonly<Record<string, Listener>> = {
      readable: () => wake(),
      end: () => wake(),
      error: (error: Error) => ((failure = error), wake()),
      close: () => ((isClosed = true), wake()),
    }
    for (const [name, listener] of Object.entries(listeners)) this.on(name, listener)
    const isOver = (): boolean => failure !== null || isClosed || state.destroyed || state.endEmitted
    try {
      while (!isOver()) {
        const chunk = this.read()
        if (chunk !== null) yield chunk
        else await new Promise<void>((resolve) => (wake = resolve))
      }
      if (failure !== null) throw failure as Error
    } finally {
      for (const [name, listener] of Object.entries(listeners)) this.removeListener(name, listener)
      if (!isOver()) this.destroy()
    }
  }
}

interface Adding {
  readonly encoding: string | undefined
  readonly isFront: boolean
}

/** Text becomes bytes unless the stream's own data are text of that encoding. Answers whether there is room for more. */
function add(stream: Readable, value: unknown, { encoding, isFront }: Adding): boolean {
  const state = stream._readableState
  const isText = isFront ? state.decoder !== null : state.decoder?.encoding.name === (encoding || 'utf8')
  const put = isFront ? giveBack : append
  if (value === null) endOfSource(stream)
  else if (value === undefined) put(stream, '')
  else if (typeof value === 'string') put(stream, isText ? value : Buffer.from(value, encoding))
  else if (value instanceof Uint8Array) put(stream, value instanceof Buffer ? value : Buffer.from(value))
  else stream.emit('error', wrongType('chunk', TEXT_OR_BYTES, value))
  return !state.ended && !state.destroyed && state.length < state.highWaterMark
}

function giveBack(stream: Readable, chunk: Chunk): void {
  const { endEmitted, decoder } = stream._readableState
  if (chunk.length === 0) return
  if (endEmitted) return fail(stream, 'ERR_STREAM_UNSHIFT_AFTER_END_EVENT')
  addChunk(stream, decoder && typeof chunk !== 'string' ? decoder.encoding.decode(chunk) : chunk, { isFront: true })
}

function append(stream: Readable, chunk: Chunk): void {
  const state = stream._readableState
  if (chunk.length > 0 && state.ended) return fail(stream, 'ERR_STREAM_PUSH_AFTER_EOF')
  if (chunk.length > 0 && state.destroyed) return
  state.reading = false
  const decoded = state.decoder && typeof chunk !== 'string' ? state.decoder.write(chunk) : chunk
  if (decoded.length > 0) addChunk(stream, decoded, { isFront: false })
  else readMore(stream)
}

function addChunk(stream: Readable, chunk: Chunk, { isFront }: Pick<Adding, 'isFront'>): void {
  const state = stream._readableState
  if (state.flowing && state.length === 0 && !state.sync) {
    state.awaitDrain = 0
    stream.emit('data', chunk)
  } else {
    state.length += chunk.length
    if (isFront) state.buffer.unshift(chunk)
    else state.buffer.push(chunk)
    if (state.needReadable) emitReadable(stream)
  }
  readMore(stream)
}

/** simple-peer's streams are not destroyed by what is done wrong: the error is only told. */
function fail(stream: Readable, code: string): void {
  stream.emit('error', coded(code))
}

function endOfSource(stream: Readable): void {
  const state = stream._readableState
  state.reading = false
  if (state.ended) return
  const rest = state.decoder?.end() ?? ''
  if (rest !== '') {
    state.buffer.push(rest)
    state.length += rest.length
  }
  state.ended = true
  if (state.sync) return emitReadable(stream)
  state.needReadable = false
  if (state.emittedReadable) return
  state.emittedReadable = true
  emitReadableNow(stream)
}

/** Once a turn, and in a later one. */
function emitReadable(stream: Readable): void {
  const state = stream._readableState
  state.needReadable = false
  if (state.emittedReadable) return
  state.emittedReadable = true
  queueMicrotask(() => emitReadableNow(stream))
}

function emitReadableNow(stream: Readable): void {
  const state = stream._readableState
  if (!state.destroyed && (state.length > 0 || state.ended)) {
    stream.emit('readable')
    state.emittedReadable = false
  }
  state.needReadable = !state.flowing && !state.ended && state.length <= state.highWaterMark
  flow(stream)
}

/** Asks the source again, in a later turn. */
function readMore(stream: Readable): void {
  const state = stream._readableState
  if (state.readingMore) return
  state.readingMore = true
  queueMicrotask(() => {
    let length = -1
    while (
      !state.reading &&
      !state.ended &&
      length !== state.length &&
      (state.length < state.highWaterMark || (state.flowing && state.length === 0))
    ) {
      length = state.length
      stream.read(0)
    }
    state.readingMore = false
  })
}

function resumeNow(stream: Readable): void {
  const state = stream._readableState
  if (!state.reading) stream.read(0)
  state.resumeScheduled = false
  stream.emit('resume')
  flow(stream)
  if (state.flowing && !state.reading) stream.read(0)
}

function flow(stream: Readable): void {
  while (stream._readableState.flowing && stream.read() !== null);
}

function listenersChanged(stream: Readable): void {
  const state = stream._readableState
  state.readableListening = stream.listenerCount('readable') > 0
  if (state.resumeScheduled && !state.paused) state.flowing = true
  else if (stream.listenerCount('data') > 0) stream.resume()
}

function endSoon(stream: Readable): void {
  const state = stream._readableState
  if (state.endEmitted) return
  state.ended = true
  queueMicrotask(() => {
    // Something may have been given back meanwhile.
    if (state.endEmitted || state.length > 0) return
    state.endEmitted = true
    stream.readable = false
    stream.emit('end')
  })
}
