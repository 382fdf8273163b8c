/**
 * The simulated world: participants and time. It is the second shell around the core (DESIGN §8): every effect that a
 * machine asks for becomes an event at some virtual instant, and every event becomes one input. A crashed node falls
 * silent: its neighbours find out by missing heartbeats, unless the crash is one that an operating system announces.
 * What links do is `links.ts`, how they come about `signaling.ts`.
 */

import type { Frame } from '../core/frames.ts'
import type { Instant, NetworkId, PeerId } from '../core/ids.ts'
import type { Input, NodeEvent, TimerToken } from '../core/io.ts'
import { idFromBytes } from '../wire/ids.ts'
import { CARRIAGE_DEFAULTS, type CarriageOptions } from './carriage.ts'
import { Contacts } from './contacts.ts'
import { type Due, FrameDue, InputDue, TaskDue, TimerDue } from './events.ts'
import { LATENCY_DEFAULTS, LatencyModel, type LatencyOptions } from './latency.ts'
import { type LinkNature, type LinkPlan, Links } from './links.ts'
import type { Machine, MachineMaker } from './machine.ts'
import { NAT_DEFAULTS, NatModel, type NatOptions } from './nat.ts'
import { type LinkEnd, SimNode } from './node.ts'
import { NodeIo } from './node-io.ts'
import { EventQueue } from './queue.ts'
import { Rng } from './rng.ts'
import { ModelSealer } from './sealer.ts'
import { Signaling, type SignalingOptions, SIGNALING_DEFAULTS } from './signaling.ts'
import type { DropCause } from './stats.ts'

export interface NetworkOptions extends LatencyOptions, CarriageOptions, NatOptions, SignalingOptions {
  /** Least and greatest whole milliseconds that sealing, opening, signing or verifying takes (DESIGN §2: 2–3 ms). */
  readonly cryptoMs: readonly [min: number, max: number]
}

export const NETWORK_DEFAULTS: NetworkOptions = {
  ...LATENCY_DEFAULTS,
  ...CARRIAGE_DEFAULTS,
  ...NAT_DEFAULTS,
  ...SIGNALING_DEFAULTS,
  cryptoMs: [0, 3],
}

/** Who watches: statistics, trace and checkers. Called in the order things happen; must not touch the network. */
export interface NetworkObserver {
  /** A machine is about to handle this input. */
  handling(node: SimNode, input: Input): void
  /** And now it has. */
  handled(node: SimNode): void
  /** A machine sends over an open end. */
  sending(end: LinkEnd, frame: Frame): void
  /** A frame that was sent, or was to be sent, does not come in. */
  dropped(frame: Frame, cause: DropCause): void
  /** A frame will come in twice. */
  doubled(frame: Frame): void
  opened(end: LinkEnd): void
  emitted(node: SimNode, event: NodeEvent): void
  /** A node has gone for good. */
  wentDown(node: SimNode): void
}

/** Virtual time begins here and not at 0, so that "never" and "at the beginning" differ. Small, so that V8 keeps it unboxed. */
export const EPOCH_MS = 1_000_000

/** How long a node that leaves may still flush what it said, in milliseconds (guess; a driver waits about as long). */
const FLUSH_MS = 50

const STREAM_NETWORK = 1
const STREAM_IDS = 2
const STREAM_LATENCY = 3
const STREAM_CARRIAGE = 4
const STREAM_NAT = 5
const STREAM_NODES = 1_000

const GONE: Machine = { handle: () => {} }

export class Network {
  readonly networkId: NetworkId
  readonly nodes: SimNode[] = []
  /** One place per URL that peers know; a dead server keeps its place until another is added. */
  readonly bootstraps: SimNode[] = []
  readonly latency: LatencyModel
  readonly nat: NatModel
  readonly links: Links
  readonly signaling: Signaling
  readonly contacts: Contacts
  readonly options: NetworkOptions
  readonly rng: Rng
  readonly #ids: Rng
  readonly #observer: NetworkObserver
  readonly #queue = new EventQueue<Due | FrameDue>(EPOCH_MS)
  readonly #byId = new Map<PeerId, SimNode>()

