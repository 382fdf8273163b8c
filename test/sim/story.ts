/**
 * A short life in a hard world, told by options and verbs that each touch one feature of the simulator, so that a trace
 * tells whether that feature repeats itself. The same story runs in Node and in Chromium.
 */

import { type Behavior, Simulation, type SimulationOptions } from '../../src/sim/index.ts'

export interface Chapter {
  readonly options?: Partial<SimulationOptions>
  /** What happens once the mesh stands. */
  readonly happens?: (sim: Simulation) => void
}

const corrupt = (behavior: Behavior): Chapter => ({
  happens: (sim) => sim.corrupt(sim.rng.shuffle(sim.peers).slice(0, 5), behavior),
})

/** One for each feature. */
export const CHAPTERS: Readonly<Record<string, Chapter>> = {
  plain: {},
  lognormal: { options: { latency: { kind: 'lognormal', medianMs: 30, sigma: 0.6, maxMs: 300 } } },
  coordinates: {
    options: { latency: { kind: 'coordinates', regions: 3, spanMs: 80, regionMs: 10, accessMs: [1, 8] } },
  },
  loss: { options: { lossRate: 0.05 } },
  duplication: { options: { duplicationRate: 0.05 } },
  reordering: { options: { reorderMs: 50 } },
  bandwidth: { options: { bytesPerSecond: 20_000 } },
  nat: { options: { nat: { symmetricShare: 0.2, blockedPairShare: 0.1 } } },
  freeze: { happens: (sim) => sim.freeze(sim.rng.shuffle(sim.peers).slice(0, 5), 8_000) },
  partition: {
    happens: (sim) => {
      const partition = sim.partitionShare(0.3)
      sim.run(10_000)
      partition.heal()
    },
  },
  'one-way partition': { happens: (sim) => void sim.partitionShare(0.3, { isOneWay: true }) },
  churn: {
    happens: (sim) => void sim.churn({ kind: 'weibull', shape: 0.5, meanMs: 30_000 }, { leaveShare: 0.5 }),
  },
  bootstraps: {
    happens: (sim) => {
      sim.addBootstrap()
      sim.killBootstrap(sim.network.bootstraps.slice(0, 1))
      sim.addPeers(5, { withinMs: 1_000 })
    },
  },
  silentDropper: corrupt('silentDropper'),
  misrouter: corrupt('misrouter'),
  ackForger: corrupt('ackForger'),
  idFlooder: corrupt('idFlooder'),
  freeRider: corrupt('freeRider'),
}

/** Joins, the chapter, some talk. Violations are not what this is about. */
export function tell(chapter: Chapter, run: { readonly seed: number; readonly peers: number }): Simulation {
  const sim = new Simulation({ isStrict: false, ...chapter.options, seed: run.seed })
  sim.addBootstrap()
  sim.addPeers(run.peers, { withinMs: 1_000 })
  sim.run(10_000)
  chapter.happens?.(sim)
  for (let i = 0; i < 50; i++) {
    sim.unicast(sim.rng.pick(sim.peers), sim.rng.pick(sim.peers))
    sim.run(10)
  }
  sim.broadcast(sim.rng.pick(sim.peers))
  sim.run(10_000)
  return sim
}
