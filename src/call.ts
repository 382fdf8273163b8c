/**
 * An incoming call: somebody used `mesh.dial` with our id. The application accepts, and gets a plain simple-peer
 * instance connected to the caller, or rejects. The first word stands. A call that nobody answers ends by the caller's
 * time-out.
 */

import type { Instance } from 'simple-peer'
import type { Json } from './data.ts'
import type { OfferPath } from './events.ts'

/** Media to send along with the answer, and a signal to stop waiting. */
export interface AcceptOptions {
  readonly stream?: MediaStream
  readonly streams?: readonly MediaStream[]
  readonly signal?: AbortSignal
}

/** What a call needs from its mesh. */
export interface CallParts {
  readonly from: string
  readonly metadata: Json | undefined
  readonly offer: OfferPath
  readonly ended: Promise<string>
  readonly accept: (options: AcceptOptions) => Promise<Instance>
  readonly reject: () => void
}

export class Call {
  /** The caller's id, proven. */
  readonly from: string
  /** What the caller sent along: any JSON value, unchecked beyond that; `undefined` if nothing. */
  readonly metadata: Json | undefined
  /** How the offer travelled. */
  readonly offer: OfferPath
  /** Resolves with the reason if the call ends before it is connected: given up, timed out, rejected. Never rejects. */
  readonly ended: Promise<string>
  readonly #parts: CallParts
  #accepted: Promise<Instance> | null = null
  #isRejected = false

  constructor(parts: CallParts) {
    this.from = parts.from
    this.metadata = parts.metadata
    this.offer = parts.offer
    this.ended = parts.ended
    this.#parts = parts
  }

  /**
   * Take the call. Resolves with a connected simple-peer instance; the caller's `dial` resolves with the other end.
   * Rejects with `MeshError`: `ERR_CLOSED` if the caller has given up or the call was rejected, `ERR_ABORTED`,
   * `ERR_TIMEOUT`.
   *
   * @example
   * mesh.on('call', async (call) => {
   *   const peer = await call.accept()
   *   peer.on('data', (chunk) => console.log(call.from, chunk))
   * })
   */
  accept(options: AcceptOptions = {}): Promise<Instance> {
    if (this.#accepted === null) {
      this.#accepted = this.#parts.accept(options)
      // `call => call.accept()` is a fine listener: that the caller hangs up must not end the process.
      this.#accepted.catch(() => {})
    }
    return this.#accepted
  }

  /** Decline: the caller's `dial` rejects with `ERR_REFUSED`. Does nothing once the call is accepted. */
  reject(): void {
    if (this.#accepted !== null || this.#isRejected) return
    this.#isRejected = true
    this.#parts.reject()
  }
}
