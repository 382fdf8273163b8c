/**
 * One pipe: from a readable stream to whatever takes chunks, at the destination's pace. It ends with either, and with
 * `unpipe`. After readable-stream, as `readable.ts`.
 */

import type { EventEmitter } from './events.ts'
import type { Chunk } from './readable-state.ts'
import type { Readable } from './readable.ts'

/** Where a pipe ends: any Writable of Node's kind. */
export interface Destination extends EventEmitter {
  readonly _writableState?: { readonly needDrain: boolean }
  write(chunk: Chunk): boolean
  end(): void
}

export interface PipeOptions {
  /** The destination ends with the source. */
  readonly isEnding: boolean
  /** Has the source give what it has. */
  readonly flow: (source: Readable) => void
}

export function startPipe(source: Readable, destination: Destination, { isEnding, flow }: PipeOptions): void {
  const state = source._readableState
  let isOver = false
  state.pipes.push(destination)

  const unpipe = (): void => void source.unpipe(destination)
  const end = isEnding ? (): void => destination.end() : unpipe
  if (state.endEmitted) queueMicrotask(end)
  else source.once('end', end)

  const onUnpipe = (from: Readable, info?: { hasUnpiped: boolean }): void => {
    if (from !== source || info?.hasUnpiped !== false) return
    info.hasUnpiped = true
    stop()
  }
  const onDrain = (): void => {
    if (state.awaitDrain > 0) state.awaitDrain--
    if (state.awaitDrain > 0 || source.listenerCount('data') === 0) return
    state.flowing = true
    flow(source)
  }
  const onData = (chunk: Chunk): void => {
    if (destination.write(chunk) !== false) return
    // It may have been unpiped by that very write.
    if (state.pipes.includes(destination) && !isOver) state.awaitDrain++
    source.pause()
  }
  const onError = (error: Error): void => {
    unpipe()
    destination.removeListener('error', onError)
    // Nobody else listens: it must not be lost.
    if (destination.listenerCount('error') === 0) destination.emit('error', error)
  }
  const listeners = { unpipe: onUnpipe, drain: onDrain, close: unpipe, finish: unpipe }
  const stop = (): void => {
    for (const [name, listener] of Object.entries(listeners)) destination.removeListener(name, listener)
    destination.removeListener('error', onError)
    source.removeListener('end', end)
    source.removeListener('data', onData)
    isOver = true
    // Other destinations must not wait for the drain of this one.
    if (state.awaitDrain > 0 && destination._writableState?.needDrain !== false) onDrain()
  }

  source.on('data', onData)
  for (const [name, listener] of Object.entries(listeners)) destination.on(name, listener)
  destination.prependListener('error', onError)
  destination.emit('pipe', source)
  if (!state.flowing) source.resume()
}
