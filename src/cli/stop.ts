/**
 * How a command ends before its time: Ctrl-C and SIGTERM ask it to say goodbye and leave; a second one does not wait.
 */

/** Exit code of a process that would not wait, as shells count signals (128 + SIGINT). */
const IMPATIENT = 130

/** Fires at the first SIGINT or SIGTERM. The second ends the process at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(IMPATIENT)
    controller.abort(new Error('stopped by a signal'))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return controller.signal
}

/** Resolves when the signal fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
