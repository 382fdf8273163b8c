/**
 * The simulated world: participants, links and time. It is the second shell around the core (DESIGN §8): every effect
 * that a machine asks for becomes an event at some virtual instant, and every event becomes one input. A link is two
 * ends, each an instance of its own. A crashed node falls silent: its neighbours find out by missing heartbeats, unless
 * the crash is one that an operating system announces. How links come about is `signaling.ts`.
 */

import type { Frame } from '../core/frames.ts'
import type { Instant, LinkId, NetworkId, PeerId } from '../core/ids.ts'
import type { Input, Io, LinkUp, NodeEvent } from '../core/io.ts'
import { idFromBytes } from '../wire/ids.ts'
import { LATENCY_DEFAULTS, LatencyModel, type LatencyOptions } from './latency.ts'
import type { Machine, MachineMaker } from './machine.ts'
import { LinkEnd, SimNode } from './node.ts'
import { NodeIo } from './node-io.ts'
import { EventQueue } from './queue.ts'
import { Rng } from './rng.ts'
import { ModelSealer } from './sealer.ts'
import { Signaling, type SignalingOptions, SIGNALING_DEFAULTS } from './signaling.ts'

export interface NetworkOptions extends LatencyOptions, SignalingOptions {
  /** Least and greatest whole milliseconds that sealing, opening, signing or verifying takes (DESIGN §2: 2–3 ms). */
  readonly cryptoMs: readonly [min: number, max: number]
}

export const NETWORK_DEFAULTS: NetworkOptions = { ...LATENCY_DEFAULTS, ...SIGNALING_DEFAULTS, cryptoMs: [0, 3] }

/** Who watches: statistics, trace and checkers. Called in the order things happen; must not touch the network. */
export interface NetworkObserver {
  /** A machine is about to handle this input. */
  handling(node: SimNode, input: Input): void
  /** And now it has. */
  handled(node: SimNode): void
  /** A machine sends over an open end. */
  sending(end: LinkEnd, frame: Frame): void
  opened(end: LinkEnd): void
  closed(end: LinkEnd): void
  emitted(node: SimNode, event: NodeEvent): void
  /** A frame that found its link closed, or an effect on a link that is gone. */
  swallowed(frame: Frame): void
}

/** Virtual time begins here and not at 0, so that "never" and "at the beginning" differ. Small, so that V8 keeps it unboxed. */
export const EPOCH_MS = 1_000_000

/** How long a node that leaves may still flush what it said, in milliseconds (guess; a driver waits about as long). */
const FLUSH_MS = 50

const STREAM_NETWORK = 1
const STREAM_IDS = 2
const STREAM_NODES = 1_000

type Task = () => void

const GONE: Machine = { handle: () => {} }

/** What the queue holds: an input for a node, perhaps tied to one end of a link, or a task of the network itself. */
class Due {
  readonly node: SimNode | null
  /** The input is dropped when this end has closed. */
  readonly end: LinkEnd | null
  readonly what: Input | Task

  constructor(node: SimNode | null, end: LinkEnd | null, what: Input | Task) {
    this.node = node
    this.end = end
    this.what = what
  }
}

/** How the two ends of a link come up. */
export interface LinkPlan {
  readonly node: SimNode
  readonly role: LinkUp['role']
  readonly delayMs: number
  /** Asked at the moment when the end would come up: does this side still want it? */
  readonly isWanted: () => boolean
  /** What a bootstrap learns of its visitor from the hello. */
  readonly visit?: Visit
}

export interface Visit {
  readonly network: NetworkId
  readonly purpose: VisitPurpose
}

/** join: a newcomer. visit: a member that looks in by lottery (DESIGN §7). */
export type VisitPurpose = Parameters<Io['contactBootstrap']>[0]

export class Network {
  readonly networkId: NetworkId
  readonly nodes: SimNode[] = []
  /** Those of `nodes` that a newcomer may contact, dead ones included until they are replaced. */
  readonly bootstraps: SimNode[] = []
  readonly latency: LatencyModel
  readonly signaling: Signaling
  readonly options: NetworkOptions
  readonly rng: Rng
  readonly #ids: Rng
  readonly #observer: NetworkObserver
  readonly #queue = new EventQueue<Due>(EPOCH_MS)
  readonly #byId = new Map<PeerId, SimNode>()
  #links = 0

  constructor(seed: number, options: NetworkOptions, observer: NetworkObserver) {
    const root = new Rng(seed)
    this.options = options
    this.rng = root.stream(STREAM_NETWORK)
    this.#ids = root.stream(STREAM_IDS)
    this.#observer = observer
    this.latency = new LatencyModel(options, root.stream(STREAM_NETWORK + 2))
    this.signaling = new Signaling(this)
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
    if (kind.isBootstrap) this.bootstraps.push(node)
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
    if (typeof due.what === 'function') due.what()
    else this.#deliver(due.node as SimNode, due.end, due.what)
    return true
  }

