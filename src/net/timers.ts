/** Delays as a value that can be injected: tests hand in a clock of their own, everything else the platform's. */

/** Calls `callback` once, `delayMs` from now, unless the function that it returned has been called before. */
export type After = (delayMs: number, callback: () => void) => () => void

/** The platform's `setTimeout`. */
export const platformAfter: After = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs)
  return () => clearTimeout(timer)
}
