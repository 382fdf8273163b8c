/** Delays as a value that can be injected: tests hand in a clock of their own, everything else the platform's. */

/**
 * Calls `callback` once, `delayMs` from now, unless the function that it returned has been called before. 0: when what
 * the event loop has already received is dealt with.
 */
export type After = (delayMs: number, callback: () => void) => () => void

/** Node's, where there is one: `setTimeout` takes a millisecond for 0 there, and a link's set-up has several such turns. */
const { setImmediate, clearImmediate } = globalThis as Partial<
  Pick<typeof globalThis, 'setImmediate' | 'clearImmediate'>
>

/** The platform's `setTimeout`. */
export const platformAfter: After = (delayMs, callback) => {
  if (delayMs === 0 && setImmediate !== undefined) {
    const immediate = setImmediate(callback)
    return () => clearImmediate!(immediate)
  }
  const timer = setTimeout(callback, delayMs)
  return () => clearTimeout(timer)
}

/** Calls `callback` once this turn is over, and very soon. */
export type Soon = (callback: () => void) => void

/**
 * In Node, when all that has come in by now has been handled (setImmediate): messages of several channels that one poll
 * of the event loop brings are then answered together. Browsers hand over one message a turn, so its end will do.
 */
export const platformSoon: Soon =
  typeof setImmediate === 'function'
    ? (callback) => void setImmediate(callback)
    : (callback) => queueMicrotask(callback)
