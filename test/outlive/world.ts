/**
 * Real peers as a scenario's world: the second driver. Peers live in a few processes, time passes by itself, a crash is
 * SIGKILL and takes a whole process: as many peers go as were asked for, those of the same process together. Faults of
 * the network are the simulator's alone.
 */

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Announcement, Driver, Member, Metrics, Ticket, Violation } from '../../src/sim/index.ts'
import { Rng } from '../../src/sim/index.ts'
import { MUSUBI, TerminalProgram } from '../cli/terminal.ts'
import { type Heard, Host } from './hosts.ts'

interface RealPeer extends Member {
  isUp: boolean
  readyAt: number
  readonly host: Host
  neighbors: readonly RealPeer[]
}

type Open<T> = { -readonly [Key in keyof T]: T[Key] }

/** How long a receipt may be ahead of the news, from another process, that its message came out. */
const NEWS_MS = 2_000

export class RealWorld implements Driver {
  readonly name = 'webrtc'
  readonly tickMs = 50
  readonly faults = null
  readonly members: RealPeer[] = []
  readonly #hosts: Host[]
  readonly #options: object
  readonly #rng: Rng
  readonly #startedAt = performance.now()
  readonly #tickets = new Map<string, Open<Ticket>>()
  readonly #announcements = new Map<string, Open<Announcement>>()
  readonly #violations: Violation[] = []
  readonly #seen = new Set<string>()
  #bootstrap: { readonly program: TerminalProgram; readonly url: string } | null = null

