/**
 * A bootstrap as a process: starts one, logs, and stops it politely when the process is asked to end. Flags are the
 * CLI's (`src/cli/bootstrap.ts`).
 */

import { pino } from 'pino'
import { type Bootstrap, createBootstrap } from './server.ts'
import type { BootstrapOptions } from './options.ts'

/** Options of `runBootstrap`. */
export interface RunOptions extends BootstrapOptions {
  /** Lines of JSON on standard output, from this level on; default `info`. A `logger` of your own takes precedence. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/**
 * Start a bootstrap that ends with the process: on SIGINT or SIGTERM it says goodbye and stops, a second signal kills
 * the process at once. Rejects with `MeshError` like `createBootstrap`.
 */
export async function runBootstrap(options: RunOptions): Promise<Bootstrap> {
  const { logLevel = 'info', logger = pino({ level: logLevel }), ...rest } = options
  const bootstrap = await createBootstrap({ ...rest, logger })
  const stop = (signal: NodeJS.Signals): void => {
    // Without a listener the next signal does what signals do.
    for (const name of SIGNALS) process.off(name, stop)
    logger.info({ signal, ...bootstrap.stats().visits }, 'bootstrap stops')
    bootstrap.close().catch((error: unknown) => logger.error({ error: String(error) }, 'stopping failed'))
  }
  for (const name of SIGNALS) process.on(name, stop)
  return bootstrap
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
