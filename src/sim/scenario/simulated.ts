/** The simulator as a scenario's world. */

import { Simulation, type SimulationOptions } from '../simulation.ts'
import type { LinkEnd, SimNode } from '../node.ts'
import type { Violation } from '../checkers.ts'
import type { Driver, Member, Pace, Sent, Ticket } from './driver.ts'
import type { Metrics } from './metrics.ts'

export class SimulatedWorld implements Driver {
  readonly name = 'simulator'
  readonly tickMs = 1
  readonly simulation: Simulation
  readonly #members: SimNode[] = []
  #seen = 0

  constructor(options: Partial<SimulationOptions> & { readonly seed: number }) {
    this.simulation = new Simulation(options)
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
    for (const end of (member as SimNode).ends.values()) if (isWhole(end)) yield end.other.node
  }

  entries(): readonly Member[] {
    return this.members.filter((node) => node.isUp && [...node.ends.values()].some((end) => end.role === 'bootstrap'))
  }

  unicast(source: Member, target: Member, how: { readonly timeoutMs: number; readonly bytes: number }): Ticket {
    return this.simulation.unicast(source as SimNode, target as SimNode, how)
  }

  broadcast(source: Member): ReturnType<Simulation['broadcast']> {
    return this.simulation.broadcast(source as SimNode)
  }

  sent(): Sent {
    const { stats } = this.simulation
    return { bytes: stats.bytes, heartbeatBytes: stats.frames.heartbeat.bytes }
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
    return this.simulation.violations
  }

  trace(): { readonly digest: string; readonly events: number } {
    const { digest, events } = this.simulation.trace
    return { digest, events }
  }
}

function isWhole({ role, isOpen, other }: LinkEnd): boolean {
  return role === 'peer' && isOpen && other.isOpen && other.node.isUp
}
