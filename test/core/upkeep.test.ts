/** The small parts of the neighbour manager: liveness, address book, slots. */

import { describe, expect, it } from 'vitest'
import { ADDRESS_BOOK_MAX, AddressBook, TOMBSTONE_MS } from '../../src/core/address-book.ts'
import type { Frame } from '../../src/core/frames.ts'
import { pointOf, ringArc, xor } from '../../src/core/geometry.ts'
import type { LinkId, PeerId } from '../../src/core/ids.ts'
import type { TimerToken } from '../../src/core/io.ts'
import { DEAD_MS, HEARTBEAT_MS, Liveness, type Pulse, isStalled, isSuspect } from '../../src/core/liveness.ts'
import { assignSlots, estimateSize, type Placed, planFor } from '../../src/core/slots.ts'
import { idFromBytes } from '../../src/wire/ids.ts'
import { at, link, peer } from './ids.ts'
import { generator } from './recorder.ts'

const T0 = 1_700_000_000_000
const later = (ms: number) => at(T0 + ms)

describe('liveness', () => {
  const watch = () => {
    const sent: { readonly link: LinkId; readonly frame: Frame }[] = []
    const timers: { readonly token: TimerToken; readonly delayMs: number }[] = []
    const io = {
      send: (to: LinkId, frame: Frame) => void sent.push({ link: to, frame }),
      schedule: (token: TimerToken, delayMs: number) => void timers.push({ token, delayMs }),
    }
    const liveness = new Liveness(io)
    const pulse: Pulse = {
      link: link(1),
      deadMs: 0,
      heardAt: later(0),
      beatAt: later(0),
      askedAt: 0,
      hasRoom: false,
      roundTrip: null,
    }
    liveness.watch(pulse, DEAD_MS, later(0))
    const hear = (ms: number): void => void (pulse.heardAt = later(ms))
    return { liveness, pulse, hear, sent, timers }
  }

  it('measures the round trip of a new link at once, by the echo', () => {
    const { liveness, pulse, sent } = watch()
    const [beat] = sent
    expect(beat!.frame).toMatchObject({ kind: 'heartbeat', isEcho: false })
    liveness.onHeartbeat({ ...(beat!.frame as Extract<Frame, { kind: 'heartbeat' }>), isEcho: true }, pulse, later(37))
    expect(pulse.roundTrip?.ms).toBe(37)
  })

  it('says whether there is room for another link', () => {
    const { liveness, pulse, sent } = watch()
    const echo = (): unknown => {
      liveness.onHeartbeat({ kind: 'heartbeat', isEcho: false, hasRoom: true, stamp: 1 }, pulse, later(5))
      return sent.at(-1)!.frame
    }
    expect(echo()).toMatchObject({ hasRoom: true })
    liveness.hasRoom = false
    expect(echo()).toMatchObject({ hasRoom: false })
  })

  it('echoes what it is asked, stamp unread', () => {
    const { liveness, pulse, sent } = watch()
    liveness.onHeartbeat({ kind: 'heartbeat', isEcho: false, hasRoom: true, stamp: 4_294_967_295 }, pulse, later(5))
    expect(sent.at(-1)!.frame).toEqual({ kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 4_294_967_295 })
  })

  it('beats every two seconds, unless it has just echoed the beat of the other side', () => {
    const { liveness, pulse, hear, sent } = watch()
    hear(HEARTBEAT_MS)
    liveness.tick(later(HEARTBEAT_MS - 1))
    expect(sent).toHaveLength(1)
    liveness.tick(later(HEARTBEAT_MS))
    expect(sent).toHaveLength(2)
    liveness.onHeartbeat(
      { kind: 'heartbeat', isEcho: false, hasRoom: true, stamp: 1 },
      pulse,
      later(2 * HEARTBEAT_MS - 1),
    )
    hear(2 * HEARTBEAT_MS)
    liveness.tick(later(2 * HEARTBEAT_MS))
    expect(sent.filter(({ frame }) => frame.kind === 'heartbeat' && !frame.isEcho)).toHaveLength(2)
  })

  it('asks once in two seconds, not at every look, and not where the other side has asked', () => {
    const { liveness, pulse, hear, sent } = watch()
    for (let ms = 1_000; ms <= 4_000; ms += 1_000) {
      hear(ms)
      liveness.tick(later(ms))
    }
    expect(sent).toHaveLength(3)
    liveness.onHeartbeat({ kind: 'heartbeat', isEcho: false, hasRoom: true, stamp: 1 }, pulse, later(5_900))
    hear(6_000)
    liveness.tick(later(6_000))
    expect(sent.filter(({ frame }) => frame.kind === 'heartbeat' && !frame.isEcho)).toHaveLength(3)
  })

  it('declares a link dead after five seconds of silence, and no sooner', () => {
    const { liveness, pulse, hear } = watch()
    expect(liveness.tick(later(DEAD_MS - 1))).toEqual([])
    expect(isSuspect(pulse, later(DEAD_MS - 1))).toBe(true)
    hear(DEAD_MS - 1)
    expect(liveness.tick(later(DEAD_MS + 1_000))).toEqual([])
    expect(liveness.tick(later(2 * DEAD_MS - 1))).toEqual([link(1)])
  })

  it('asks a silent link for a sign of life once, and finds it stalled when none comes', () => {
    const { liveness, pulse, hear, sent, timers } = watch()
    expect(liveness.ask(pulse, later(499))).toBe(false)
    expect(liveness.ask(pulse, later(600))).toBe(true)
    expect(liveness.ask(pulse, later(700))).toBe(true)
    expect(sent).toHaveLength(2)
    // Nothing measured yet: a second.
    expect(timers).toEqual([{ token: { kind: 'overdue', link: link(1) }, delayMs: 1_000 }])
    expect(isStalled(pulse)).toBe(true)
    hear(800)
    expect(isStalled(pulse)).toBe(false)
    expect(liveness.ask(pulse, later(1_000))).toBe(false)
  })

  it('waits as long as the measured round trip and its spread suggest', () => {
    const { liveness, pulse, sent, timers } = watch()
    const beat = (ms: number) => ({
      ...(sent[0]!.frame as Extract<Frame, { kind: 'heartbeat' }>),
      isEcho: true,
      stamp: later(ms) >>> 0,
    })
    for (let i = 0; i < 50; i++) liveness.onHeartbeat(beat(i * 1_000), pulse, later(i * 1_000 + 300 + (i % 2) * 40))
    liveness.ask(pulse, later(60_000))
    expect(timers[0]!.delayMs).toBeGreaterThan(320 + 60)
    expect(timers[0]!.delayMs).toBeLessThan(320 + 100)
  })

  it('believes no echo of something that it never asked', () => {
    const { liveness, pulse } = watch()
    liveness.onHeartbeat({ kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 12 }, pulse, later(10))
    expect(pulse.roundTrip).toBeNull()
  })
})

