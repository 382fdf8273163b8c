/** What counts as lost, and how exact the figures are that a run keeps of it. */

import { describe, expect, it } from 'vitest'
import { Simulation } from '../../../src/sim/index.ts'
import { Durations } from '../../../src/sim/scenario/distribution.ts'
import { Tally } from '../../../src/sim/scenario/tally.ts'
import { SEED } from '../support.ts'

describe('a unicast that failed', () => {
  /** Two peers that never meet, and a message from one to the other. */
  const lost = () => {
    const sim = new Simulation({ seed: SEED })
    const [source, target] = [sim.addPeer(), sim.addPeer()]
    sim.run(1_000)
    const tally = new Tally()
    tally.add(sim.unicast(source, target, { timeoutMs: 2_000 }))
    return { sim, source, target, tally }
  }

  it('is lost, whoever goes down after that', () => {
    const { sim, source, target, tally } = lost()
    sim.run(3_000)
    sim.crash([source, target])
    tally.sweep({ isOver: false })
    expect(tally).toMatchObject({ failed: 1, voided: 0 })
  })

  it('is void if its target had gone down before', () => {
    const { sim, target, tally } = lost()
    sim.crash([target])
    sim.run(3_000)
    tally.sweep({ isOver: false })
    expect(tally).toMatchObject({ failed: 0, voided: 1 })
  })
})

describe('quantiles of durations', () => {
  it('are at most 2.4 % too great, never too small, and never above the greatest', () => {
    const [durations, all] = [new Durations(), Array.from({ length: 5_000 }, (_, i) => 1 + ((i * 7_919) % 30_011))]
    for (const ms of all) durations.add(ms)
    const sorted = all.toSorted((a, b) => a - b)
    for (let share = 0.01; share < 1; share += 0.01) {
      const exact = sorted[Math.ceil(share * sorted.length) - 1] as number
      expect(durations.quantile(share)).toBeGreaterThanOrEqual(exact)
      expect(durations.quantile(share)).toBeLessThanOrEqual(exact * 1.024)
    }
    expect(durations.quantile(1)).toBe(durations.max)
    expect(durations.max).toBe(sorted.at(-1))
  })

  it('of nothing are none', () => {
    expect(new Durations().quantile(0.5)).toBeNaN()
  })
})
