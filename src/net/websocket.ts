/**
 * The channel over a WebSocket that we dial: native in browsers, `ws` in Node, the class injected. Binary messages
 * only; a text message closes. What a server accepts is `bootstrap/connection.ts`, which talks to `ws` without the DOM's
 * event objects.
 */

import { RECEIVE_LIMITS } from '#runtime'
import type { Channel } from './channel.ts'
import { textOf } from './thrown.ts'
import { onAbort } from './timers.ts'

/** What musubi uses of a WebSocket; browsers' own and `ws` both fit. */
export interface WebSocketLike {
  binaryType: string
  readonly bufferedAmount: number
  send(data: Uint8Array): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'open', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void
  addEventListener(type: 'error', listener: (event: object) => void): void
}

/** A WebSocket class. Browsers ignore the third argument; `ws` takes its limits from it. */
export type WebSocketClass = new (url: string, protocols: string[], options: object) => WebSocketLike

/** Options of `dialWebSocket`. */
export interface DialOptions {
  readonly WebSocket: WebSocketClass
  /** From the call to the open socket, in milliseconds. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** Guess: three times a slow mobile round trip for each of TCP, TLS and HTTP. */
export const DIAL_TIMEOUT_MS = 10_000

/** Messages that may wait for an owner; more is a flood. A server says two things before it is answered. */
const HELD_MAX = 16

/** Bytes of a close reason: a control frame holds 125, two of them the code (RFC 6455 §5.5). */
const REASON_LENGTH_MAX = 123

/**
 * Open a WebSocket and hand it over as a channel. Rejects with an Error whose message says why: the caller turns it
 * into "no bootstrap this time". `signal` only matters until the channel is there.
 */
export function dialWebSocket(url: string, options: DialOptions): Promise<Channel> {
  const { WebSocket, timeoutMs = DIAL_TIMEOUT_MS, signal } = options
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(new Error('aborted'))
    const socket = new WebSocket(url, [], { ...RECEIVE_LIMITS, handshakeTimeout: timeoutMs })
    const channel = new WebSocketChannel(socket)
    const timer = setTimeout(() => channel.close('timeout'), timeoutMs)
    const ignoreAbort = onAbort(signal, () => channel.close('aborted'))
    const settle = () => {
      clearTimeout(timer)
      ignoreAbort()
    }
    channel.onClose = (reason) => {
      settle()
      reject(new Error(reason))
    }
    socket.addEventListener('open', () => {
      settle()
      resolve(channel)
    })
  })
}

/** A channel over a socket that we dialled, or that some other class dialled for us. */
export class WebSocketChannel implements Channel {
  readonly transport = 'websocket'
  /** Not even over `wss:`: the proof of the other end's id is not bound to TLS (see hello.ts). */
  readonly isSecure = false
  onClose: (reason: string) => void = () => {}
  readonly #socket: WebSocketLike
  #onMessage: ((message: Uint8Array) => void) | null = null
  #held: Uint8Array[] = []
  #isClosed = false

  constructor(socket: WebSocketLike) {
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', (event) => this.#take(event.data))
    // Browsers say nothing in `error` (it would be a port scanner); ws gives a message.
    socket.addEventListener('error', (event) => this.#end((event as { message?: string }).message || 'error'))
    socket.addEventListener('close', (event) => this.#end(event.reason || `closed (${event.code})`))
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  get onMessage(): (message: Uint8Array) => void {
    return this.#onMessage ?? (() => {})
  }

  /** The first owner gets what came before it, a microtask later, so that it can finish setting itself up. */
  set onMessage(listener: (message: Uint8Array) => void) {
    const isFirst = this.#onMessage === null
    this.#onMessage = listener
    if (isFirst && this.#held.length > 0) queueMicrotask(() => this.#release())
  }

  send(message: Uint8Array): void {
    if (this.#isClosed) return
    try {
      this.#socket.send(message)
    } catch (error) {
      // Browsers throw while a socket is still connecting, some of them when it has just closed.
      this.close(textOf(error))
    }
  }

  close(reason: string): void {
    if (this.#isClosed) return
    this.#shut(reason)
    // Not in this call: the owner may be in the middle of something. The network's own `close` can take seconds.
    queueMicrotask(() => this.#report(reason))
  }

  #take(data: unknown): void {
    if (this.#isClosed) return
    if (!(data instanceof ArrayBuffer)) return this.close('text message')
    const message = new Uint8Array(data)
    if (this.#onMessage !== null && this.#held.length === 0) return this.#onMessage(message)
    if (this.#held.push(message) > HELD_MAX) this.close('flood')
  }

  #release(): void {
    const held = this.#held
    this.#held = []
    for (const message of held) if (!this.#isClosed) this.#onMessage?.(message)
  }

  #end(reason: string): void {
    if (this.#isClosed) return
    this.#shut(reason)
    this.#report(reason)
  }

  #shut(reason: string): void {
    this.#isClosed = true
    this.#held = []
    try {
      this.#socket.close(1000, printable(reason))
    } catch {
      // Already closing, or never opened: nothing is left to be done.
    }
  }

  #report(reason: string): void {
    this.onClose(reason)
    this.onClose = () => {}
  }
}

/** A reason fit for a close frame: ASCII, so that its length in bytes is its length. */
export const printable = (reason: string): string => reason.replaceAll(/[^ -~]/g, '?').slice(0, REASON_LENGTH_MAX)