  constructor(seed: number, options: NetworkOptions, observer: NetworkObserver) {
    const root = new Rng(seed)
    this.options = options
    this.rng = root.stream(STREAM_NETWORK)
    this.#ids = root.stream(STREAM_IDS)
    this.#observer = observer
    this.latency = new LatencyModel(options, root.stream(STREAM_LATENCY))
    this.nat = new NatModel(options, root.stream(STREAM_NAT))
    this.links = new Links(this, observer, root.stream(STREAM_CARRIAGE))
    this.signaling = new Signaling(this)
    this.contacts = new Contacts(this)
    this.networkId = idFromBytes<NetworkId>(this.#ids.bytes(32))
  }

  get now(): Instant {
    return this.#queue.now as Instant
  }

  /** Events waiting. */
  get pending(): number {
    return this.#queue.size
  }

  /** Adds a participant with a random id; its machine gets no input before the scenario gives it one. */
  addNode(maker: MachineMaker, kind: { readonly isBootstrap: boolean }): SimNode {
    const id = idFromBytes<PeerId>(this.#ids.bytes(32))
    const number = this.nodes.length
    const rng = this.#ids.stream(STREAM_NODES + number)
    const node = new SimNode(number, { id, isBootstrap: kind.isBootstrap, rng, sealer: new ModelSealer(id) })
    node.machine = maker({ id, network: this.networkId, io: new NodeIo(this, node) })
    this.nodes.push(node)
    if (kind.isBootstrap) this.#publish(node)
    this.#byId.set(id, node)
    return node
  }

  nodeOf(id: PeerId): SimNode | undefined {
    return this.#byId.get(id)
  }

  /** Handles the next event due at or before `until`; false when there is none, and then it is `until`. */
  step(until: Instant): boolean {
    const due = this.#queue.pop(until)
    if (due === null) return false
    if (due instanceof FrameDue) this.links.arrive(due)
    else due.fire(this)
    return true
  }

  push(at: number, due: Due | FrameDue): void {
    this.#queue.push(at, due)
  }

  /** Runs `task` after `delayMs` whole milliseconds. */
  after(delayMs: number, task: () => void): void {
    this.#queue.push(this.now + delayMs, new TaskDue(task))
  }

  /** Hands `input` to the node after `delayMs` whole milliseconds, if it is still up then. */
  input(node: SimNode, input: Input, delayMs = 0): void {
    this.#queue.push(this.now + delayMs, new InputDue(node, input))
  }

  schedule(node: SimNode, token: TimerToken, delayMs: number): void {
    this.#queue.push(this.now + delayMs, new TimerDue(node, token))
  }

  /** The input that a cryptographic job ends in. */
  finishJob(node: SimNode, input: Input): void {
    const [min, max] = this.options.cryptoMs
    this.input(node, input, min + this.rng.below(max - min + 1))
  }

  /** False: nothing runs in this node now. What is due in a frozen one is due again when it wakes. */
  isReady(node: SimNode, due: Due): boolean {
    if (node.isRunning) return true
    if (node.isUp) (node.held ??= []).push(due)
    return false
  }

  handle(node: SimNode, input: Input): void {
    this.#observer.handling(node, input)
    node.machine.handle(input, this.now)
    this.#observer.handled(node)
  }

  emit(node: SimNode, event: NodeEvent): void {
    this.#observer.emitted(node, event)
  }

  connect(a: LinkPlan, b: LinkPlan, nature: LinkNature): void {
    this.links.connect(a, b, nature)
  }

  /** The node is gone from now on. `isNoticed`: its operating system closes its connections; else there is only silence. */
  crash(node: SimNode, how: { readonly isNoticed: boolean }): void {
    if (!node.isUp) return
    node.isUp = false
    node.isRunning = false
    node.downAt = this.now
    this.links.drop(node, how)
    this.signaling.crashed(node)
    // Its memory goes with it: under churn the dead soon outnumber the living.
    node.machine = GONE
    node.hostile = null
    node.held = null
    node.rests = null
    node.sealer.forget()
    this.#observer.wentDown(node)
  }

  /** The node says goodbye, then goes. */
  leave(node: SimNode): void {
    this.input(node, { kind: 'stop' })
    this.after(FLUSH_MS, () => this.crash(node, { isNoticed: true }))
  }

  /**
   * A laptop sleeps: nothing runs in the node until it wakes, frames that arrive are lost, and what was due meanwhile
   * (timers, closed links, finished jobs) comes then, in the order it was due. While it sleeps: until the later instant.
   */
  freeze(node: SimNode, forMs: number): void {
    const until = this.now + forMs
    if (!node.isUp || until <= node.frozenUntil) return
    node.isRunning = false
    node.frozenUntil = until
    this.after(forMs, () => this.#wake(node, until))
  }

  #wake(node: SimNode, until: number): void {
    if (!node.isUp || node.frozenUntil !== until) return
    node.isRunning = true
    node.frozenUntil = 0
    node.wokeAt = this.now
    const held = node.held ?? []
    node.held = null
    for (const due of held) this.#queue.push(this.now, due)
  }

  /** A restarted server takes the place of a dead one. */
  #publish(server: SimNode): void {
    const place = this.bootstraps.findIndex((other) => !other.isUp)
    if (place === -1) this.bootstraps.push(server)
    else this.bootstraps[place] = server
  }
}
