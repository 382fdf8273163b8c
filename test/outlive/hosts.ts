/** Child processes full of peers, and one with a bootstrap, driven from the test. All are killed when it ends. */

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Snapshot } from '../../src/snapshot.ts'

const HOST = fileURLToPath(new URL('host.mjs', import.meta.url))

export interface Sent {
  readonly target: string
  readonly hops?: number
  readonly attempts?: number
  readonly ms?: number
  readonly code?: string
}

export interface Rung {
  readonly from: string
  readonly to: string
  readonly viaBootstrap: boolean
  readonly relays: number
}

/** A message that came out at a peer of a host. */
export interface Heard {
  readonly heard: string
  readonly to: string
  readonly hops: number
}

export class Host {
  /** Called for every message, once `create` was asked for. */
  onHeard: (heard: Heard) => void = () => {}
  readonly ids: string[] = []
  private readonly child: ChildProcess
  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  private calls = 0

  constructor() {
    // Not with the test runner's own Node options: the host uses the built package, as a user does.
    this.child = fork(HOST, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.child.on('message', (message: Heard | { id: number; result?: unknown; error?: string }) => {
      if ('heard' in message) this.onHeard(message)
      else this.take(message)
    })
    this.child.once('exit', () => {
      for (const { reject } of this.waiting.values()) reject(new Error('the host process has ended'))
    })
  }

  async spawn(count: number, options: object): Promise<string[]> {
    const ids = await this.call<string[]>('spawn', { count, options })
    this.ids.push(...ids)
    return ids
  }

  call<T>(op: string, args: object = {}): Promise<T> {
    const id = ++this.calls
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: never) => void, reject })
      this.child.send({ id, op, args })
    })
  }

  inspect(): Promise<Snapshot[]> {
    return this.call('inspect')
  }

  kill(): Promise<void> {
    return new Promise((resolve) => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) return resolve()
      this.child.once('exit', () => resolve())
      this.child.kill('SIGKILL')
    })
  }

  private take({ id, result, error }: { id: number; result?: unknown; error?: string }): void {
    const waiter = this.waiting.get(id)
    this.waiting.delete(id)
    if (error === undefined) waiter?.resolve(result as never)
    else waiter?.reject(new Error(error))
  }
}

/** Every peer to every other one, over all hosts at once. */
export async function allPairs(hosts: readonly Host[], text: string): Promise<Sent[]> {
  const ids = hosts.flatMap((host) => host.ids)
  const runs = hosts.map(async (host) => {
    const results: Sent[] = []
    for (const from of host.ids) {
      results.push(...(await host.call<Sent[]>('sendAll', { from, targets: ids.filter((id) => id !== from), text })))
    }
    return results
  })
  return (await Promise.all(runs)).flat()
}

/** Whether links lead from every peer to every other one. */
export function isOneMesh(snapshots: readonly Snapshot[]): boolean {
  const links = new Map(snapshots.map(({ id, neighbors }) => [id ?? '', neighbors.map((neighbor) => neighbor.id)]))
  const reached = new Set<string>()
  const open = [...links.keys()].slice(0, 1)
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (reached.has(id)) continue
    reached.add(id)
    open.push(...(links.get(id) ?? []).filter((other) => links.has(other)))
  }
  return reached.size === links.size
}
