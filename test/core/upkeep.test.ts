/** The small parts of the neighbour manager: liveness, address book, slots. */

import { describe, expect, it } from 'vitest'
import { ADDRESS_BOOK_MAX, AddressBook, TOMBSTONE_MS } from '../../src/core/address-book.ts'
import type { Frame } from '../../src/core/frames.ts'
import { ringAround, xor } from '../../src/core/geometry.ts'
import type { LinkId, PeerId } from '../../src/core/ids.ts'
import { DEAD_MS, HEARTBEAT_MS, Liveness } from '../../src/core/liveness.ts'
import { assignSlots, belongsToRing, estimateSize, missingRing, planFor } from '../../src/core/slots.ts'
import { idFromBytes } from '../../src/wire/ids.ts'
import { at, link, peer } from './ids.ts'
import { generator } from './recorder.ts'

const T0 = 1_700_000_000_000
const later = (ms: number) => at(T0 + ms)

describe('liveness', () => {
  const watch = () => {
    const sent: { readonly link: LinkId; readonly frame: Frame }[] = []
    const liveness = new Liveness((to, frame) => void sent.push({ link: to, frame }))
    liveness.add(link(1), DEAD_MS, later(0))
    return { liveness, sent }
  }

  it('measures the round trip of a new link at once, by the echo', () => {
    const { liveness, sent } = watch()
    const [beat] = sent
    expect(beat!.frame).toMatchObject({ kind: 'heartbeat', isEcho: false })
    liveness.onHeartbeat(
      { ...(beat!.frame as Extract<Frame, { kind: 'heartbeat' }>), isEcho: true },
      link(1),
      later(37),
    )
    expect(liveness.rttMs(link(1))).toBe(37)
  })

  it('echoes what it is asked, stamp unread', () => {
    const { liveness, sent } = watch()
    liveness.onHeartbeat({ kind: 'heartbeat', isEcho: false, stamp: 4_294_967_295 }, link(1), later(5))
    expect(sent.at(-1)!.frame).toEqual({ kind: 'heartbeat', isEcho: true, stamp: 4_294_967_295 })
  })

  it('asks for a sign of life only where nothing else was sent', () => {
    const { liveness, sent } = watch()
    liveness.heard(link(1), later(HEARTBEAT_MS))
    liveness.sent(link(1), later(HEARTBEAT_MS - 1))
    liveness.tick(later(HEARTBEAT_MS))
    expect(sent).toHaveLength(1)
    liveness.tick(later(2 * HEARTBEAT_MS))
    expect(sent).toHaveLength(2)
  })

  it('asks once in two seconds, not at every look, and not where the other side has asked', () => {
    const { liveness, sent } = watch()
    for (let ms = 1_000; ms <= 4_000; ms += 1_000) {
      liveness.heard(link(1), later(ms))
      liveness.tick(later(ms))
    }
    expect(sent).toHaveLength(3)
    liveness.onHeartbeat({ kind: 'heartbeat', isEcho: false, stamp: 1 }, link(1), later(5_900))
    liveness.heard(link(1), later(6_000))
    liveness.tick(later(6_000))
    expect(sent.filter(({ frame }) => frame.kind === 'heartbeat' && !frame.isEcho)).toHaveLength(3)
  })

  it('declares a link dead after five seconds of silence, and no sooner', () => {
    const { liveness } = watch()
    expect(liveness.tick(later(DEAD_MS - 1))).toEqual([])
    expect(liveness.isSuspect(link(1), later(DEAD_MS - 1))).toBe(true)
    liveness.heard(link(1), later(DEAD_MS - 1))
    expect(liveness.tick(later(DEAD_MS + 1_000))).toEqual([])
    expect(liveness.tick(later(2 * DEAD_MS - 1))).toEqual([link(1)])
  })

  it('believes no echo of something that it never asked', () => {
    const { liveness } = watch()
    liveness.onHeartbeat({ kind: 'heartbeat', isEcho: true, stamp: 12 }, link(1), later(10))
    expect(liveness.rttMs(link(1))).toBeNull()
  })
})

