/** Delays as a value that can be injected: tests hand in a clock of their own, everything else the platform's. */

export { platformAfter, platformSoon } from '#runtime'

/**
 * Calls `callback` once, `delayMs` from now, unless the function that it returned has been called before. 0: when what
 * the event loop has already received is dealt with.
 */
export type After = (delayMs: number, callback: () => void) => () => void

/** Calls `callback` once this turn is over, and very soon. */
export type Soon = (callback: () => void) => void

/** Calls `callback` when the signal is aborted, unless the function that it returned has been called before. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  signal?.addEventListener('abort', callback, { once: true })
  return () => signal?.removeEventListener('abort', callback)
}
