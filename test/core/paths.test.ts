import { describe, expect, it } from 'vitest'
import type { UnicastFrame } from '../../src/core/frames.ts'
import type { PeerId } from '../../src/core/ids.ts'
import { Paths } from '../../src/core/paths.ts'
import { at, link, message, peer } from './ids.ts'

const NOW = at(1_000)
const target = (number: number): PeerId => peer(`${number}`)
const frame = (number: number, attempt = 0): UnicastFrame => ({
  kind: 'unicast',
  hopLimit: 30 - (number % 7),
  hops: number % 5,
  attempt,
  viaBootstrap: number % 3 === 0,
  id: message(`m${number}x`),
  target: target(number),
  body: { byteLength: 1 },
})

describe('the paths of messages', () => {
  it('are kept apart, however many there are and however often each turned back', () => {
    const paths = new Paths({ max: 10_000, keepMs: 60_000 })
    for (let i = 0; i < 1_000; i++) {
      const path = paths.open(frame(i), i === 0 ? null : link(i), NOW)
      for (let hop = 0; hop < i % 11; hop++) path.pass(link(2_000 + i + hop), 20 - hop)
      if (i % 4 === 0) path.retire()
    }
    for (let i = 0; i < 1_000; i++) {
      const path = paths.get(frame(i))!
      const count = i % 11
      const { previous, hops, viaBootstrap, tries, next, hopLimit } = path
      expect({ previous, hops, viaBootstrap, tries, next, hopLimit }).toEqual({
        previous: i === 0 ? null : i,
        hops: i % 5,
        viaBootstrap: i % 3 === 0,
        tries: count,
        next: count === 0 || i % 4 === 0 ? null : 2_000 + i + count - 1,
        hopLimit: count === 0 ? 30 - (i % 7) : 21 - count,
      })
      expect(Array.from({ length: 12 }, (_, hop) => path.had(link(2_000 + i + hop)))).toEqual(
        Array.from({ length: 12 }, (_, hop) => hop < count),
      )
    }
  })

  it('know where their frame wants to go, and each attempt has its own', () => {
    const paths = new Paths({ max: 100, keepMs: 60_000 })
    const [first, second] = [paths.open(frame(1), link(1), NOW), paths.open(frame(1, 1), link(2), NOW)]
    second.pass(link(9), 5)
    expect(first.leadsTo(target(1))).toBe(true)
    expect(first.leadsTo(target(2))).toBe(false)
    expect(paths.get(frame(1))?.next).toBe(null)
    expect(paths.get(frame(1, 1))?.next).toBe(9)
    expect(paths.get(frame(1, 2))).toBe(undefined)
  })

  it('never exceed their bound: when full, the older half is forgotten', () => {
    const paths = new Paths({ max: 100, keepMs: 60_000 })
    for (let i = 0; i < 1_000; i++) {
      paths.open(frame(i), link(1), NOW)
      expect(paths.size).toBeLessThanOrEqual(100)
    }
    expect(paths.get(frame(999))?.previous).toBe(1)
    expect(paths.get(frame(949))?.previous).toBe(1)
    expect(paths.get(frame(800))).toBe(undefined)
  })

  it('are kept for two minutes at most, and hold for whoever has one in hand', () => {
    const paths = new Paths({ max: 100, keepMs: 60_000 })
    const path = paths.open(frame(1), link(1), NOW)
    paths.rotate(at(NOW + 59_000))
    expect(paths.get(frame(1))?.previous).toBe(1)
    paths.rotate(at(NOW + 121_000))
    expect(paths.size).toBe(0)
    path.pass(link(2), 7)
    expect([path.previous, path.next, path.hopLimit]).toEqual([1, 2, 7])
  })
})