  /** `options`: of `createMesh`. `hosts`: processes that the peers are spread over. */
  constructor(options: object, { hosts, seed }: { readonly hosts: number; readonly seed: number }) {
    this.#options = options
    this.#rng = new Rng(seed)
    this.#hosts = Array.from({ length: hosts }, () => new Host())
    for (const host of this.#hosts) host.onHeard = (heard) => this.#onHeard(heard)
  }

  get nowMs(): number {
    return performance.now() - this.#startedAt
  }

  async startBootstrap(): Promise<void> {
    const program = new TerminalProgram([MUSUBI, 'bootstrap', '--port', '0', '--host', '127.0.0.1'])
    const [url] = await program.sees(/ws:\/\/[\w.:]+/)
    this.#bootstrap = { program, url }
  }

  async killBootstrap(): Promise<void> {
    await this.#bootstrap?.program.kill('SIGKILL')
  }

  /** All at once, in every process an equal share: real peers keep no pace. */
  async join(count: number): Promise<void> {
    const options = { bootstrap: this.#bootstrap?.url, ...this.#options }
    const shares = this.#hosts.map((_, i) => Math.floor((count + i) / this.#hosts.length))
    await Promise.all(this.#hosts.map((host, i) => this.#create(host, shares[i] as number, options)))
  }

  async #create(host: Host, count: number, options: object): Promise<void> {
    const made = await host.call<{ id: string; startedAt: number }[]>('create', { count, options })
    for (const { id, startedAt } of made) {
      const number = this.members.length
      this.members.push({ number, id, startedAt, isUp: true, readyAt: 0, host, neighbors: [] })
    }
  }

  async crash(members: readonly Member[]): Promise<void> {
    let left = members.length
    for (const host of this.#hosts.toReversed()) {
      const theirs = this.members.filter((peer) => peer.host === host && peer.isUp)
      if (theirs.length === 0 || theirs.length > left) continue
      left -= theirs.length
      await host.kill()
      for (const peer of theirs) peer.isUp = false
    }
    if (left > 0) throw new Error(`no process holds just ${left} peers: crash as many as one holds`)
  }

  leave(): never {
    throw new Error('the webrtc driver cannot "leave"')
  }

  entries(): never {
    throw new Error('the webrtc driver does not know its entries')
  }

  async advance(forMs: number): Promise<void> {
    await sleep(forMs)
  }

  async observe(): Promise<void> {
    const byId = new Map(this.members.map((peer) => [peer.id, peer]))
    const living = this.#hosts.filter((host) => this.members.some((peer) => peer.host === host && peer.isUp))
    await Promise.all(living.map((host) => observeHost(host, byId)))
  }

  /** Links that both ends have. */
  neighborsOf(member: Member): Iterable<Member> {
    const peer = member as RealPeer
    return peer.neighbors.filter((other) => other.isUp && other.neighbors.includes(peer))
  }

  unicast(source: Member, target: Member, { timeoutMs }: { readonly timeoutMs: number }): Ticket {
    const text = `unicast ${this.#tickets.size}`
    const ticket: Open<Ticket> = {
      source,
      target,
      state: 'pending',
      receipt: null,
      code: null,
      isVoid: false,
      deliveries: 0,
    }
    this.#tickets.set(text, ticket)
    void this.#send(ticket, { from: source.id, to: target.id, text, timeoutMs })
    return ticket
  }

  async #send(ticket: Open<Ticket>, args: Readonly<Record<string, string | number>>): Promise<void> {
    type Answer = NonNullable<Ticket['receipt']> | { readonly code: string }
    const { host } = ticket.source as RealPeer
    const answer = await host.call<Answer>('sendOne', args).catch(() => ({ code: 'gone' }))
    if ('code' in answer) {
      ticket.code = answer.code
      ticket.isVoid = !ticket.source.isUp || !ticket.target.isUp
      ticket.state = 'failed'
      return
    }
    for (let waited = 0; ticket.deliveries === 0 && waited < NEWS_MS; waited += 20) await sleep(20)
    ticket.receipt = answer
    ticket.state = 'done'
  }

  readonly topics = null

  broadcast(source: Member): Announcement {
    const text = `broadcast ${this.#announcements.size}`
    const has = (member: Member): boolean => this.#seen.has(`${member.id} ${text}`)
    const announcement = { source, reached: 0, hopsMax: 0, has }
    this.#announcements.set(text, announcement)
    void (source as RealPeer).host.call('broadcast', { from: source.id, text })
    return announcement
  }

  #onHeard({ heard, to, hops }: Heard): void {
    if (this.#seen.has(`${to} ${heard}`)) this.#violate(to, 'twice', heard)
    this.#seen.add(`${to} ${heard}`)
    const ticket = this.#tickets.get(heard)
    const announcement = this.#announcements.get(heard)
    if (ticket !== undefined) ticket.deliveries++
    if (ticket !== undefined && ticket.target.id !== to) this.#violate(to, 'stranger', heard)
    if (announcement === undefined) return
    announcement.reached++
    announcement.hopsMax = Math.max(announcement.hopsMax, hops)
  }

  #violate(id: string, rule: Violation['rule'], detail: string): void {
    const node = this.members.find((peer) => peer.id === id)?.number ?? -1
    this.#violations.push({ atMs: Math.round(this.nowMs), node, rule, detail })
  }

  spread(): null {
    return null
  }

  sent(): null {
    return null
  }

  stalled(): null {
    return null
  }

  random(): number {
    return this.#rng.unit()
  }

  figures(): Metrics {
    return { violations: this.#violations.length }
  }

  violations(): readonly Violation[] {
    return this.#violations
  }

  trace(): null {
    return null
  }

  /** Ends every process. */
  async close(): Promise<void> {
    const { child } = this.#bootstrap?.program ?? {}
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    await Promise.all(this.#hosts.map((host) => host.kill()))
  }
}

async function observeHost(host: Host, byId: ReadonlyMap<string, RealPeer>): Promise<void> {
  for (const { id, readyAt } of await host.call<{ id: string; readyAt: number }[]>('lives')) {
    const peer = byId.get(id)
    if (peer !== undefined) peer.readyAt = readyAt
  }
  for (const { id, neighbors } of await host.inspect()) {
    const peer = byId.get(id ?? '')
    if (peer !== undefined) peer.neighbors = neighbors.flatMap((neighbor) => byId.get(neighbor.id) ?? [])
  }
}
