/** The source of all randomness: repeatable, independent, and not visibly biased. */

import { expect, test } from 'vitest'
import { Rng } from '../../src/sim/index.ts'
import { SEED } from './support.ts'

const draws = (rng: Rng, count: number): number[] => Array.from({ length: count }, () => rng.next())

test('the same seed draws the same numbers, another seed others', () => {
  expect(draws(new Rng(SEED), 100)).toEqual(draws(new Rng(SEED), 100))
  expect(draws(new Rng(SEED), 100)).not.toEqual(draws(new Rng(SEED + 1), 100))
})

test('streams of one seed are independent, and asking for one draws nothing', () => {
  const rng = new Rng(SEED)
  const before = rng.stream(1)
  draws(rng, 10)
  expect(draws(rng.stream(1), 10)).toEqual(draws(before, 10))
  expect(new Set(Array.from({ length: 10_000 }, (_, stream) => rng.stream(stream).next())).size).toBeGreaterThan(9_990)
})

test('neighbouring seeds and streams share no pattern in their first draws', () => {
  // Mean of each of the 32 bits over 4,096 near seeds: 4 sigma is 0.031.
  const firsts = Array.from({ length: 4_096 }, (_, i) => new Rng(SEED + (i >> 6), i & 63).next())
  for (let bit = 0; bit < 32; bit++) {
    const mean = firsts.filter((value) => (value >>> bit) & 1).length / firsts.length
    expect(Math.abs(mean - 0.5), `bit ${bit}, seed ${SEED}`).toBeLessThan(0.035)
  }
})

test('shuffle keeps every item once and moves them', () => {
  const items = Array.from({ length: 100 }, (_, i) => i)
  const shuffled = new Rng(SEED).shuffle(items)
  expect(shuffled.toSorted((a, b) => a - b)).toEqual(items)
  expect(shuffled).not.toEqual(items)
})

test('pick reaches every item about equally often and refuses an empty list', () => {
  const rng = new Rng(SEED)
  const counts = [0, 0, 0, 0, 0]
  for (let i = 0; i < 10_000; i++) counts[rng.pick([0, 1, 2, 3, 4])]!++
  for (const count of counts) expect(Math.abs(count - 2_000), `seed ${SEED}`).toBeLessThan(200)
  expect(() => rng.pick([])).toThrow(RangeError)
})

test('uniform and exponential draws have the mean they promise', () => {
  const rng = new Rng(SEED)
  const mean = (draw: () => number) =>
    Array.from({ length: 20_000 }, draw).reduce((sum, value) => sum + value, 0) / 20_000
  expect(Math.abs(mean(() => rng.uniform(10, 50)) - 30), `seed ${SEED}`).toBeLessThan(0.4)
  expect(Math.abs(mean(() => rng.exponential(8)) - 8), `seed ${SEED}`).toBeLessThan(0.25)
})
