/** What the steps of a scenario act on: the driver, its clock, who survived and who lies, and random choices. */

import { largestComponentOf } from './graph.ts'
import type { Clock } from './clock.ts'
import type { Driver, Member } from './driver.ts'
import type { Traffic } from './schema.ts'
import { Tally } from './tally.ts'

/** How many, as a step says it. */
export interface Some {
  readonly count?: number | undefined
  readonly share?: number | undefined
}

export class Stage {
  readonly driver: Driver
  readonly clock: Clock
  /** Everything that was sent in the run. */
  readonly tally = new Tally()
  /** Peers that lie; honest ones never know. */
  readonly corrupted = new Set<Member>()
  /** Who was told to join which topic. */
  readonly topics = new Map<string, Set<Member>>()
  /** Peers that were up right after the last crash; null before any. */
  survivors: ReadonlySet<Member> | null = null

  constructor(driver: Driver, clock: Clock) {
    this.driver = driver
    this.clock = clock
  }

  /** Closes the books. */
  async finish(isWhole: boolean): Promise<void> {
    if (isWhole) await this.clock.finish()
  }

  /** Peers that may talk: up, ready, of this group, and in that topic. */
  candidates(group: Traffic['among'], topic?: string): readonly Member[] {
    const candidates = this.#candidates(group)
    return topic === undefined ? candidates : candidates.filter((member) => this.topics.get(topic)?.has(member))
  }

  #candidates(group: Traffic['among']): readonly Member[] {
    const up = this.clock.up.filter((member) => member.isUp && member.readyAt > 0)
    if (group === 'connected') return largestComponentOf(this.driver, up)
    return up.filter((member) => this.#isOf(group, member))
  }

  #isOf(group: Exclude<Traffic['among'], 'connected'>, member: Member): boolean {
    switch (group) {
      case 'all':
        return true
      case 'honest':
        return !this.corrupted.has(member)
      case 'survivors':
        return this.survivors === null || this.survivors.has(member)
    }
  }

  /** A random choice of these. */
  choose(from: readonly Member[], { count, share = 1 }: Some): Member[] {
    const wanted = Math.min(from.length, count ?? Math.round(share * from.length))
    const pool = [...from]
    for (let i = 0; i < wanted; i++) {
      const j = i + this.below(pool.length - i)
      const held = pool[i] as Member
      pool[i] = pool[j] as Member
      pool[j] = held
    }
    return pool.slice(0, wanted)
  }

  /** All of these in random groups of these shares. */
  divide(members: readonly Member[], shares: readonly number[]): Member[][] {
    const shuffled = this.choose(members, { share: 1 })
    let passed = 0
    return shares.map((share) => {
      const from = Math.round(passed * shuffled.length)
      passed += share
      return shuffled.slice(from, Math.round(passed * shuffled.length))
    })
  }

  /** Two different ones; null if there are not. */
  pair(from: readonly Member[]): readonly [Member, Member] | null {
    if (from.length < 2) return null
    const source = this.below(from.length)
    const target = (source + 1 + this.below(from.length - 1)) % from.length
    return [from[source] as Member, from[target] as Member]
  }

  below(bound: number): number {
    return Math.floor(this.driver.random() * bound)
  }
}
