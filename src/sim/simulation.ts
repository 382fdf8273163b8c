/**
 * A whole run: one seed, one network, its statistics, its trace and its checkers, and the verbs that scenarios are made
 * of. A run that breaks an invariant ends with an error that names the seed and the options: that is the bug report
 * (DESIGN §8).
 */

import type { Instant, TopicId } from '../core/ids.ts'
import { idFromBytes } from '../wire/ids.ts'
import type { Input } from '../core/io.ts'
import { corrupt } from './behavior.ts'
import { Checkers, componentSizes, type Violation } from './checkers.ts'
import { type Churn, type ChurnHow, type ChurnModel, RunningChurn } from './churn.ts'
import type { Behavior } from './hostile.ts'
import type { MachineMaker } from './machine.ts'
import { bootstrapServer, meshPeer } from './makers.ts'
import { EPOCH_MS, Network } from './network.ts'
import type { SimNode } from './node.ts'
import { expectNumber, SIMULATION_DEFAULTS, type SimulationOptions, validateOptions } from './options.ts'
import type { Partition, PartitionHow } from './partition.ts'
import { type BroadcastRecord, Requests, type UnicastRecord } from './requests.ts'
import { mix32, Rng } from './rng.ts'
import { Stats, type Traffic } from './stats.ts'
import { TraceHash } from './trace.ts'
import { Watch } from './watch.ts'

/** What the participants are. */
export interface Makers {
  readonly peer: MachineMaker
  readonly bootstrap: MachineMaker
}

const STREAM_SCENARIO = 3
const SEED_TOPICS = 0x70_69_63

export class Simulation {
  readonly options: SimulationOptions
  readonly network: Network
  readonly stats = new Stats()
  readonly trace = new TraceHash()
  readonly checkers: Checkers
  readonly requests: Requests
  /** For the scenario's own choices; drawing from it does not disturb the network. */
  readonly rng: Rng
  /** Sees every event before it is handled: replays print them. Must not touch anything. */
  onEvent: ((atMs: number, node: SimNode, input: Input) => void) | null = null
  readonly #makers: Makers

  /**
   * `makers`: other participants than those of the mesh, for tests of the simulator itself. Throws RangeError that names
   * the option if one is out of its range.
   */
  constructor(options: Partial<SimulationOptions> & { readonly seed: number }, makers?: Makers) {
    this.options = { ...SIMULATION_DEFAULTS, ...options }
    validateOptions(this.options)
    this.#makers = makers ?? { peer: meshPeer(this.options), bootstrap: bootstrapServer() }
    this.rng = new Rng(options.seed, STREAM_SCENARIO)
    this.checkers = new Checkers(this.options)
    this.requests = new Requests(this.checkers, this.stats)
    const now = (): number => this.network.now
    this.network = new Network(options.seed, this.options, new Watch(this, now))
  }

  /** Milliseconds of virtual time since the beginning. */
  get elapsedMs(): number {
    return this.network.now - EPOCH_MS
  }

  /** Peers that are up, in the order they came. */
  get peers(): SimNode[] {
    return this.network.nodes.filter((node) => node.isUp && !node.isBootstrap)
  }

  get violations(): readonly Violation[] {
    return this.checkers.violations
  }

  /** Sizes of the mesh's components, largest first. */
  get components(): number[] {
    return componentSizes(this.network.nodes)
  }

  /** All frames and bytes sent so far, and the time that peers have lived: two readings make a rate. */
  get traffic(): Traffic {
    return this.stats.traffic(this.network.now)
  }

  /** A server that newcomers may contact from now on, in the place of a dead one (restarted, empty) or beside the others. */
  addBootstrap(): SimNode {
    return this.#start(this.network.addNode(this.#makers.bootstrap, { isBootstrap: true }))
  }

  addPeer(): SimNode {
    return this.#start(this.network.addNode(this.#makers.peer, { isBootstrap: false }))
  }

  /** `everyMs`: one after another, the first now. `withinMs`: at random instants of that span. All in virtual time. */
  addPeers(count: number, pace: { readonly everyMs: number } | { readonly withinMs: number }): void {
    for (let i = 0; i < count; i++) {
      const delayMs = 'everyMs' in pace ? i * pace.everyMs : this.rng.below(pace.withinMs)
      this.network.after(delayMs, () => this.addPeer())
    }
  }

  /** All of them at this instant. Without notice they just fall silent, as a laptop does whose lid is closed. */
  crash(nodes: readonly SimNode[], how: { readonly isNoticed: boolean } = { isNoticed: false }): void {
    for (const node of nodes) this.network.crash(node, how)
  }

  /** Goodbye, then gone. */
  leave(node: SimNode): void {
    this.network.leave(node)
    this.requests.crashed(node)
  }

  /** SIGKILL: the operating system closes the sockets, so everybody connected knows. By default all servers. */
  killBootstrap(servers: readonly SimNode[] = this.network.bootstraps): void {
    this.crash(servers, { isNoticed: true })
  }

  /** Laptops sleep for so long: nothing runs, frames are lost, what was due comes late (`Network.freeze`). */
  freeze(nodes: readonly SimNode[], forMs: number): void {
    expectNumber('forMs', forMs, { min: 1, isWhole: true })
    for (const node of nodes) this.network.freeze(node, forMs)
  }

