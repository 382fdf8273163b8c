/**
 * Keeps the process with a bootstrap's resident peers running: started again when it dies, later and later if it keeps
 * dying, and ended together with the bootstrap (`residents.ts` is what runs in it).
 */

import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { TOKEN_VARIABLE } from './arguments.ts'
import type { ResidentsOptions } from './residents.ts'

/** Wait before the first restart and at most, in milliseconds; doubled each time. Guesses. */
const RESTART_MS = 1000
const RESTART_MS_MAX = 60_000

export interface ResidentProcess extends ResidentsOptions {
  /** The bootstrap's own WebSocket URL, on this machine. */
  readonly url: string
  readonly log: (line: string) => void
}

/** Starts the residents. The function returned ends them and resolves when they are gone. */
export function startResidents(options: ResidentProcess): () => Promise<void> {
  let child: ChildProcess
  let timer: NodeJS.Timeout | undefined
  let delayMs = RESTART_MS
  let isStopped = false
  const start = (): void => {
    child = fork(new URL('main.js', import.meta.url), residentArguments(options), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...(options.token !== undefined && { [TOKEN_VARIABLE]: options.token }) },
    })
    child.once('message', () => {
      delayMs = RESTART_MS
      options.log(`${options.count} resident peers have joined "${options.network}"`)
    })
    child.once('exit', (code, signal) => {
      if (isStopped) return
      options.log(`resident peers ended (${signal ?? `code ${code}`}); starting them again in ${delayMs / 1000} s`)
      timer = setTimeout(start, delayMs)
      delayMs = Math.min(2 * delayMs, RESTART_MS_MAX)
    })
  }
  start()
  return async () => {
    isStopped = true
    clearTimeout(timer)
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
  }
}

function residentArguments({ url, count, network, wrtc }: ResidentProcess): string[] {
  return ['residents', url, '--count', String(count), '--network', network, '--wrtc', wrtc]
}
