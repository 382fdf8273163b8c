/**
 * A pair of channels in memory: for tests, for examples, and for meshes whose peers share a process. Messages cross in
 * order, each in a microtask of its own, so both ends see what they would see over a wire: never a call from within
 * their own call.
 */

import type { Channel } from './channel.ts'

export class MemoryChannel implements Channel {
  readonly transport = 'memory'
  readonly isSecure = true
  onClose: (reason: string) => void = () => {}
  #onMessage: ((message: Uint8Array) => void) | null = null
  #peer: MemoryChannel | null = null
  /** What was sent and has not arrived at the other end. */
  #inFlight: Uint8Array[] = []
  #bufferedAmount = 0
  #isPumping = false
  #isStalled = false
  #isClosed = false

  /** Two ends of one channel. */
  static pair(): [MemoryChannel, MemoryChannel] {
    const left = new MemoryChannel()
    const right = new MemoryChannel()
    left.#peer = right
    right.#peer = left
    return [left, right]
  }

  get bufferedAmount(): number {
    return this.#bufferedAmount
  }

  get onMessage(): (message: Uint8Array) => void {
    return this.#onMessage ?? (() => {})
  }

  set onMessage(listener: (message: Uint8Array) => void) {
    this.#onMessage = listener
    if (this.#peer !== null) this.#peer.#pumpLater()
  }

  send(message: Uint8Array): void {
    if (this.#isClosed) return
    this.#inFlight.push(message)
    this.#bufferedAmount += message.byteLength
    this.#pumpLater()
  }

  /** What was sent before still arrives, then the other end sees the close. */
  close(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    queueMicrotask(() => this.onClose(reason))
    this.#pumpLater()
  }

  /** Nothing leaves this end until `resume`: what a slow reader or a full network does to a real channel. */
  stall(): void {
    this.#isStalled = true
  }

  resume(): void {
    this.#isStalled = false
    this.#pumpLater()
  }

  #pumpLater(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    queueMicrotask(() => this.#pump())
  }

  #pump(): void {
    this.#isPumping = false
    const peer = this.#peer
    if (this.#isStalled || peer === null || peer.#onMessage === null) return
    const message = this.#inFlight.shift()
    if (message === undefined) {
      if (this.#isClosed) peer.close('closed by peer')
      return
    }
    this.#bufferedAmount -= message.byteLength
    this.#pumpLater()
    if (!peer.#isClosed) peer.#onMessage(message)
  }
}