describe('the address book', () => {
  it('never holds more than its bound, and forgets the oldest first', () => {
    const book = new AddressBook(peer('s'))
    const ids = manyIds(1_000, 5)
    for (const id of ids) book.learn(id, peer('v'), later(0))
    expect(book.size).toBe(ADDRESS_BOOK_MAX)
    expect(book.get(ids.at(-1)!)).toBeDefined()
    expect(book.get(ids[0]!)).toBeUndefined()
  })

  it('does not learn of ourselves, nor of the recently dead, by gossip', () => {
    const book = new AddressBook(peer('s'))
    expect(book.learn(peer('s'), peer('v'), later(0))).toBe(false)
    book.bury(peer('d'), later(0))
    expect(book.learn(peer('d'), peer('v'), later(TOMBSTONE_MS - 1))).toBe(false)
    expect(book.learn(peer('d'), peer('v'), later(TOMBSTONE_MS))).toBe(true)
  })

  it('takes a peer that shows up itself out of its grave', () => {
    const book = new AddressBook(peer('s'))
    book.bury(peer('d'), later(0))
    book.met(peer('d'))
    expect(book.dialable(later(1))).toEqual([peer('d')])
  })

  it('waits longer after each failure, and gives up after six until somebody names the peer again', () => {
    const book = new AddressBook(peer('s'))
    book.learn(peer('x'), peer('v'), later(0))
    const pauses: number[] = []
    for (let i = 0; i < 5; i++) {
      book.failed(peer('x'), later(0), 0.5)
      pauses.push(book.get(peer('x'))!.retryAt - T0)
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 32_000])
    book.failed(peer('x'), later(0), 0.5)
    expect(book.get(peer('x'))).toBeUndefined()
    expect(book.learn(peer('x'), peer('v'), later(1))).toBe(true)
  })

  it('keeps its tombstones within bounds', () => {
    const book = new AddressBook(peer('s'))
    for (const id of manyIds(5_000, 6)) book.bury(id, later(0))
    const { size, max } = book.collections['tombstones']!
    expect(size).toBeLessThanOrEqual(max)
  })
})

describe('slots', () => {
  const self = peer('a')
  const at_ = { self, geometry: xor }

  it('scale with the cap: an eighth on either side of the ring, four at most', () => {
    expect([6, 8, 16, 32, 48].map((max) => planFor(max).ringSide)).toEqual([1, 1, 2, 4, 4])
  })

  it('go to the ring first, then to one peer for each bucket that the ring leaves empty, the longest-standing', () => {
    const ring = [peer('b'), peer('7')]
    const [first, second] = [peer('q'), peer('r')]
    const slots = assignSlots(at_, [first, second, ...ring, peer('i')], { ringSide: 1, randomMax: 1, softMax: 9 })
    expect(ring.map((id) => slots.get(id))).toEqual(['ring', 'ring'])
    // '7' is our predecessor and lies in bucket 0, as do 'q' and 'r': that bucket is filled.
    expect(slots.get(peer('i'))).toBe('bucket')
    expect(slots.get(first)).toBe('random')
    expect(slots.get(second)).toBeUndefined()
  })

  it('name the ring neighbours that we lack', () => {
    expect(missingRing(self, [peer('d'), peer('5')], [peer('c'), peer('e'), peer('6')], 1)).toEqual([
      peer('c'),
      peer('6'),
    ])
    expect(missingRing(self, [peer('c'), peer('6')], [peer('d'), peer('5')], 1)).toEqual([])
    expect(belongsToRing(self, [peer('d'), peer('5')], peer('c'), 1)).toBe(true)
    expect(belongsToRing(self, [peer('b'), peer('7')], peer('c'), 1)).toBe(false)
  })

  it('know about how many peers there are from the density of the ring', () => {
    for (const count of [100, 1_000, 10_000]) {
      const ids = manyIds(count, count)
      // Each knows only a few on either side.
      const estimates = ids.slice(0, 100).map((id) => estimateSize(id, ringAround(id, ids, 6), 4))
      const median = estimates.toSorted((a, b) => a - b)[50]!
      expect(median / count).toBeGreaterThan(0.7)
      expect(median / count).toBeLessThan(1.4)
    }
  })

  it('count what is there while there is little', () => {
    expect(estimateSize(self, new Set([peer('b'), peer('c')]), 4)).toBe(3)
  })
})

function manyIds(count: number, seed: number): PeerId[] {
  const random = generator(seed)
  return Array.from({ length: count }, () => idFromBytes<PeerId>(Uint8Array.from({ length: 32 }, () => random() & 255)))
}
