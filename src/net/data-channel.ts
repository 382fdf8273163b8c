/**
 * The channel over an open RTCDataChannel. simple-peer has made it and keeps watch over its connection; messages go
 * past simple-peer's Node stream, which would copy each into a Buffer and ask for `bufferedAmount` after each (with
 * @roamhq/wrtc a change of threads). The native object is never touched again once it is closed.
 *
 * Closing is agreed on first. @roamhq/wrtc lets go of its channel on a thread of its own as soon as the other side
 * closes it; a `send` of ours that is under way at that moment dereferences null and takes the process down (its
 * RTCDataChannel::Send checks, then uses; seen in one of ten runs of three meshes that close together). So the side that
 * closes says END and sends no more; the other side then sends no more either, and closes: nobody is sending.
 */

import type { Channel } from './channel.ts'
import { equalBytes } from './crypto/bytes.ts'
import type { After } from './timers.ts'

/**
 * After our own close: how long what was sent may still take to arrive, in ms. The connection is only taken down when
 * the other side has acknowledged the end of the stream, because that would throw away what is in its buffer. Guess.
 */
export const LINGER_MS = 1_000

/** The last message on a channel: "end" in ASCII, which as a batch (wire/batch) would be a length without its frame. */
const END = Uint8Array.of(0x65, 0x6e, 0x64)

export class DataChannel implements Channel {
  readonly transport = 'webrtc'
  readonly isSecure = true
  onClose: (reason: string) => void = () => {}
  readonly #native: RTCDataChannel
  readonly #destroy: () => void
  readonly #after: After
  #onMessage: ((message: Uint8Array) => void) | null = null
  #held: Uint8Array[] = []
  #isClosed = false

  /** `destroy` takes the connection down; it is called exactly once, in a turn of its own after the channel's end. */
  constructor(native: RTCDataChannel, options: { readonly destroy: () => void; readonly after: After }) {
    this.#native = native
    this.#destroy = options.destroy
    this.#after = options.after
    native.onmessage = (event) => this.#take(event.data)
    native.onclose = () => this.lose('closed by peer')
    native.onerror = () => this.lose('error')
  }

  get bufferedAmount(): number {
    return this.#isClosed ? 0 : this.#native.bufferedAmount
  }

  get onMessage(): (message: Uint8Array) => void {
    return this.#onMessage ?? (() => {})
  }

  set onMessage(listener: (message: Uint8Array) => void) {
    this.#onMessage = listener
    if (this.#held.length > 0) queueMicrotask(() => this.#release())
  }

  send(message: Uint8Array): void {
    if (this.#isClosed) return
    try {
      this.#native.send(message as Uint8Array<ArrayBuffer>)
    } catch {
      // The state may change on the stack's own thread between two of our turns; its event is on the way.
      this.#fail()
    }
  }

  close(reason: string): void {
    if (this.#isClosed) return
    this.send(END)
    // Sending may have failed, and closed us.
    if (this.#isClosed) return
    this.#shut()
    this.#destroyWhenClosed()
    // Both sides may have said END at the same time.
    this.#native.onmessage = (event) => {
      if (isEnd(event.data)) this.#closeNative()
    }
    queueMicrotask(() => this.onClose(reason))
  }

  /** The channel or its connection has gone by itself. */
  lose(reason: string): void {
    if (this.#isClosed) return
    this.#shut()
    this.#after(0, this.#destroy)
    this.onClose(reason)
  }

  #fail(): void {
    this.#shut()
    this.#destroyWhenClosed()
    this.#closeNative()
    queueMicrotask(() => this.onClose('send failed'))
  }

  #endedByPeer(): void {
    this.#shut()
    this.#destroyWhenClosed()
    this.#closeNative()
    this.onClose('closed by peer')
  }

  #destroyWhenClosed(): void {
    const stopWaiting = this.#after(LINGER_MS, this.#destroy)
    this.#native.onclose = () => {
      stopWaiting()
      this.#native.onclose = null
      this.#after(0, this.#destroy)
    }
  }

  #closeNative(): void {
    this.#native.onmessage = null
    try {
      this.#native.close()
    } catch {
      // Closed by the other side this very moment.
    }
  }

  #shut(): void {
    this.#isClosed = true
    this.#native.onmessage = null
    this.#native.onclose = null
    this.#native.onerror = null
  }

  #take(data: unknown): void {
    if (isEnd(data)) return this.#endedByPeer()
    // No text in this protocol: an empty message is as bad as any, and counted where bad messages are.
    const message = data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(0)
    if (this.#onMessage !== null && this.#held.length === 0) this.#onMessage(message)
    else this.#held.push(message)
  }

  #release(): void {
    while (this.#held.length > 0 && !this.#isClosed) this.#onMessage!(this.#held.shift()!)
  }
}

function isEnd(data: unknown): boolean {
  return data instanceof ArrayBuffer && equalBytes(new Uint8Array(data), END)
}
