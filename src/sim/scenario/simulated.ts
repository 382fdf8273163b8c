/** The simulator as a scenario's world. */

import type { Churn } from '../churn.ts'
import { MeshPeer } from '../makers.ts'
import { EPOCH_MS } from '../network.ts'
import type { SimulationOptions } from '../options.ts'
import type { Partition } from '../partition.ts'
import { Simulation } from '../simulation.ts'
import type { LinkEnd, SimNode } from '../node.ts'
import type { Violation } from '../checkers.ts'
import type { Topic } from '../../core/topic.ts'
import type { Driver, Faults, Member, Pace, Sent, Spread, Ticket, TopicWorld } from './driver.ts'
import type { Metrics } from './metrics.ts'

export class SimulatedWorld implements Driver {
  readonly name = 'simulator'
  readonly tickMs = 1
  readonly simulation: Simulation
  readonly faults: Faults
  readonly topics: TopicWorld
  readonly #members: SimNode[] = []
  #seen = 0

  constructor(options: Partial<SimulationOptions> & { readonly seed: number }) {
    this.simulation = new Simulation(options)
    this.faults = createFaults(this.simulation)
    this.topics = createTopics(this.simulation)
  }

  get nowMs(): number {
    return this.simulation.elapsedMs
  }

  get members(): readonly SimNode[] {
    const { nodes } = this.simulation.network
    for (; this.#seen < nodes.length; this.#seen++) {
      const node = nodes[this.#seen] as SimNode
      if (!node.isBootstrap) this.#members.push(node)
    }
    return this.#members
  }

  startBootstrap(): void {
    this.simulation.addBootstrap()
  }

  killBootstrap(): void {
    this.simulation.killBootstrap()
  }

  join(count: number, pace: Pace): void {
    this.simulation.addPeers(count, pace)
  }

  crash(members: readonly Member[], how: { readonly isNoticed: boolean }): void {
    this.simulation.crash(members as readonly SimNode[], how)
  }

  leave(members: readonly Member[]): void {
    for (const member of members) this.simulation.leave(member as SimNode)
  }

  advance(forMs: number): void {
    this.simulation.run(forMs)
  }

  observe(): void {}

  *neighborsOf(member: Member): Iterable<Member> {
    for (const end of (member as SimNode).ends) if (isWhole(end)) yield end.other.node
  }

  entries(): readonly Member[] {
    return this.members.filter((node) => node.isUp && node.ends.some((end) => end.role === 'bootstrap'))
  }

  unicast(source: Member, target: Member, how: { readonly timeoutMs: number; readonly bytes: number }): Ticket {
    return this.simulation.unicast(source as SimNode, target as SimNode, how)
  }

  broadcast(
    source: Member,
    { bytes, topic }: { readonly bytes: number; readonly topic?: string | undefined },
  ): ReturnType<Simulation['broadcast']> {
    return this.simulation.broadcast(source as SimNode, { bytes, ...(topic !== undefined && { topic }) })
  }

  spread(): Spread {
    const { frames, presences, broadcastMs, broadcastMessages: messages } = this.simulation.stats
    const { broadcast, ihave, graft, prune, digest, topic } = frames
    const control = ihave.frames + graft.frames + prune.frames + digest.frames + topic.frames
    return {
      payloads: broadcast.frames - presences,
      control: control + presences,
      grafts: graft.frames,
      messages,
      latencies: [...broadcastMs],
    }
  }

  sent(): Sent {
    return this.simulation.traffic
  }

  /** Of those that are up: what the dead have counted is forgotten with them. */
  stalled(): number {
    let sum = 0
    for (const node of this.members) sum += meshPeerOf(node)?.router.counters.stalled ?? 0
    return sum
  }

  random(): number {
    return this.simulation.rng.unit()
  }

  figures(): Metrics {
    const { stats, violations } = this.simulation
    return {
      violations: violations.length,
      linksOpenedPerPeer: stats.linksOpened / this.members.length,
      sealRefusals: Object.values(stats.refusals).reduce((sum, count) => sum + count, 0),
    }
  }

  violations(): readonly Violation[] {
    return this.simulation.violations.map(({ atMs, ...violation }) => ({ ...violation, atMs: atMs - EPOCH_MS }))
  }

  trace(): { readonly digest: string; readonly events: number } {
    const { digest, events } = this.simulation.trace
    return { digest, events }
  }
}

/** Also of a hostile member, which is a peer like any other in all that it does not change. */
function meshPeerOf({ hostile, machine }: SimNode): MeshPeer | null {
  const inner = hostile?.inner ?? machine
  return inner instanceof MeshPeer ? inner : null
}

function createTopics(simulation: Simulation): TopicWorld {
  return {
    join: (members, topic) => members.forEach((member) => simulation.joinTopic(member as SimNode, topic)),
    leave: (members, topic) => members.forEach((member) => simulation.leaveTopic(member as SimNode, topic)),
    relays: (topic) => simulation.peers.filter((node) => topicOf(node, topic)?.isMember === false).length,
    known: (member, topic) => topicOf(member, topic)?.members.size ?? 0,
  }

  function topicOf(member: Member, topic: string): Topic | undefined {
    return meshPeerOf(member as SimNode)?.trees.topics?.get(simulation.topicId(topic))
  }
}

function createFaults(simulation: Simulation): Faults {
  const partitions: Partition[] = []
  const churns: Churn[] = []
  return {
    freeze: (members, forMs) => simulation.freeze(members as readonly SimNode[], forMs),
    partition: (groups, { isOneWay }) =>
      void partitions.push(simulation.partition(groups as readonly (readonly SimNode[])[], { isOneWay })),
    heal: () => partitions.splice(0).forEach((partition) => partition.heal()),
    churn: (model, { leaveShare = 0, replaceAfterMs = 0 }) =>
      void churns.push(simulation.churn(model, { leaveShare, replaceAfterMs })),
    stopChurn: () => churns.splice(0).forEach((churn) => churn.stop()),
    corrupt: (members, behavior) => simulation.corrupt(members as readonly SimNode[], behavior),
  }
}

function isWhole({ role, isOpen, other }: LinkEnd): boolean {
  return role === 'peer' && isOpen && other.isOpen && other.node.isUp
}
