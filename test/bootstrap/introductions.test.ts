/** Who is introduced to whom, and who is asked to stay. */

import { describe, expect, test } from 'vitest'
import type { Instant, LinkId, PeerId } from '../../src/core/ids.ts'
import { INTRODUCTIONS, Introductions } from '../../bootstrap/introductions.ts'

const SEED = Number(process.env['SEED'] ?? 1)
const at = (ms: number): Instant => ms as Instant
const link = (number: number): LinkId => number as LinkId
const peer = (number: number): PeerId => `peer${number}` as PeerId

/** mulberry32: enough for a test, and the same on every run. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
}

const create = () => new Introductions(INTRODUCTIONS, randomFrom(SEED))

/** Visitors `first` … `last`, one a second, with the same purpose. */
function arriveAll(introductions: Introductions, range: [number, number], purpose: 'join' | 'visit' = 'join') {
  const frames = []
  for (let i = range[0]; i <= range[1]; i++) {
    frames.push(introductions.arrive({ link: link(i), peer: peer(i), purpose }, at(i * 1000)))
  }
  return frames
}

test('the first newcomer is told nobody and asked to stay', () => {
  const [frame] = arriveAll(create(), [1, 1])
  expect(frame).toEqual({ kind: 'introduction', entries: [], leaseMs: 60_000 })
})

test('the second is told the first, later ones three different entries and never themselves', () => {
  const frames = arriveAll(create(), [1, 40])
  expect(frames[1]!.entries).toEqual([peer(1)])
  for (const [index, { entries }] of frames.entries()) {
    expect(new Set(entries).size).toBe(Math.min(index, 3))
    expect(entries).not.toContain(peer(index + 1))
  }
})

test('entries come from the oldest, middle and newest third of the pool', () => {
  const introductions = create()
  arriveAll(introductions, [1, 15])
  for (let i = 100; i < 150; i++) {
    const { entries } = introductions.arrive({ link: link(1000), peer: peer(i), purpose: 'join' }, at(20_000))
    introductions.leave(link(1000))
    const numbers = entries.map((entry) => Number(entry.slice(4)))
    expect(numbers.map((number) => Math.ceil(number / 5))).toEqual([1, 2, 3])
  }
})

test('below the low water of 16 everybody is asked to serve, above it no newcomer is', () => {
  const leases = arriveAll(create(), [1, 20]).map((frame) => frame.leaseMs)
  expect(leases).toEqual([...Array<number>(16).fill(60_000), 0, 0, 0, 0])
})

test('visitors by lottery are asked up to twice the low water, which is the bound of the pool', () => {
  const introductions = create()
  const leases = arriveAll(introductions, [1, 1000], 'visit').map((frame) => frame.leaseMs)
  expect(leases.filter((lease) => lease > 0)).toHaveLength(32)
  expect(introductions.size).toEqual({ size: 32, max: 32 })
})

test('at the low water leases are renewed for as long as entries stay', () => {
  const introductions = create()
  arriveAll(introductions, [1, 16])
  for (let second = 20; second < 600; second += 5) {
    expect(introductions.tick(at(second * 1000)).expired).toEqual([])
  }
  expect(introductions.size.size).toBe(16)
})

test('above the low water the oldest leases run out, until it is reached', () => {
  const introductions = create()
  arriveAll(introductions, [1, 24], 'visit')
  const expired: LinkId[] = []
  for (let second = 25; second < 200; second += 5) expired.push(...introductions.tick(at(second * 1000)).expired)
  expect(expired).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect(introductions.size.size).toBe(16)
})

test('a lease that has run out is named to nobody, even before the next tick', () => {
  const introductions = create()
  arriveAll(introductions, [1, 1])
  const { entries } = introductions.arrive({ link: link(2), peer: peer(2), purpose: 'join' }, at(61_000))
  expect(entries).toEqual([])
})

test('a renewal names others and lasts as long as a first lease; who has left gets none', () => {
  const introductions = create()
  arriveAll(introductions, [1, 3])
  expect(introductions.renewal(link(2), at(5_000))).toMatchObject({ entries: [peer(1), peer(3)], leaseMs: 60_000 })
  introductions.leave(link(2))
  expect(introductions.isEntry(link(2))).toBe(false)
  expect(introductions.renewal(link(2), at(5_000))).toBe(null)
})

describe('after the loss of all entries', () => {
  test('the pool is full again with the next 16 visitors', () => {
    const introductions = create()
    arriveAll(introductions, [1, 16])
    for (let i = 1; i <= 16; i++) introductions.leave(link(i))
    const frames = arriveAll(introductions, [17, 33], 'visit')
    expect(frames[0]!.entries).toEqual([])
    expect(introductions.size.size).toBeGreaterThanOrEqual(16)
    expect(frames.at(-1)!.entries).toHaveLength(3)
  })
})
