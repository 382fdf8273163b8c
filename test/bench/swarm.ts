/**
 * Peers of one system in one process, as the broadcast benchmarks see them: whoever plays, ours or a rival, is a `Swarm`,
 * and gets the same messages from the same loops. A ledger knows which peer has had which message how often, so that
 * "delivered" means "by every other peer, exactly once", and not that something came.
 */

import { randomFillSync } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { timed } from './measure.ts'

export interface Swarm {
  readonly size: number
  /** From that peer to all others. */
  broadcast(sender: number, data: Uint8Array): void
  /** Called for each message that a peer's application gets. */
  onMessage: (receiver: number, data: Uint8Array) => void
  /** Payloads that peers have sent each other so far: one for each message and link. */
  payloads(): number
}

/** Closed loop: `window` messages are under way; the next one is sent when one of them has arrived everywhere. */
export interface Load {
  readonly messages: number
  readonly window: number
}

/** What that came to. */
export interface Flow {
  /** Deliveries a second. */
  readonly perSecond: number
  /** CPU time of the process for each delivery, µs: all threads, and whatever else its peers do meanwhile. */
  readonly cpuUs: number
  /** Payloads sent for each delivery: 1 is the least there can be. */
  readonly payloads: number
}

/** Open loop: so many a second, whatever becomes of them. */
export interface StreamLoad {
  readonly perSecond: number
  readonly seconds: number
}

/** What that came to. */
export interface Stream {
  readonly messages: number
  /** Deliveries that never came, and those too many. */
  readonly missed: number
  readonly duplicates: number
  readonly payloads: number
  readonly cpuUs: number
  /** From `broadcast` to the application of each receiver, ms. */
  readonly arrivalMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** By how much the event loop was late, ms. */
  readonly loopMs: { readonly p50: number; readonly p99: number; readonly max: number }
}

const MESSAGE_BYTES = 1_024
/** A message that has not arrived everywhere by then will not. */
const STALLED_MS = 30_000
/** In the closed loop so many peers send in turn: a tree that suits one source must do for others too. */
const SENDERS = 8
/** Stragglers may come so late: a digest with a random neighbour is what brings the last of them, every 10 s. */
const STRAGGLING_MS = 30_000
/** How often the open loop looks what is due. */
const TICK_MS = 5

/** Who has had what. Messages carry their number in their first four bytes. */
export class Ledger {
  duplicates = 0
  /** Deliveries. */
  count = 0
  readonly #swarm: Swarm
  readonly #copies: Uint8Array
  readonly #left: Uint32Array
  readonly #body = new Uint8Array(MESSAGE_BYTES)

  /** `onDelivery`: a peer has a message that it did not have; `left` others have not. */
  constructor(swarm: Swarm, messages: number, onDelivery: (delivery: { number: number; left: number }) => void) {
    this.#swarm = swarm
    this.#copies = new Uint8Array(messages * swarm.size)
    this.#left = new Uint32Array(messages).fill(swarm.size - 1)
    randomFillSync(this.#body)
    swarm.onMessage = (receiver, data) => {
      const number = numberIn(data)
      const copies = ++this.#copies[number * swarm.size + receiver]!
      if (copies > 1) return void this.duplicates++
      this.count++
      onDelivery({ number, left: --this.#left[number]! })
    }
  }

  /** Deliveries that have not come. */
  get missing(): number {
    return this.#left.reduce((sum, left) => sum + left, 0)
  }

  /** Sends message `number`, whose turn it is among `senders` peers spread over the swarm. */
  send(number: number, senders: number): void {
    const data = this.#body.slice()
    new DataView(data.buffer).setUint32(0, number)
    this.#swarm.broadcast(Math.floor(((number % senders) * this.#swarm.size) / senders), data)
  }
}

const numberIn = (data: Uint8Array): number => new DataView(data.buffer, data.byteOffset).getUint32(0)

export async function saturate(swarm: Swarm, load: Load): Promise<Flow> {
  const readCosts = costsOf(swarm)
  let ledger: Ledger | undefined
  const ms = await timed(async () => (ledger = await allThrough(swarm, load)))
  const { count } = ledger!
  return { perSecond: (count * 1_000) / ms, ...readCosts(count) }
}

function allThrough(swarm: Swarm, { messages, window }: Load): Promise<Ledger> {
  return new Promise((resolve, reject) => {
    let [sent, done] = [0, 0]
    const stalled = setTimeout(() => reject(new Error(`${ledger.missing} deliveries do not come`)), STALLED_MS)
    const ledger = new Ledger(swarm, messages, ({ left }) => {
      stalled.refresh()
      if (left > 0) return
      if (++done < messages) return void setImmediate(sendOne)
      clearTimeout(stalled)
      resolve(ledger)
    })
    const sendOne = (): void => {
      if (sent < messages) ledger.send(sent++, SENDERS)
    }
    for (let i = 0; i < window; i++) sendOne()
  })
}

/** All peers send in turn. */
export async function stream(swarm: Swarm, load: StreamLoad): Promise<Stream> {
  const messages = load.perSecond * load.seconds
  const sentAt = new Float64Array(messages)
  const arrivals: number[] = []
  const ledger = new Ledger(swarm, messages, ({ number }) => arrivals.push(performance.now() - sentAt[number]!))
  const readCosts = costsOf(swarm)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await paced(load, (number) => {
    sentAt[number] = performance.now()
    ledger.send(number, swarm.size)
  })
  await arrived(ledger)
  delay.disable()
  // It counts the millisecond that it waits between two looks as well.
  const late = (percentile: number): number => Math.max(0, delay.percentile(percentile) / 1e6 - 1)
  const sorted = arrivals.toSorted((a, b) => a - b)
  const arrival = (percentile: number): number =>
    sorted[Math.ceil((percentile / 100) * sorted.length) - 1] ?? Number.NaN
  return {
    messages,
    missed: ledger.missing,
    duplicates: ledger.duplicates,
    ...readCosts(ledger.count),
    arrivalMs: { p50: arrival(50), p99: arrival(99), max: arrival(100) },
    loopMs: { p50: late(50), p99: late(99), max: late(100) },
  }
}

/** By the clock, not by counting ticks: a late event loop sends what it owes. */
function paced({ perSecond, seconds }: StreamLoad, sendOne: (number: number) => void): Promise<void> {
  const startedAt = performance.now()
  let sent = 0
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(seconds, (performance.now() - startedAt) / 1_000) * perSecond
      while (sent < Math.floor(due)) sendOne(sent++)
      if (sent < perSecond * seconds) return
      clearInterval(timer)
      resolve()
    }, TICK_MS)
  })
}

/** All that is to come has come; and a little later, for copies that should not. */
async function arrived(ledger: Ledger): Promise<void> {
  const deadline = performance.now() + STRAGGLING_MS
  while (ledger.missing > 0 && performance.now() < deadline) await sleep(TICK_MS)
  await sleep(1_000)
}

/** From now until it is read: what each of so many deliveries has cost. */
function costsOf(swarm: Swarm): (deliveries: number) => Pick<Flow, 'cpuUs' | 'payloads'> {
  const cpuBefore = process.cpuUsage()
  const payloadsBefore = swarm.payloads()
  return (deliveries) => {
    const { user, system } = process.cpuUsage(cpuBefore)
    return { cpuUs: (user + system) / deliveries, payloads: (swarm.payloads() - payloadsBefore) / deliveries }
  }
}
