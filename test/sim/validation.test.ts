/** Options out of their range are refused before anything runs, by name. */

import { expect, test } from 'vitest'
import { Simulation, type SimulationOptions } from '../../src/sim/index.ts'
import { SEED } from './support.ts'

const refused: readonly (readonly [string, Partial<SimulationOptions>])[] = [
  ['seed', { seed: 1.5 }],
  ['lossRate', { lossRate: 1.1 }],
  ['lossRate', { lossRate: Number.NaN }],
  ['duplicationRate', { duplicationRate: -0.1 }],
  ['reorderMs', { reorderMs: 0.5 }],
  ['bytesPerSecond', { bytesPerSecond: 0 }],
  ['bufferBytesMax', { bufferBytesMax: -1 }],
  ['jitter', { jitter: -1 }],
  ['cryptoMs', { cryptoMs: [3, 1] }],
  ['describeMs', { describeMs: [0.5, 1] }],
  ['linksMax', { linksMax: 0 }],
  ['sampleMs', { sampleMs: 0 }],
  ['nat.symmetricShare', { nat: { symmetricShare: 2, blockedPairShare: 0 } }],
  ['nat.blockedPairShare', { nat: { symmetricShare: 0, blockedPairShare: -1 } }],
  ['latency.ms', { latency: { kind: 'constant', ms: -1 } }],
  ['latency.minMs', { latency: { kind: 'uniform', minMs: 50, maxMs: 10 } }],
  ['latency.maxMs', { latency: { kind: 'lognormal', medianMs: 50, sigma: 1, maxMs: 40 } }],
  ['latency.sigma', { latency: { kind: 'lognormal', medianMs: 50, sigma: -1, maxMs: 400 } }],
  ['latency.regions', { latency: { kind: 'coordinates', regions: 0, spanMs: 1, regionMs: 1, accessMs: [0, 1] } }],
  ['latency.accessMs', { latency: { kind: 'coordinates', regions: 1, spanMs: 1, regionMs: 1, accessMs: [2, 1] } }],
  ['latency.kind', { latency: { kind: 'none' } as never }],
]

test.each(refused)('%s: %o', (name, options) => {
  expect(() => new Simulation({ seed: SEED, ...options })).toThrow(RangeError)
  expect(() => new Simulation({ seed: SEED, ...options })).toThrow(name)
})

test('the bounds themselves are fine', () => {
  const options: Partial<SimulationOptions> = {
    lossRate: 1,
    duplicationRate: 0,
    reorderMs: 0,
    bytesPerSecond: 1,
    bufferBytesMax: 0,
    jitter: 0,
    cryptoMs: [0, 0],
    latency: { kind: 'constant', ms: 0 },
    nat: { symmetricShare: 1, blockedPairShare: 1 },
  }
  expect(new Simulation({ seed: -5, ...options }).options).toMatchObject(options)
})

test('verbs refuse likewise', () => {
  const sim = new Simulation({ seed: SEED })
  expect(() => sim.freeze([], 0)).toThrow(/forMs/)
  expect(() => sim.partitionShare(1.5)).toThrow(/share/)
})
