import { describe, expect, it } from 'vitest'
import { RecentMap, evictOldest } from '../../src/core/bounded.ts'
import { createBucket, take } from '../../src/core/budget.ts'
import { at } from './ids.ts'

describe('a recent map', () => {
  it('never holds more than its bound, however much is put in', () => {
    const map = new RecentMap<number, number>({ max: 100, keepMs: 1_000 })
    for (let i = 0; i < 10_000; i++) {
      map.set(i, i, at(0))
      expect(map.size).toBeLessThanOrEqual(100)
    }
    expect(map.get(9_999)).toBe(9_999)
    expect(map.has(9_899)).toBe(false)
  })

  it('keeps at least half its bound of the newest entries', () => {
    const map = new RecentMap<number, number>({ max: 100, keepMs: 1_000 })
    for (let i = 0; i < 1_000; i++) map.set(i, i, at(0))
    for (let i = 951; i < 1_000; i++) expect(map.has(i)).toBe(true)
  })

  it('keeps an entry for the promised time, and forgets it within twice that', () => {
    const map = new RecentMap<string, true>({ max: 100, keepMs: 1_000 })
    map.rotate(at(5_000))
    map.set('early', true, at(5_000))
    map.rotate(at(5_999))
    expect(map.has('early')).toBe(true)
    map.rotate(at(6_000))
    expect(map.has('early')).toBe(true)
    map.rotate(at(7_000))
    expect(map.has('early')).toBe(false)
  })

  it('is empty after a long silence', () => {
    const map = new RecentMap<string, true>({ max: 100, keepMs: 1_000 })
    map.set('old', true, at(1_000))
    map.rotate(at(60_000))
    expect(map.size).toBe(0)
  })

  it('lets go of a deleted entry in both halves', () => {
    const map = new RecentMap<string, number>({ max: 100, keepMs: 1_000 })
    map.set('x', 1, at(1_000))
    map.rotate(at(2_000))
    map.set('x', 2, at(2_000))
    expect(map.size).toBe(1)
    map.delete('x')
    expect(map.has('x')).toBe(false)
  })
})

describe('evicting the oldest', () => {
  it('makes room for exactly one more', () => {
    const map = new Map([1, 2, 3, 4, 5].map((key) => [key, true]))
    evictOldest(map, 3)
    expect([...map.keys()]).toEqual([4, 5])
  })
})

describe('a token bucket', () => {
  const rate = { perSecond: 10, burst: 20 }

  it('gives its burst at once and then no more than its rate', () => {
    const bucket = createBucket(rate, at(0))
    let taken = 0
    for (let ms = 0; ms <= 1_000; ms += 10) {
      for (let i = 0; i < 5; i++) if (take(bucket, rate, { amount: 1, now: at(ms) })) taken++
    }
    expect(taken).toBeGreaterThanOrEqual(29)
    expect(taken).toBeLessThanOrEqual(30)
  })

  it('that has rested holds one burst, not two', () => {
    const bucket = createBucket(rate, at(0))
    take(bucket, rate, { amount: 15, now: at(0) })
    let taken = 0
    while (take(bucket, rate, { amount: 1, now: at(60_000) })) taken++
    expect(taken).toBe(20)
  })

  it('is not emptied by a clock that jumps back', () => {
    const bucket = createBucket(rate, at(10_000))
    expect(take(bucket, rate, { amount: 20, now: at(10_000) })).toBe(true)
    expect(take(bucket, rate, { amount: 1, now: at(5_000) })).toBe(false)
    expect(take(bucket, rate, { amount: 1, now: at(6_000) })).toBe(true)
  })
})