describe('the address book', () => {
  const newBook = () => new AddressBook(peer('s'), xor)
  const heard = (ms: number, isInteresting = true) => ({
    via: peer('v'),
    hasRoom: true,
    now: later(ms),
    isInteresting: () => isInteresting,
  })

  it('never holds more than its bound, and forgets the oldest first', () => {
    const book = newBook()
    const ids = manyIds(1_000, 5)
    for (const [i, id] of ids.entries()) book.learn(id, heard(i))
    expect(book.size).toBe(ADDRESS_BOOK_MAX)
    expect(book.get(ids.at(-1)!)).toBeDefined()
    expect(book.get(ids[0]!)).toBeUndefined()
    expect(new Set(book.peers())).toEqual(new Set(ids.slice(-ADDRESS_BOOK_MAX)))
  })

  it('once full, takes those who fill no place only instead of stale entries', () => {
    const book = newBook()
    const [first, ...others] = manyIds(ADDRESS_BOOK_MAX + 2, 7)
    book.learn(first!, heard(0, false))
    for (const id of others.slice(0, -2)) book.learn(id, heard(60_000, false))
    const [late, later_] = others.slice(-2)
    expect(book.learn(late!, heard(119_000, false))).toBe(false)
    expect(book.get(late!)).toBeUndefined()
    book.learn(later_!, heard(121_000, false))
    expect(book.get(later_!)).toBeDefined()
    expect(book.get(first!)).toBeUndefined()
  })

  it('does not learn of ourselves, nor of the recently dead, by gossip', () => {
    const book = newBook()
    expect(book.learn(peer('s'), heard(0))).toBe(false)
    book.bury(peer('d'), { isMissed: false, now: later(0) })
    expect(book.learn(peer('d'), heard(TOMBSTONE_MS - 1))).toBe(false)
    expect(book.learn(peer('d'), heard(TOMBSTONE_MS))).toBe(true)
  })

  it('takes a peer that shows up itself out of its grave', () => {
    const book = newBook()
    book.bury(peer('d'), { isMissed: false, now: later(0) })
    book.met(peer('d'), later(1))
    expect(book.peers()).toEqual([peer('d')])
    expect(book.isDialable(0, later(1))).toBe(true)
  })

  it('holds no peer that a link stands to, and keeps the others whole', () => {
    const book = newBook()
    const ids = manyIds(100, 8)
    for (const id of ids) book.learn(id, heard(0))
    for (const id of ids.slice(0, 50)) book.remove(id)
    expect(new Set(book.peers())).toEqual(new Set(ids.slice(50)))
    for (let i = 0; i < book.size; i++) {
      expect(book.pointAt(i)).toBe(pointOf(book.peerAt(i)))
      expect(book.bucketAt(i)).toBe(xor.bucketOf(peer('s'), book.peerAt(i)))
      expect(book.get(book.peerAt(i))).toEqual({ via: peer('v'), failures: 0, retryAt: 0 })
    }
  })

  it('waits longer after each failure, and gives up after six until somebody names the peer again', () => {
    const book = newBook()
    book.learn(peer('x'), heard(0))
    const pauses: number[] = []
    for (let i = 0; i < 5; i++) {
      book.failed(peer('x'), later(0), 0.5)
      pauses.push(book.get(peer('x'))!.retryAt - T0)
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 32_000])
    book.failed(peer('x'), later(0), 0.5)
    expect(book.get(peer('x'))).toBeUndefined()
    expect(book.learn(peer('x'), heard(1))).toBe(true)
  })

  it('keeps its tombstones within bounds', () => {
    const book = newBook()
    for (const id of manyIds(5_000, 6)) book.bury(id, { isMissed: true, now: later(0) })
    for (const name of ['tombstones', 'missed']) {
      const { size, max } = book.collections[name]!
      expect(size, name).toBeLessThanOrEqual(max)
    }
  })
})