  /** Frames between the groups are lost from now on until `heal`. Who is in no group belongs to the first. */
  partition(groups: readonly (readonly SimNode[])[], how?: PartitionHow): Partition {
    return this.network.links.partitions.begin(groups, this.network.nodes.length, how)
  }

  /** Cuts off a random share (0…1) of the peers; the bootstraps stay with the others. */
  partitionShare(share: number, how?: PartitionHow): Partition {
    expectNumber('share', share, { min: 0, max: 1 })
    const { peers } = this
    const [cutOff, rest] = split(this.rng.shuffle(peers), Math.round(share * peers.length))
    return this.partition([rest, cutOff], how)
  }

  /** Peers come and go from now on until `stop`; their number stays. Concerns those that are here, and who replaces them. */
  churn(model: ChurnModel, how?: ChurnHow): Churn {
    return new RunningChurn(
      {
        rng: this.rng,
        peers: this.peers,
        after: (delayMs, task) => this.network.after(delayMs, task),
        depart: (node, { isPolite }) => (isPolite ? this.leave(node) : this.crash([node])),
        arrive: () => this.addPeer(),
      },
      model,
      how,
    )
  }

  /** From now on these misbehave; `SimNode.behavior` says who does. */
  corrupt(nodes: readonly SimNode[], behavior: Behavior): void {
    for (const node of nodes) corrupt(this.network, node, behavior)
  }

  /** Asks `source` to send to `target`; the record fills as time goes on. `timeoutMs`: when the sender gives up. */
  unicast(
    source: SimNode,
    target: SimNode,
    how: { readonly bytes?: number; readonly timeoutMs?: number } = {},
  ): UnicastRecord {
    const { record, payload } = this.requests.createUnicast(source, target, {
      bytes: how.bytes ?? 100,
      nowMs: this.network.now,
    })
    const { request } = record
    this.network.input(source, {
      kind: 'send',
      request,
      target: target.id,
      payload,
      timeoutMs: how.timeoutMs ?? 30_000,
    })
    return record
  }

  /** To everybody, or to the members of a topic. */
  broadcast(source: SimNode, how: { readonly bytes?: number; readonly topic?: string } = {}): BroadcastRecord {
    const { record, payload } = this.requests.createBroadcast(source, {
      bytes: how.bytes ?? 100,
      nowMs: this.network.now,
    })
    this.network.input(source, {
      kind: 'broadcast',
      request: record.request,
      topic: how.topic === undefined ? null : this.topicId(how.topic),
      payload,
    })
    return record
  }

  /** The id of a topic, the same whatever the seed. */
  topicId(name: string): TopicId {
    const seed = [...name].reduce((hash, character) => mix32(hash ^ character.charCodeAt(0)), SEED_TOPICS)
    return idFromBytes<TopicId>(new Rng(seed).bytes(32))
  }

  joinTopic(node: SimNode, name: string): void {
    this.network.input(node, { kind: 'joinTopic', topic: this.topicId(name) })
  }

  leaveTopic(node: SimNode, name: string): void {
    this.network.input(node, { kind: 'leaveTopic', topic: this.topicId(name) })
  }

  /** Lets virtual time pass. */
  run(forMs: number): void {
    const end = this.network.now + forMs
    while (this.network.now < end) {
      const sampleAt = this.network.now + this.options.sampleMs - (this.elapsedMs % this.options.sampleMs)
      this.#runTo(Math.min(end, sampleAt))
      if (this.network.now === sampleAt) this.#sample()
    }
  }

  /** Until `condition` holds, asked every `everyMs`; false if it does not within `limitMs`. */
  runUntil(condition: () => boolean, limits: { readonly limitMs: number; readonly everyMs?: number }): boolean {
    const end = this.network.now + limits.limitMs
    while (!condition()) {
      if (this.network.now >= end) return false
      this.run(Math.min(limits.everyMs ?? 100, end - this.network.now))
    }
    return true
  }

  #start(node: SimNode): SimNode {
    node.startedAt = this.network.now
    if (!node.isBootstrap) this.stats.born(this.network.now)
    this.network.input(node, { kind: 'start' })
    return node
  }

  #runTo(until: number): void {
    try {
      while (!this.#isOver && this.network.step(until as Instant));
    } catch (cause) {
      throw new Error(this.#report(`a machine threw at ${this.elapsedMs} ms: ${String(cause)}`), { cause })
    }
    this.#throwViolations()
  }

  #sample(): void {
    this.checkers.sample(this.network.nodes, this.network.now)
    this.#throwViolations()
  }

  /** A strict run ends with its first violation. */
  get #isOver(): boolean {
    return this.options.isStrict && this.violations.length > 0
  }

  #throwViolations(): void {
    const first = this.violations[0]
    if (first === undefined || !this.#isOver) return
    throw new Error(this.#report(`${first.rule} at ${first.atMs - EPOCH_MS} ms, node ${first.node}: ${first.detail}`))
  }

  #report(what: string): string {
    const { seed, ...options } = this.options
    return `seed ${seed}: ${what}\noptions ${JSON.stringify(options)}`
  }
}

function split<T>(items: readonly T[], at: number): [readonly T[], readonly T[]] {
  return [items.slice(0, at), items.slice(at)]
}
