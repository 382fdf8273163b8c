/**
 * The stream that simple-peer extends: `readable.ts` with a writable half, written after readable-stream's in the same way,
 * and without what simple-peer does not use: `_final`, `_writev`, encodings that reach `_write`. When the readable half has
 * ended, so does the writable one.
 */

import { Buffer } from './buffer.ts'
import { encodingOf } from './encodings.ts'
import { TEXT_OR_BYTES, withCode, wrongType } from './errors.ts'
import { Queue } from './queue.ts'
import { HIGH_WATER_MARK } from './readable-state.ts'
import { Readable } from './readable.ts'

type Callback = (error?: Error | null) => void

interface Write {
  readonly bytes: Buffer
  readonly done: Callback
}

/** Names are Node's: other libraries look at some of them. */
class WritableState {
  readonly buffer = new Queue<Write>()
  /** Bytes that have not been written yet, the one at work included. */
  length = 0
  readonly highWaterMark = HIGH_WATER_MARK
  defaultEncoding = 'utf8'
  needDrain = false
  /** `end` has been called; has returned; everything is written. */
  ending = false
  ended = false
  finished = false
  prefinished = false
  destroyed = false
  corked = 0
  /** What `_write` has been given and not called back for. */
  writing: Write | null = null
  /** `_write` has not returned. */
  sync = true
  bufferProcessing = false
  /** Writes whose callbacks have not been called. */
  pendingcb = 0
  errorEmitted = false
}

export abstract class Duplex extends Readable {
  readonly _writableState = new WritableState()
  readonly allowHalfOpen = false
  writable = true

  /** Loads what is needed once an application has Buffers in hand, and not before: most of their methods. Rejects if that cannot be loaded. */
  static async complete(): Promise<void> {
    const { completeBuffer } = await import('./buffer-methods.ts')
    completeBuffer()
  }

  constructor() {
    super()
    this.once('end', () => {
      // Who writes at the end may still do so.
      if (!this._writableState.ended) queueMicrotask(() => this.end())
    })
  }

  /** The subclass writes one chunk, and calls back once for it. */
  abstract _write(bytes: Buffer, encoding: 'buffer', callback: Callback): void

  get writableHighWaterMark(): number {
    return this._writableState.highWaterMark
  }

  get writableBuffer(): Queue<Write> {
    return this._writableState.buffer
  }

  get writableLength(): number {
    return this._writableState.length
  }

  get destroyed(): boolean {
    return this._readableState.destroyed && this._writableState.destroyed
  }

  set destroyed(isDestroyed: boolean) {
    this._readableState.destroyed = isDestroyed
    this._writableState.destroyed = isDestroyed
  }

  /** `write(chunk, callback)` as well. False: better wait for `drain` now. */
  write(chunk: unknown, encoding?: string | Callback | null, callback?: Callback): boolean {
    if (typeof encoding === 'function') return this.write(chunk, null, encoding)
    const state = this._writableState
    const done = typeof callback === 'function' ? callback : () => {}
    const error = refusal(state, chunk)
    if (error !== null) {
      this.emit('error', error)
      queueMicrotask(() => done(error))
      return false
    }
    const bytes = Buffer.isBuffer(chunk) ? (chunk as Buffer) : Buffer.from(chunk, encoding || state.defaultEncoding)
    state.pendingcb++
    state.length += bytes.length
    const isRoom = state.length < state.highWaterMark
    if (!isRoom) state.needDrain = true
    if (state.writing !== null || state.corked > 0) state.buffer.push({ bytes, done })
    else startWrite(this, { bytes, done })
    return isRoom
  }

