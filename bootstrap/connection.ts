/**
 * One accepted WebSocket as a `Channel`, with the limits of one connection: what it may send (above it, it is read more
 * slowly: TCP then holds the sender back, nothing is lost and nobody has to be judged), and what may wait for it when it
 * does not read. Ten thousand of these may stand idle, so there is one object beside ws's own, no timer and no listener
 * of its own: `ServerSocket` leads the shared listeners here.
 */

import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { Channel } from '../src/net/channel.ts'
import { printable } from '../src/net/websocket.ts'
import type { AcceptLimits } from './options.ts'

/** Why connections ended or were held back, beyond what the hello counts. */
export interface ConnectionCounters {
  /** Times that a connection was read more slowly for having sent too much. */
  throttled: number
  /** Messages that found too much waiting for their reader. */
  overflowed: number
  /** Readers that took next to nothing for too long, closed. */
  slowReaders: number
  /** Text messages; each closed its connection. */
  textMessages: number
  /** Broken WebSocket protocol, over-long messages, too many fragments; each closed its connection. */
  protocolErrors: number
}

/** What all connections share. */
export interface ConnectionHost {
  readonly limits: AcceptLimits
  readonly counters: ConnectionCounters
  /** This one has overdrawn its budget and reads no more until `resumeIfPaid` says true. */
  onOverdrawn(connection: Connection): void
  /** Something waits for this one's reader: look at `isStuck` now and then. */
  onBacklog(connection: Connection): void
  /** The socket is gone. */
  onGone(connection: Connection): void
}

/** A source of connections, shared by all that come from there. */
export interface AddressRecord {
  readonly address: string
  connections: number
}

/** Bytes that a slow reader must take in `slowReaderMs` while as much is waiting for it: a modem of 1980 does. */
const PROGRESS_BYTES_MIN = 16 * 1024

export class ServerSocket extends WebSocket {
  connection: Connection | null = null
}

export class Connection implements Channel {
  readonly address: AddressRecord
  readonly acceptedAt: number
  onMessage: (message: Uint8Array) => void = ignore
  onClose: (reason: string) => void = ignore
  readonly #socket: ServerSocket
  readonly #tcp: Socket
  readonly #host: ConnectionHost
  #frameLevel: number
  #byteLevel: number
  #filledAt: number
  #takenBytes = 0
  #takenAt = 0
  #isPaused = false
  #isClosed = false
  #isReported = false

  constructor(socket: ServerSocket, parts: { tcp: Socket; host: ConnectionHost; address: AddressRecord; now: number }) {
    this.#socket = socket
    this.#tcp = parts.tcp
    this.#host = parts.host
    this.address = parts.address
    this.acceptedAt = parts.now
    this.#frameLevel = parts.host.limits.framesPerSecond
    this.#byteLevel = parts.host.limits.bytesPerSecond
    this.#filledAt = parts.now
    socket.connection = this
    socket.on('message', onSocketMessage)
    socket.on('ping', onSocketPing)
    socket.on('error', onSocketError)
    socket.on('close', onSocketClose)
  }

  get transport(): 'websocket' {
    return 'websocket'
  }

