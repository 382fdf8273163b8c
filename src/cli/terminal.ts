/**
 * Lines from a person or from a pipe. At a terminal there is a prompt, and what arrives in between is printed above it;
 * lines are taken as they are typed, whether or not earlier ones are done. From a pipe each line waits for the one
 * before it, so that a script does one thing after the other.
 */

import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'

const CLEAR_LINE = '\r\u001B[K'

type Perform = (line: string) => Promise<boolean>

export class Terminal {
  private readonly isInteractive = process.stdin.isTTY && process.stdout.isTTY
  private prompt: Interface | null = null

  /** One line to standard output, above the prompt if there is one. */
  readonly print = (line: string): void => {
    process.stdout.write(`${this.prompt === null ? '' : CLEAR_LINE}${line}\n`)
    this.prompt?.prompt(true)
  }

  /**
   * Hands over line after line until `perform` resolves with false, the input ends or the signal fires. Input that came
   * before is not lost: nothing reads it until now.
   */
  async read(perform: Perform, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const { isInteractive } = this
    const output = isInteractive ? process.stdout : undefined
    const lines = createInterface({ input: process.stdin, output, prompt: '> ' })
    const stop = (): void => lines.close()
    signal.addEventListener('abort', stop, { once: true })
    await (isInteractive ? this.readPerson(lines, perform) : readPipe(lines, perform))
    signal.removeEventListener('abort', stop)
  }

  private async readPerson(lines: Interface, perform: Perform): Promise<void> {
    this.prompt = lines
    await new Promise<void>((resolve) => {
      lines.on('close', resolve)
      // Ctrl-C reaches readline, not the process, while it holds the terminal in raw mode.
      lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
      lines.on('line', (line) => {
        lines.prompt()
        void perform(line).then((goesOn) => (goesOn ? undefined : lines.close()))
      })
      lines.prompt()
    })
    this.prompt = null
    process.stdout.write('\n')
  }
}

async function readPipe(lines: Interface, perform: Perform): Promise<void> {
  for await (const line of lines) if (!(await perform(line))) break
  lines.close()
}
