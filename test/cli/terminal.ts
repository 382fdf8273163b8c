/**
 * Drives `musubi` as a person would: a child process of the built command, lines in, lines out. Every process is
 * killed at the end of its test, whatever happened.
 */

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const MUSUBI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

/** How long a line may take to appear, in milliseconds. Generous: a loaded CI machine, native WebRTC starting up. */
const LINE_TIMEOUT_MS = 30_000

interface Waiter {
  readonly pattern: RegExp
  readonly resolve: (match: RegExpExecArray) => void
}

export class TerminalProgram {
  readonly child: ChildProcess
  /** Everything printed so far, both streams. */
  output = ''
  /** Exit code, or the signal's name. */
  readonly exit: Promise<number | string>
  private readonly waiters = new Set<Waiter>()

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, args, { stdio: 'pipe', env: { ...process.env, ...env } })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.take(text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => this.take(text))
    this.exit = new Promise((resolve) =>
      this.child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown')),
    )
  }

  type(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }

  /** Input ends here, as it does in a script. */
  endInput(): void {
    this.child.stdin?.end()
  }

  /** Resolves as soon as anything printed, before or later, matches. */
  sees(pattern: RegExp): Promise<RegExpExecArray> {
    const match = pattern.exec(this.output)
    if (match !== null) return Promise.resolve(match)
    return new Promise((resolve, reject) => {
      const missed = (why: string): void => {
        this.waiters.delete(waiter)
        reject(new Error(`${pattern} ${why}. Seen:\n${this.output}`))
      }
      const timer = setTimeout(() => missed('has not appeared'), LINE_TIMEOUT_MS)
      const seen = (found: RegExpExecArray): void => {
        clearTimeout(timer)
        this.waiters.delete(waiter)
        resolve(found)
      }
      const waiter: Waiter = { pattern, resolve: seen }
      this.waiters.add(waiter)
      void this.exit.then((code) => missed(`has not appeared before the end (${code})`))
    })
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | string> {
    this.child.kill(signal)
    return this.exit
  }

  private take(text: string): void {
    this.output += text
    for (const { pattern, resolve } of this.waiters) {
      const match = pattern.exec(this.output)
      if (match !== null) resolve(match)
    }
  }
}

/** Starts programs and ends them all. */
export class TerminalPrograms {
  private readonly programs: TerminalProgram[] = []

  /** `musubi` with these arguments. */
  musubi(args: readonly string[], env?: Readonly<Record<string, string>>): TerminalProgram {
    return this.node([MUSUBI, ...args], env)
  }

  /** Node with these arguments. */
  node(args: readonly string[], env?: Readonly<Record<string, string>>): TerminalProgram {
    const program = new TerminalProgram(args, env)
    this.programs.push(program)
    return program
  }

  async killAll(): Promise<void> {
    await Promise.all(this.programs.splice(0).map((program) => program.kill()))
  }
}
