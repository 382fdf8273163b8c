/** Latency distributions: what they promise, pair by pair. */

import { describe, expect, test } from 'vitest'
import { type Latency, Rng } from '../../src/sim/index.ts'
import { gamma, weibull, weibullRest } from '../../src/sim/distributions.ts'
import { LatencyModel } from '../../src/sim/latency.ts'
import { SEED } from './support.ts'

const PEERS = 200

function basesOf(latency: Latency): number[] {
  const model = new LatencyModel({ latency, jitter: 0 }, new Rng(SEED))
  return pairs().map(([a, b]) => model.baseMs(a, b))
}

const pairs = (): [number, number][] =>
  Array.from({ length: PEERS }, (_, a) => Array.from({ length: a }, (_unused, b): [number, number] => [a, b])).flat()

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b)
const quantile = (values: readonly number[], share: number): number =>
  sorted(values)[Math.floor(share * values.length)]!

test('constant: every pair takes as long', () => {
  expect(new Set(basesOf({ kind: 'constant', ms: 7 }))).toEqual(new Set([7]))
})

test('uniform: all of the span, evenly, and nothing outside', () => {
  const bases = basesOf({ kind: 'uniform', minMs: 10, maxMs: 50 })
  expect(quantile(bases, 0)).toBeGreaterThanOrEqual(10)
  expect(quantile(bases, 0.9999)).toBeLessThan(50)
  for (const share of [0.1, 0.5, 0.9]) expect(Math.abs(quantile(bases, share) - (10 + 40 * share))).toBeLessThan(1)
})

test('lognormal: the median, the spread and the bound, in whole milliseconds', () => {
  const bases = basesOf({ kind: 'lognormal', medianMs: 40, sigma: 0.5, maxMs: 150 })
  expect(Math.abs(quantile(bases, 0.5) - 40)).toBeLessThanOrEqual(1)
  // One sigma above the median: 84.1 % lie below 40·e^0.5 = 65.9.
  expect(Math.abs(quantile(bases, 0.841) - 65.9)).toBeLessThan(2)
  expect(quantile(bases, 0.99999)).toBe(150)
  expect(bases.every(Number.isInteger)).toBe(true)
})

test('lognormal: pairs of one peer with two neighbouring numbers have nothing to do with each other', () => {
  const latency: Latency = { kind: 'lognormal', medianMs: 1_000, sigma: 0.5, maxMs: 1e9 }
  for (let seed = 1; seed <= 4; seed++) {
    const model = new LatencyModel({ latency, jitter: 0 }, new Rng(seed))
    /** How far from the median, without its sign: its square less the variance. */
    const spreadOf = (a: number, b: number): number => Math.log(model.baseMs(a, b) / 1_000) ** 2 - 0.25
    const rows = Array.from({ length: 20_000 }, (_, i) => {
      const [even, other] = [2 * (i % 100), 300 + Math.floor(i / 100)]
      return [spreadOf(even, other), spreadOf(even + 1, other)] as const
    })
    const sumOf = (product: (x: number, y: number) => number): number =>
      rows.reduce((sum, [x, y]) => sum + product(x, y), 0)
    const correlation = sumOf((x, y) => x * y) / Math.sqrt(sumOf((x) => x * x) * sumOf((_, y) => y * y))
    expect(Math.abs(correlation)).toBeLessThan(0.05)
  }
})

describe('coordinates', () => {
  const latency: Latency = { kind: 'coordinates', regions: 4, spanMs: 120, regionMs: 10, accessMs: [2, 12] }
  const model = new LatencyModel({ latency, jitter: 0 }, new Rng(SEED))

  test('no detour is shorter than the direct way', () => {
    const rng = new Rng(SEED, 2)
    for (let i = 0; i < 20_000; i++) {
      const [a, b, c] = [rng.below(PEERS), rng.below(PEERS), rng.below(PEERS)]
      if (a === b || b === c || a === c) continue
      expect(model.baseMs(a, c)).toBeLessThanOrEqual(model.baseMs(a, b) + model.baseMs(b, c))
    }
  })

  test('peers of one region are near each other, those of different regions are not', () => {
    const regionOf = (peer: number): number => model.placeOf(peer)!.region
    expect(new Set(Array.from({ length: PEERS }, (_, i) => regionOf(i))).size).toBe(4)
    const [near, far]: number[][] = [[], []]
    for (const [a, b] of pairs()) (regionOf(a) === regionOf(b) ? near! : far!).push(model.baseMs(a, b))
    // The region's diagonal and two last miles.
    expect(Math.max(...near!)).toBeLessThanOrEqual(10 * Math.SQRT2 + 24)
    expect(quantile(far!, 0.5)).toBeGreaterThan(2 * quantile(near!, 0.5))
  })
})

test('only worlds with coordinates have places', () => {
  expect(new LatencyModel({ latency: { kind: 'constant', ms: 1 }, jitter: 0 }, new Rng(SEED)).placeOf(1)).toBeNull()
})

describe('lifetimes', () => {
  const DRAWS = 100_000
  const mean = (draw: () => number): number => Array.from({ length: DRAWS }, draw).reduce((a, b) => a + b) / DRAWS

  test('the gamma function', () => {
    const known = [
      [1, 1],
      [1.5, Math.sqrt(Math.PI) / 2],
      [3, 2],
      [6, 120],
    ] as const
    for (const [x, value] of known) expect(gamma(x)).toBeCloseTo(value, 10)
  })

  test.each([0.5, 1, 2])('Weibull of shape %d has the mean that was asked for', (shape) => {
    const rng = new Rng(SEED)
    expect(mean(() => weibull(rng, { shape, mean: 1_000 })) / 1_000).toBeCloseTo(1, 1)
  })

  test('what is left of a life met at random: three means at shape 0.5, one when lives have no memory', () => {
    const rng = new Rng(SEED)
    // E[X²] / 2E[X]: 24/4 = 6 scales, and the mean is 2 scales.
    expect(mean(() => weibullRest(rng, { shape: 0.5, mean: 1 }))).toBeCloseTo(3, 0)
    expect(mean(() => weibullRest(rng, { shape: 1, mean: 1 }))).toBeCloseTo(1, 1)
  })
})