describe('who went without a word', () => {
  it('is named again once its grave is cold, ten times at most, and not after it has shown up', () => {
    const book = new AddressBook(peer('s'), xor)
    book.bury(peer('d'), { isMissed: true, now: later(0) })
    book.bury(peer('e'), { isMissed: false, now: later(0) })
    expect(book.missed(0.5, later(TOMBSTONE_MS - 1))).toBeNull()
    const named = Array.from({ length: 12 }, () => book.missed(0.5, later(TOMBSTONE_MS)))
    expect(named).toEqual([...Array<PeerId>(10).fill(peer('d')), null, null])
    book.bury(peer('f'), { isMissed: true, now: later(0) })
    book.exhume(peer('f'))
    expect(book.missed(0.5, later(TOMBSTONE_MS))).toBeNull()
  })
})

describe('slots', () => {
  const self = peer('a')
  const at_ = { self, point: pointOf(self) }
  const place = (id: PeerId): Placed => ({
    peer: id,
    point: pointOf(id),
    bucket: xor.bucketOf(self, id),
    slot: null,
  })

  it('scale with the cap: an eighth on either side of the ring, four at most', () => {
    expect([6, 8, 16, 32, 48].map((max) => planFor(max).ringSide)).toEqual([1, 1, 2, 4, 4])
  })

  it('go to the ring first, then to one peer for each bucket that the ring leaves empty, the longest-standing', () => {
    // '7' is our predecessor and lies in bucket 0, as do 'q' and 'r': that bucket is filled.
    const places = ['q', 'r', 'b', '7', 'i'].map((id) => place(peer(id)))
    assignSlots(at_, places, { ringSide: 1, randomMax: 1, softMax: 9 })
    expect(places.map(({ slot }) => slot)).toEqual(['random', null, 'ring', 'ring', 'bucket'])
  })

  it('know about how many peers there are from the density of the ring', () => {
    for (const count of [100, 1_000, 10_000]) {
      const ids = manyIds(count, count)
      // Each knows only a few on either side.
      const estimates = ids.slice(0, 100).map((id) => estimateSize(ringArc(id, ids, 4), 12))
      const median = estimates.toSorted((a, b) => a - b)[50]!
      expect(median / count).toBeGreaterThan(0.7)
      expect(median / count).toBeLessThan(1.4)
    }
  })

  it('count what is there while there is little', () => {
    expect(estimateSize(ringArc(self, [peer('b'), peer('c')], 4), 2)).toBe(3)
  })
})

function manyIds(count: number, seed: number): PeerId[] {
  const random = generator(seed)
  return Array.from({ length: count }, () => idFromBytes<PeerId>(Uint8Array.from({ length: 32 }, () => random() & 255)))
}