  /** `end(callback)` and `end(chunk, callback)` as well. */
  end(chunk?: unknown, encoding?: string | Callback | null, callback?: Callback): this {
    if (typeof chunk === 'function') return this.end(null, null, chunk as Callback)
    if (typeof encoding === 'function') return this.end(chunk, null, encoding)
    const state = this._writableState
    if (chunk !== null && chunk !== undefined) this.write(chunk, encoding)
    if (state.corked > 0) {
      state.corked = 1
      this.uncork()
    }
    if (state.ending) return this
    state.ending = true
    finishMaybe(this)
    if (callback && state.finished) queueMicrotask(callback)
    else if (callback) this.once('finish', callback)
    state.ended = true
    this.writable = false
    return this
  }

  /** What is written waits for as many `uncork`s. */
  cork(): void {
    this._writableState.corked++
  }

  uncork(): void {
    const state = this._writableState
    if (state.corked === 0) return
    state.corked--
    if (state.writing === null) writeBuffer(this)
  }

  /** Throws TypeError if there is no such encoding. */
  setDefaultEncoding(encoding: string): this {
    this._writableState.defaultEncoding = encodingOf(encoding).name
    return this
  }
}

/** Why this cannot be written; null if it can. */
function refusal({ ending }: WritableState, chunk: unknown): Error | null {
  if (ending) return withCode(new Error('write after end'), 'ERR_STREAM_WRITE_AFTER_END')
  if (chunk === null) return withCode(new TypeError('null is no chunk'), 'ERR_STREAM_NULL_VALUES')
  if (typeof chunk === 'string' || chunk instanceof Uint8Array) return null
  return wrongType('chunk', TEXT_OR_BYTES, chunk)
}

function startWrite(stream: Duplex, write: Write): void {
  const state = stream._writableState
  const onWritten = (error?: Error | null): void => written(stream, error ?? null)
  state.writing = write
  state.sync = true
  if (state.destroyed) {
    onWritten(withCode(new Error('write after destroy'), 'ERR_STREAM_DESTROYED'))
  } else stream._write(write.bytes, 'buffer', onWritten)
  state.sync = false
}

function written(stream: Duplex, error: Error | null): void {
  const state = stream._writableState
  const { writing, sync } = state
  if (writing === null) throw withCode(new Error('called back twice'), 'ERR_MULTIPLE_CALLBACK')
  state.writing = null
  state.length -= writing.bytes.length
  if (error !== null) return writeFailed(stream, writing, error)
  const isLast = isToFinish(state) || stream.destroyed
  if (!isLast) writeBuffer(stream)
  const after = (): void => {
    if (!isLast && state.length === 0 && state.needDrain) {
      state.needDrain = false
      stream.emit('drain')
    }
    state.pendingcb--
    writing.done()
    finishMaybe(stream)
  }
  // Whoever is just calling `write` must have its answer before it hears of `drain`.
  if (sync) queueMicrotask(after)
  else after()
}

function writeFailed(stream: Duplex, { done }: Write, error: Error): void {
  const state = stream._writableState
  state.pendingcb--
  state.errorEmitted = true
  if (state.sync) {
    queueMicrotask(() => done(error))
    queueMicrotask(() => finishMaybe(stream))
    stream.emit('error', error)
  } else {
    done(error)
    stream.emit('error', error)
    finishMaybe(stream)
  }
}

/** What waits, until something does not call back at once. */
function writeBuffer(stream: Duplex): void {
  const state = stream._writableState
  if (state.corked > 0 || state.bufferProcessing) return
  state.bufferProcessing = true
  while (state.buffer.first !== null && state.writing === null) {
    startWrite(stream, state.buffer.first.item)
    state.buffer.shift()
  }
  state.bufferProcessing = false
}

const isToFinish = ({ ending, length, buffer, finished, writing }: WritableState): boolean =>
  ending && length === 0 && buffer.length === 0 && !finished && writing === null

function finishMaybe(stream: Duplex): void {
  const state = stream._writableState
  if (!isToFinish(state)) return
  if (!state.prefinished) {
    state.prefinished = true
    stream.emit('prefinish')
  }
  if (state.pendingcb > 0) return
  state.finished = true
  stream.emit('finish')
}
