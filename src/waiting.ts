/**
 * Waiting for something that may take for ever, with the two ways out that every wait of the public face has: the
 * caller's AbortSignal and a time-out. What is waited for goes on; only the waiting ends.
 */

import { abortError, type MeshError } from './errors.ts'
import { onAbort } from './net/timers.ts'

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined
  readonly timeoutMs: number
  /** The error of a wait that took too long, made when it did. */
  readonly onTimeout: () => MeshError
}

/** The promise's outcome, or `ERR_ABORTED`, or the time-out's error. Leaves no timer and no listener behind. */
export function waitFor<T>(promise: Promise<T>, { signal, timeoutMs, onTimeout }: WaitOptions): Promise<T> {
  if (signal?.aborted) return Promise.reject(abortError(signal))
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => fail(onTimeout()), timeoutMs)
    const ignoreAbort = onAbort(signal, () => fail(abortError(signal as AbortSignal)))
    const clear = (): void => {
      clearTimeout(timer)
      ignoreAbort()
    }
    const fail = (error: unknown): void => {
      clear()
      reject(error as MeshError)
    }
    promise.then((value) => (clear(), resolve(value)), fail)
  })
}

/** A promise with its handles outside (`Promise.withResolvers` needs Node 22). A rejection nobody waits for is no fault. */
export class Gate<T> {
  readonly promise: Promise<T>
  resolve!: (value: T) => void
  reject!: (error: MeshError) => void

  constructor() {
    this.promise = new Promise<T>((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.promise.catch(() => {})
  }
}
