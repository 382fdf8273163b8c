/**
 * Requests of the application that wait for the core: `send`, `broadcast`, `dial`. Each ends exactly once, in a receipt,
 * a failure of the core, the caller's AbortSignal, or the end of the mesh. The number in flight is bounded by the core,
 * which refuses what is above its `requestsMax`.
 */

import type { RequestId } from './core/ids.ts'
import type { BroadcastReceipt, FailureCode, Input, Receipt } from './core/io.ts'
import { abortError, MeshError, type MeshErrorCode } from './errors.ts'
import { onAbort } from './net/timers.ts'

/** How a request ended well. */
export type Done = Receipt | BroadcastReceipt

/** What one request says to the core, and how long it may be waited for. */
export interface RequestPlan {
  readonly input: (request: RequestId) => Input
  readonly signal: AbortSignal | undefined
}

interface Waiter {
  readonly resolve: (receipt: Done) => void
  readonly reject: (error: MeshError) => void
}

/** The public code of a failure that the core reports: `unreachable` is `ERR_UNREACHABLE`, and so on. */
const publicCode = (code: FailureCode): MeshErrorCode =>
  code === 'cancelled' ? 'ERR_ABORTED' : `ERR_${code.toUpperCase() as Uppercase<typeof code>}`

/** The public error for a failure that the core reports. */
export const failureError = (code: FailureCode, detail: string): MeshError =>
  new MeshError(publicCode(code), detail === '' || detail === code ? code : `${code}: ${detail}`)

export class Pending {
  readonly #dispatch: (input: Input) => void
  readonly #waiters = new Map<RequestId, Waiter>()
  #count = 0
  /** Why nothing can be asked for any more. */
  #ended: MeshError | null = null

  constructor(dispatch: (input: Input) => void) {
    this.#dispatch = dispatch
  }

  /** Resolves with the receipt; rejects with `MeshError` only. */
  run({ input, signal }: RequestPlan): Promise<Done> {
    const error = signal?.aborted ? abortError(signal) : this.#ended
    if (error !== null) return Promise.reject(error)
    const request = ++this.#count as RequestId
    const promise = new Promise<Done>((resolve, reject) => {
      const settle = onAbort(signal, () => {
        this.#waiters.delete(request)
        this.#dispatch({ kind: 'cancel', request })
        reject(abortError(signal as AbortSignal))
      })
      this.#waiters.set(request, {
        resolve: (receipt) => (settle(), resolve(receipt)),
        reject: (error) => (settle(), reject(error)),
      })
    })
    this.#dispatch(input(request))
    return promise
  }

  done(request: RequestId, receipt: Done): void {
    this.#take(request)?.resolve(receipt)
  }

  failed(request: RequestId, error: MeshError): void {
    this.#take(request)?.reject(error)
  }

  /** Also whatever is asked for from now on. */
  failAll(error: MeshError): void {
    this.#ended = error
    for (const request of [...this.#waiters.keys()]) this.failed(request, error)
  }

  #take(request: RequestId): Waiter | undefined {
    const waiter = this.#waiters.get(request)
    this.#waiters.delete(request)
    return waiter
  }
}
