/**
 * Peers of one system in one process, as the broadcast benchmarks see them: whoever plays, ours or a rival, is a `Swarm`,
 * and gets the same messages from the same loops. A ledger knows which peer has had which message how often, so that
 * "delivered" means "by every other peer, exactly once", and not that something came.
 */

import { randomFillSync } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'

/** Of a swarm, or of this process's part of it. */
export interface SwarmOptions {
  readonly size: number
  /** For those that need one. */
  readonly bootstrap: string
  readonly network: string
  /** Of a peer of ours, at most; left out: its default. */
  readonly linksMax?: number
}

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
  /** Deliveries that did not come. */
  readonly missed: number
}

/** Open loop: so many a second, whatever becomes of them. */
export interface StreamLoad {
  readonly perSecond: number
  readonly seconds: number
  /** All peers of all processes send in turn; ours are those from `first` on. */
  readonly peers: number
  readonly first: number
}

/** What that came to. */
export interface Stream {
  readonly deliveries: number
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
/** After so long without any delivery, what is missing will not come. */
const STALLED_MS = 30_000
/** In the closed loop so many peers send in turn: a tree that suits one source must do for others too. */
const SENDERS = 8
/** Stragglers may come so late: a digest with a random neighbour is what brings the last of them, every 10 s. */
const STRAGGLING_MS = 30_000
/** Processes that are asked to begin together do so within less. */
const START_SPREAD_MS = 200
/** How often the open loop looks what is due. */
const TICK_MS = 5

interface Delivery {
  readonly number: number
  /** Since it was sent, ms. */
  readonly ms: number
  /** Peers here that have not had it yet. */
  readonly left: number
}

/** Who has had what. A message carries its number (4 bytes) and when it was sent (8), by a clock that all processes share. */
class Ledger {
  duplicates = 0
  deliveries = 0
  readonly #swarm: Swarm
  readonly #copies: Uint8Array
  readonly #left: Uint32Array
  readonly #body = randomFillSync(new Uint8Array(MESSAGE_BYTES))
  readonly #startedAt = clock()

  /** `expected`: how many peers here have to get each message. */
  constructor(swarm: Swarm, expected: Uint32Array, onDelivery: (delivery: Delivery) => void) {
    this.#swarm = swarm
    this.#left = expected
    this.#copies = new Uint8Array(expected.length * swarm.size)
    swarm.onMessage = (receiver, data) => {
      const { number, sentAt } = read(data)
      // Of a ledger before this one; processes do not begin at quite the same moment.
      if (sentAt < this.#startedAt - START_SPREAD_MS) return
      const copies = ++this.#copies[number * swarm.size + receiver]!
      if (copies > 1) return void this.duplicates++
      this.deliveries++
      onDelivery({ number, ms: clock() - sentAt, left: --this.#left[number]! })
    }
  }

  /** Deliveries that have not come. */
  get missing(): number {
    return this.#left.reduce((sum, left) => sum + left, 0)
  }

  send(number: number, sender: number): void {
    const data = this.#body.slice()
    const view = new DataView(data.buffer)
    view.setUint32(0, number)
    view.setFloat64(4, clock())
    this.#swarm.broadcast(sender, data)
  }
}

const clock = (): number => performance.timeOrigin + performance.now()

function read(data: Uint8Array): { number: number; sentAt: number } {
  const view = new DataView(data.buffer, data.byteOffset)
  return { number: view.getUint32(0), sentAt: view.getFloat64(4) }
}

export async function saturate(swarm: Swarm, load: Load): Promise<Flow> {
  const readCosts = costsOf(swarm)
  const { ledger, ms } = await allThrough(swarm, load)
  const { deliveries, missing } = ledger
  return { perSecond: (deliveries * 1_000) / ms, missed: missing, ...readCosts(deliveries) }
}

/** `ms`: up to the last delivery. What does not come only keeps its place in the window. */
function allThrough(swarm: Swarm, { messages, window }: Load): Promise<{ ledger: Ledger; ms: number }> {
  const { size } = swarm
  const startedAt = performance.now()
  return new Promise((resolve) => {
    let [sent, done, ms] = [0, 0, 0]
    const stalled = setTimeout(() => resolve({ ledger, ms }), STALLED_MS)
    const ledger = new Ledger(swarm, new Uint32Array(messages).fill(size - 1), ({ left }) => {
      stalled.refresh()
      ms = performance.now() - startedAt
      if (left > 0) return
      if (++done < messages) return void setImmediate(sendOne)
      clearTimeout(stalled)
      resolve({ ledger, ms })
    })
    const sendOne = (): void => {
      if (sent < messages) ledger.send(sent, Math.floor(((sent++ % SENDERS) * size) / SENDERS))
    }
    for (let i = 0; i < window; i++) sendOne()
  })
}

/** Sends our part of it, and sees what comes of all of it. */
export async function stream(swarm: Swarm, load: StreamLoad): Promise<Stream> {
  const senderOf = (number: number): number => (number % load.peers) - load.first
  const isOurs = (number: number): boolean => senderOf(number) >= 0 && senderOf(number) < swarm.size
  const expected = Uint32Array.from({ length: load.perSecond * load.seconds }, (_, number) =>
    isOurs(number) ? swarm.size - 1 : swarm.size,
  )
  const arrivals: number[] = []
  const ledger = new Ledger(swarm, expected, ({ ms }) => arrivals.push(ms))
  const readCosts = costsOf(swarm)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await paced(load, (number) => isOurs(number) && ledger.send(number, senderOf(number)))
  await arrived(ledger)
  delay.disable()
  // It counts the millisecond that it waits between two looks as well.
  const late = (percentile: number): number => Math.max(0, delay.percentile(percentile) / 1e6 - 1)
  const sorted = arrivals.toSorted((a, b) => a - b)
  const arrival = (percentile: number): number =>
    sorted[Math.ceil((percentile / 100) * sorted.length) - 1] ?? Number.NaN
  return {
    deliveries: ledger.deliveries,
    missed: ledger.missing,
    duplicates: ledger.duplicates,
    ...readCosts(ledger.deliveries),
    arrivalMs: { p50: arrival(50), p99: arrival(99), max: arrival(100) },
    loopMs: { p50: late(50), p99: late(99), max: late(100) },
  }
}

/** By the clock, not by counting ticks: a late event loop sends what it owes. */
function paced({ perSecond, seconds }: StreamLoad, sendOne: (number: number) => unknown): Promise<void> {
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