  /** Runs `task` after `delayMs` whole milliseconds. */
  after(delayMs: number, task: Task): void {
    this.#queue.push(this.now + delayMs, new Due(null, null, task))
  }

  /** Hands `input` to the node after `delayMs` whole milliseconds, if it is still up then. */
  input(node: SimNode, input: Input, delayMs = 0): void {
    this.#queue.push(this.now + delayMs, new Due(node, null, input))
  }

  /** The input that a cryptographic job ends in. */
  finishJob(node: SimNode, input: Input): void {
    const [min, max] = this.options.cryptoMs
    this.input(node, input, min + this.rng.below(max - min + 1))
  }

  send(node: SimNode, link: LinkId, frame: Frame): void {
    const end = node.ends.get(link)
    if (end === undefined) return this.#observer.swallowed(frame)
    this.#observer.sending(end, frame)
    const { other } = end
    this.#queue.push(this.#arrival(end), new Due(other.node, other, { kind: 'frame', link: other.id, frame }))
  }

  /** Closes one end at once; the other learns of it after everything that was sent before. */
  closeLink(node: SimNode, link: LinkId, reason: string): void {
    const end = node.ends.get(link)
    if (end === undefined) return
    this.#shut(end)
    this.input(node, { kind: 'linkDown', link, reason })
    this.#announceClosing(end, 'closed by the other side')
  }

  emit(node: SimNode, event: NodeEvent): void {
    this.#observer.emitted(node, event)
  }

  /** The node is gone from now on. `isNoticed`: its operating system closes its connections; else there is only silence. */
  crash(node: SimNode, how: { readonly isNoticed: boolean }): void {
    if (!node.isUp) return
    node.isUp = false
    node.downAt = this.now
    for (const end of node.ends.values()) if (how.isNoticed) this.#announceClosing(end, 'connection lost')
    this.signaling.crashed(node)
    // Its memory goes with it: under churn the dead soon outnumber the living.
    node.machine = GONE
  }

  /** The node says goodbye, then goes. */
  leave(node: SimNode): void {
    this.input(node, { kind: 'stop' })
    this.after(FLUSH_MS, () => this.crash(node, { isNoticed: true }))
  }

  /** Makes a link; each end comes up after its own delay, if its node still wants it. */
  connect(a: LinkPlan, b: LinkPlan, up: Pick<LinkUp, 'transport' | 'isSecure' | 'exchange'>): void {
    const baseMs = this.latency.baseMs(a.node.number, b.node.number)
    const ends = [a, b].map((plan) => new LinkEnd(this.#links++ as LinkId, plan.node, { role: plan.role, baseMs }))
    const [endA, endB] = ends as [LinkEnd, LinkEnd]
    endA.other = endB
    endB.other = endA
    this.#planOpening(endA, a, up)
    this.#planOpening(endB, b, up)
  }

  #planOpening(end: LinkEnd, plan: LinkPlan, up: Pick<LinkUp, 'transport' | 'isSecure' | 'exchange'>): void {
    end.arrivalsFrom = this.now + plan.delayMs
    this.after(plan.delayMs, () => {
      if (!plan.node.isUp) return
      if (end.other.isCancelled || !plan.isWanted()) return this.#cancel(end)
      end.isOpen = true
      plan.node.ends.set(end.id, end)
      if (end.role === 'peer') plan.node.degree++
      this.#observer.opened(end)
      const { id: link, role } = end
      const input: LinkUp = { kind: 'linkUp', link, peer: end.other.node.id, role, ...up }
      this.#handle(plan.node, plan.visit === undefined ? input : { ...input, ...plan.visit })
    })
  }

  /** This side gave up just before the link came up: the other side, if it is up already, sees it close. */
  #cancel(end: LinkEnd): void {
    end.isCancelled = true
    if (end.other.isOpen) this.#announceClosing(end, 'abandoned')
  }

  #announceClosing(end: LinkEnd, reason: string): void {
    const { other } = end
    const input: Input = { kind: 'linkDown', link: other.id, reason }
    this.#queue.push(this.#arrival(end), new Due(other.node, other, input))
  }

  /** When something sent now from this end arrives at the other: after everything that was sent before. */
  #arrival(end: LinkEnd): number {
    const { other } = end
    const at = Math.max(other.arrivalsFrom, this.now + this.latency.frameMs(end.baseMs))
    other.arrivalsFrom = at
    return at
  }

  #deliver(node: SimNode, end: LinkEnd | null, input: Input): void {
    if (!node.isUp) return
    if (end !== null) {
      if (!end.isOpen) return input.kind === 'frame' ? this.#observer.swallowed(input.frame) : undefined
      if (input.kind === 'linkDown') this.#shut(end)
    }
    this.#handle(node, input)
  }

  #handle(node: SimNode, input: Input): void {
    this.#observer.handling(node, input)
    node.machine.handle(input, this.now)
    this.#observer.handled(node)
  }

  #shut(end: LinkEnd): void {
    end.isOpen = false
    end.node.ends.delete(end.id)
    if (end.role === 'peer') end.node.degree--
    this.#observer.closed(end)
  }
}