  /** See hello.ts. */
  get isSecure(): false {
    return false
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  send(message: Uint8Array): void {
    if (this.#isClosed) return
    const { limits, counters } = this.#host
    const waiting = this.#socket.bufferedAmount
    if (waiting > PROGRESS_BYTES_MIN) this.#host.onBacklog(this)
    if (waiting + message.byteLength > limits.maxBufferedBytes) counters.overflowed++
    else this.#socket.send(message, SEND_OPTIONS)
  }

  close(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#socket.close(1000, printable(reason))
    this.#reportSoon(reason)
  }

  /** Close without a word and without waiting for one: for attackers, and when time is up. */
  terminate(reason: string): void {
    this.#socket.terminate()
    if (this.#isClosed) return
    this.#isClosed = true
    this.#reportSoon(reason)
  }

  /** For the shared listeners. */
  receive(data: Uint8Array, isBinary: boolean): void {
    if (this.#isClosed) return
    if (!isBinary) {
      this.#host.counters.textMessages++
      return this.close('text message')
    }
    this.charge(countFrames(data), data.byteLength)
    this.onMessage(data)
  }

  /** Books what has come in; on credit for one read of the socket, then the reading stops. */
  charge(frames: number, bytes: number): void {
    if (this.#frameLevel < frames || this.#byteLevel < bytes) this.#refill()
    this.#frameLevel -= frames
    this.#byteLevel -= bytes
    if (this.#isPaused || (this.#frameLevel >= 0 && this.#byteLevel >= 0)) return
    this.#isPaused = true
    this.#host.counters.throttled++
    this.#socket.pause()
    this.#host.onOverdrawn(this)
  }

  /** Reads on if the debt is paid by now. */
  resumeIfPaid(): boolean {
    this.#refill()
    this.#isPaused = this.#frameLevel < 0 || this.#byteLevel < 0
    if (!this.#isPaused) this.#socket.resume()
    return !this.#isPaused
  }

  /** none: nothing to worry about. waiting: look again. stuck: it has taken next to nothing for `slowReaderMs`. */
  backlog(now: number): 'none' | 'waiting' | 'stuck' {
    const waiting = this.#socket.bufferedAmount
    if (waiting <= PROGRESS_BYTES_MIN || this.#tcp.destroyed) {
      this.#takenAt = 0
      return 'none'
    }
    // `bytesWritten` counts what is handed over, so what waits comes off.
    const taken = this.#tcp.bytesWritten - this.#tcp.writableLength
    if (this.#takenAt === 0 || taken - this.#takenBytes >= PROGRESS_BYTES_MIN) {
      this.#takenBytes = taken
      this.#takenAt = now
    }
    return now - this.#takenAt >= this.#host.limits.slowReaderMs ? 'stuck' : 'waiting'
  }

  /** The socket has failed; ws has sent its close frame and would read on for the answer. */
  fail(reason: string): void {
    this.#host.counters.protocolErrors++
    this.#isClosed = true
    setImmediate(() => this.#socket.terminate())
    this.#report(reason)
  }

  gone(reason: string): void {
    this.#isClosed = true
    this.#host.onGone(this)
    this.#report(reason)
  }

  #refill(): void {
    const { framesPerSecond, bytesPerSecond } = this.#host.limits
    const now = Date.now()
    const seconds = Math.max(0, now - this.#filledAt) / 1000
    this.#frameLevel = Math.min(framesPerSecond, this.#frameLevel + seconds * framesPerSecond)
    this.#byteLevel = Math.min(bytesPerSecond, this.#byteLevel + seconds * bytesPerSecond)
    this.#filledAt = now
  }

  #reportSoon(reason: string): void {
    queueMicrotask(() => this.#report(reason))
  }

  #report(reason: string): void {
    if (this.#isReported) return
    this.#isReported = true
    this.onClose(reason)
    this.onMessage = ignore
    this.onClose = ignore
  }
}

/** One object for all sends instead of one each. */
const SEND_OPTIONS = { binary: true, compress: false } as const

const ignore = (): void => {}

/** Frames in a batch, by their lengths alone: nothing of it has been checked yet. An empty message counts as one. */
function countFrames(message: Uint8Array): number {
  let count = 1
  for (let at = 0; ; count++) {
    at += 2 + ((message[at]! << 8) | message[at + 1]!)
    if (!(at < message.byteLength - 1)) return count
  }
}

function onSocketMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  ;(this as ServerSocket).connection?.receive(data as Uint8Array, isBinary)
}

function onSocketPing(this: WebSocket, data: Uint8Array): void {
  ;(this as ServerSocket).connection?.charge(1, data.byteLength)
}

function onSocketError(this: WebSocket, error: Error): void {
  ;(this as ServerSocket).connection?.fail(error.message)
}

function onSocketClose(this: WebSocket, code: number): void {
  const { connection } = this as ServerSocket
  connection?.gone(code === 1000 || code === 1001 ? 'closed by peer' : `closed (${code})`)
}
