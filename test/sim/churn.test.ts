/** Churn: the population stays, lives are as long as the model says, and it ends when told. */

import { expect, test } from 'vitest'
import { type ChurnHow, type ChurnModel, Simulation } from '../../src/sim/index.ts'
import { recorders, SEED } from './support.ts'

const PEERS = 500

function churning(model: ChurnModel, how?: ChurnHow) {
  const peers = recorders()
  const sim = new Simulation({ seed: SEED }, { peer: peers.maker, bootstrap: peers.maker })
  for (let i = 0; i < PEERS; i++) sim.addPeer()
  sim.run(1)
  return { sim, made: peers.made, churn: sim.churn(model, how) }
}

const models: readonly ChurnModel[] = [
  { kind: 'poisson', medianMs: 60_000 * Math.LN2 },
  { kind: 'weibull', shape: 0.5, meanMs: 60_000 },
]

test.each(models)('$kind: one population for another every mean life, from the first minute on', (model) => {
  const { sim, churn } = churning(model)
  for (let minute = 1; minute <= 5; minute++) {
    const before = churn.departures
    sim.run(60_000)
    expect(sim.peers.length).toBe(PEERS)
    expect((churn.departures - before) / PEERS).toBeGreaterThan(0.8)
    expect((churn.departures - before) / PEERS).toBeLessThan(1.2)
  }
  expect(churn.arrivals).toBe(churn.departures)
})

test('Weibull of shape 0.5 replaces the young over and over while the old live on', () => {
  const survivors = (model: ChurnModel): number => {
    const { sim } = churning(model)
    sim.run(180_000)
    return sim.peers.filter((peer) => peer.number < PEERS).length / PEERS
  }
  // After three means: e^−3 = 5 % of the exponential, but 1 − P(2, √6) = 30 % of what was met at random here.
  expect(survivors(models[0]!)).toBeCloseTo(0.05, 1)
  expect(survivors(models[1]!)).toBeGreaterThan(0.24)
})

test('a share of the departures says goodbye', () => {
  const { sim, made, churn } = churning(models[0]!, { leaveShare: 0.3 })
  sim.run(120_000)
  const polite = made.filter((machine) => machine.inputs('stop').length > 0).length
  expect(polite / churn.departures).toBeCloseTo(0.3, 1)
})

test('newcomers may take their time', () => {
  const { sim, churn } = churning(models[0]!, { replaceAfterMs: 10_000 })
  sim.run(120_000)
  const missing = PEERS - sim.peers.length
  expect(churn.departures - churn.arrivals).toBe(missing)
  // Ten seconds' departures out of a cycle of seventy.
  expect(missing / PEERS).toBeCloseTo(1 / 7, 1)
})

test('it ends when it is stopped, with everybody who is there', () => {
  const { sim, churn } = churning(models[0]!)
  sim.run(30_000)
  churn.stop()
  const { departures } = churn
  sim.run(600_000)
  expect([churn.departures, sim.peers.length]).toEqual([departures, PEERS])
})

test('whom the scenario has crashed is replaced when its time is over, and is no departure', () => {
  const { sim, churn } = churning(models[0]!)
  sim.crash(sim.peers)
  expect(sim.peers).toEqual([])
  sim.run(1_200_000)
  expect(sim.peers.length).toBe(PEERS)
  expect(churn.arrivals - churn.departures).toBe(PEERS)
})

test('models that make no sense are refused by name', () => {
  expect(() => churning({ kind: 'weibull', shape: 0, meanMs: 1 })).toThrow(/shape/)
  expect(() => churning({ kind: 'poisson', medianMs: -1 })).toThrow(/medianMs/)
  expect(() => churning(models[0]!, { leaveShare: 2 })).toThrow(/leaveShare/)
  expect(() => churning(models[0]!, { replaceAfterMs: 0.5 })).toThrow(/replaceAfterMs/)
})
