/**
 * One accepted WebSocket as a `Channel`, with the limits of one connection: what it may send (above it, it is read more
 * slowly: TCP then holds the sender back, nothing is lost and nobody has to be judged), and what may wait for it when it
 * does not read. Ten thousand of these may stand idle, so there is one object beside ws's own, and it has no timers, no
 * listeners and no closures: `ServerSocket` brings events here, and `owner` takes them from here.
 */

import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
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

/** Who a connection belongs to, for the time being. */
export interface ConnectionOwner {
  onMessage(message: Uint8Array): void
  /** Exactly once, unless the connection has been handed on by then. */
  onClose(reason: string): void
}

/** Below this, what waits for a reader is nothing to worry about. */
export const BACKLOG_BYTES = 16 * 1024

const NOBODY: ConnectionOwner = { onMessage() {}, onClose() {} }

/** For owners that are two functions: `Channel`'s own way, which `net/link.ts` uses. */
class Listeners implements ConnectionOwner {
  onMessage: (message: Uint8Array) => void = NOBODY.onMessage
  onClose: (reason: string) => void = NOBODY.onClose
}

/**
 * ws's socket, with its events going straight to the connection. Listeners would do the same for 300 bytes more, of
 * the 8.5 KB that a bare idle connection takes (measured by heap snapshot).
 */
export class ServerSocket extends WebSocket {
  connection: Connection | null = null

  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const { connection } = this
    if (connection === null) return false
    if (event === 'message') connection.receive(first as Uint8Array, second as boolean)
    else if (event === 'ping') connection.charge(1, (first as Uint8Array).byteLength)
    else if (event === 'error') connection.fail((first as Error).message)
    else if (event === 'close') connection.gone(first as number)
    return true
  }
}

export class Connection implements Channel {
  readonly address: AddressRecord
  owner: ConnectionOwner = NOBODY
  readonly #socket: ServerSocket
  readonly #tcp: Socket
  readonly #host: ConnectionHost
  #frameLevel: number
  #byteLevel: number
  #filledAt: number
  #isPaused = false
  #isClosed = false
  #isReported = false

  constructor(socket: ServerSocket, parts: { tcp: Socket; host: ConnectionHost; address: AddressRecord; now: number }) {
    this.#socket = socket
    this.#tcp = parts.tcp
    this.#host = parts.host
    this.address = parts.address
    this.#frameLevel = parts.host.limits.framesPerSecond
    this.#byteLevel = parts.host.limits.bytesPerSecond
    this.#filledAt = parts.now
    socket.connection = this
  }

  get transport(): 'websocket' {
    return 'websocket'
  }

  /** See hello.ts. */
  get isSecure(): false {
    return false
  }

  get onMessage(): (message: Uint8Array) => void {
    return this.#listeners.onMessage
  }

  set onMessage(listener: (message: Uint8Array) => void) {
    this.#listeners.onMessage = listener
  }

  get onClose(): (reason: string) => void {
    return this.#listeners.onClose
  }

  set onClose(listener: (reason: string) => void) {
    this.#listeners.onClose = listener
  }

  get #listeners(): Listeners {
    if (!(this.owner instanceof Listeners)) this.owner = new Listeners()
    return this.owner as Listeners
  }

  /** Bytes that the other side's machine has taken so far. `bytesWritten` counts from the hand-over, so what waits comes off. */
  get takenBytes(): number {
    return this.#tcp.bytesWritten - this.#tcp.writableLength
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  send(message: Uint8Array): void {
    if (!this.#hasRoomFor(message.byteLength)) return
    const frame = Buffer.allocUnsafe(HEADER_BYTES_MAX + message.byteLength)
    frame.set(message, HEADER_BYTES_MAX)
    this.#tcp.write(withHeader(frame, HEADER_BYTES_MAX, frame.byteLength))
  }

  /**
   * `send` for bytes that the caller wants back (see `Sink`). As a rule the kernel takes them in this very call; where
   * something waits already, and under TLS, it could not: those get a copy. A reader that begins to fall behind keeps
   * the caller's whole buffer alive, but only the first time.
   */
  sendFrom(bytes: Buffer, start: number, end: number): boolean {
    if (!this.#hasRoomFor(end - start)) return true
    const frame = withHeader(bytes, start, end)
    if (this.#tcp.writableLength > 0 || this.#tcp instanceof TLSSocket) {
      this.#tcp.write(Buffer.from(frame))
      return true
    }
    this.#tcp.write(frame)
    return this.#tcp.writableLength === 0
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

  /** The rest is for `ServerSocket`. A message has come. */
  receive(data: Uint8Array, isBinary: boolean): void {
    if (this.#isClosed) return
    if (!isBinary) {
      this.#host.counters.textMessages++
      return this.close('text message')
    }
    this.charge(countFrames(data), data.byteLength)
    this.owner.onMessage(data)
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

  /** The socket has failed; ws has sent its close frame and would read on for the answer. */
  fail(reason: string): void {
    this.#host.counters.protocolErrors++
    this.#isClosed = true
    setImmediate(() => this.#socket.terminate())
    this.#report(reason)
  }

  /** The socket is closed. */
  gone(code: number): void {
    this.#isClosed = true
    this.#host.onGone(this)
    this.#report(code === 1000 || code === 1001 ? 'closed by peer' : `closed (${code})`)
  }

  #hasRoomFor(byteLength: number): boolean {
    if (this.#isClosed) return false
    const { limits, counters } = this.#host
    const waiting = this.#socket.bufferedAmount
    if (waiting > BACKLOG_BYTES) this.#host.onBacklog(this)
    if (waiting + byteLength <= limits.maxBufferedBytes) return this.#socket.readyState === OPEN
    counters.overflowed++
    return false
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
    this.owner.onClose(reason)
    this.owner = NOBODY
  }
}

const OPEN = 1

/** Room in front of a message that `sendFrom` may write to. */
export const HEADER_BYTES_MAX = 4

/**
 * A message as one unfragmented, unmasked binary frame (RFC 6455 §5.2), in one piece: the header goes into the bytes in
 * front of it. ws would write header and payload as two, which costs more than a copy: 4.1 instead of 3.4 µs a message.
 * It is safe beside ws's own writes (close, pong), because without compression ws queues nothing: all frames go to the
 * socket as they are made.
 */
function withHeader(bytes: Buffer, start: number, end: number): Buffer {
  const byteLength = end - start
  if (byteLength < 126) {
    bytes[start - 2] = 0x82
    bytes[start - 1] = byteLength
    return bytes.subarray(start - 2, end)
  }
  bytes[start - 4] = 0x82
  bytes[start - 3] = 126
  bytes[start - 2] = byteLength >> 8
  bytes[start - 1] = byteLength
  return bytes.subarray(start - 4, end)
}

/** Frames in a batch, by their lengths alone: nothing of it has been checked yet. An empty message counts as one. */
function countFrames(message: Uint8Array): number {
  let count = 1
  for (let at = 0; ; count++) {
    at += 2 + ((message[at]! << 8) | message[at + 1]!)
    if (!(at < message.byteLength - 1)) return count
  }
}
