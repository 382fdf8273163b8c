/**
 * Benchmarks in processes of their own: a server's CPU and memory are then nobody else's, and native WebRTC that aborts
 * takes one benchmark with it. A child answers calls by name over IPC and ends with its parent.
 * BENCH_PROF=<directory>: children leave CPU profiles there.
 */

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What a child can be asked; arguments and results cross IPC, so they are plain data. */
export type Methods = Readonly<Record<string, (argument: never) => unknown>>

interface Call {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Result {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

/** No call of a full run takes half as long; native code can wait for itself for ever. */
const CALL_MS_MAX = 240_000
const MAIN = fileURLToPath(new URL('main.js', import.meta.url))

export class Child {
  readonly #process
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  #count = 0

  /**
   * `name`: one of `CHILDREN` in main.ts. `isMeasured`: its RSS shall say what it holds. So garbage is collected on
   * request, and V8's young generation does not grow with the pace of allocation: that makes 15 MiB more or less.
   */
  constructor(name: string, { isMeasured = false } = {}) {
    const profiles = process.env['BENCH_PROF']
    const execArgv = [
      ...(isMeasured ? ['--expose-gc', '--max-semi-space-size=1'] : []),
      ...(profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : []),
    ]
    this.#process = fork(MAIN, ['--child', name], { execArgv })
    this.#process.on('message', (result: Result) => this.#settle(result))
    this.#process.on('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${name} ended: ${signal ?? code}`))
    })
  }

  call<T>(name: string, argument?: unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const id = ++this.#count
      const deadline = setTimeout(() => this.#settle({ id, error: `no answer to ${name}` }), CALL_MS_MAX)
      const settled =
        <A>(settle: (result: A) => void) =>
        (result: A): void => (clearTimeout(deadline), settle(result))
      this.#waiting.set(id, { resolve: settled(resolve), reject: settled(reject) })
      this.#process.send({ id, name, argument } satisfies Call, (error) => error && reject(error))
    })
  }

  /** Ends the process; resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.disconnect()
    const deadline = setTimeout(() => this.#process.kill('SIGKILL'), 5_000)
    await gone
    clearTimeout(deadline)
  }

  #settle({ id, value, error }: Result): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(value as never)
    else waiting?.reject(new Error(error))
  }
}

/** Starts a child, and ends it whatever happens. */
export async function withChild<T>(name: string, use: (child: Child) => Promise<T>, options = {}): Promise<T> {
  const child = new Child(name, options)
  try {
    return await use(child)
  } finally {
    await child.stop()
  }
}

/** In the child: answer calls until the parent lets go. */
export function serve(methods: Methods): void {
  process.on('message', ({ id, name, argument }: Call) => {
    const method = methods[name] as ((argument: unknown) => unknown) | undefined
    Promise.resolve()
      .then(() => method!(argument))
      .then(
        (value) => process.send!({ id, value } satisfies Result),
        (error: unknown) =>
          process.send!({ id, error: error instanceof Error ? error.stack! : String(error) } satisfies Result),
      )
  })
  process.on('disconnect', () => process.exit())
}

/** Resident bytes of this process after its garbage is gone; needs `isMeasured`. */
export async function settledRss(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc!()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return process.memoryUsage.rss()
}
