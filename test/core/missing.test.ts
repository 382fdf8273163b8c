/** What neighbours may make a peer note that has not come, and whom it gives a place: bounds that one of them cannot fill. */

import { expect, it } from 'vitest'
import { MissingMessages } from '../../src/core/missing.ts'
import { at, link, message } from './ids.ts'
import { betray, name, station } from './tree.ts'

const [M, N, O] = [message('m'), message('n'), message('o')]

it('a link that goes while its message is verified gets no place', () => {
  const all = station(3)
  all.hear(M, 2)
  all.linkDown(2)
  all.verify(M)
  expect(all.broadcast.eagerLinks).not.toContain(2)
  expect(all.broadcast.collections['broadcastStandings']!.size).toBeLessThanOrEqual(2)
})

it('one neighbour cannot fill the table of what is missing', () => {
  const all = station(3)
  for (let i = 0; i < 2_000; i += 100) all.ihave(2, ...Array.from({ length: 100 }, (_, j) => name(i + j)))
  const { size, max } = all.broadcast.collections['broadcastMissing']!
  expect(size).toBeLessThanOrEqual(max / 2)
  all.ihave(3, N)
  all.pass(250)
  expect(all.frames('graft').some(({ ids }) => ids.includes(N))).toBe(true)
})

it('several neighbours fill it to its bound', () => {
  const all = station(20)
  for (let on = 1; on <= 20; on++) all.ihave(on, ...Array.from({ length: 200 }, (_, i) => name(on * 1_000 + i)))
  const { size, max } = all.broadcast.collections['broadcastMissing']!
  expect(size).toBe(max)
})

it('a relay that gave nothing of what it named fills little of it, and several together no more', () => {
  const all = station(20)
  all.state.relays = [2, 3, 4, 5, 6]
  for (const on of all.state.relays) betray(all, on)
  const size = (): number => all.broadcast.collections['broadcastMissing']!.size
  for (const on of all.state.relays) all.ihave(on, ...Array.from({ length: 200 }, (_, i) => name(on * 1_000 + i)))
  expect(size()).toBe(32 + 4 * 8)
  // There is room for what others name.
  all.ihave(7, M)
  expect(size()).toBe(32 + 4 * 8 + 1)
})

it('a timer that comes too early is waited for again', () => {
  const missing = new MissingMessages()
  const holder = { link: link(1), hops: 2, isEager: true }
  const peers = { brokenOf: () => 0 }
  expect(missing.note(M, holder, { inMs: 250, isWanted: true, isHollow: false, now: at(1_000) })).toBe(250)
  expect([...missing.due(at(1_249), new Map(), peers)]).toEqual([])
  expect(missing.timerMs(at(1_249))).toBe(1)
  expect([...missing.due(at(1_250), new Map(), peers)]).toMatchObject([{ id: M, next: holder }])
})

it('a relay passes on what is news to it, and nothing that it has no room for', () => {
  const all = station(20)
  all.state.isRelay = true
  all.get(O, 1)
  const entries = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ id: name(from + i), ageS: 1 }))
  all.digest(2, entries(0, 10))
  expect(all.frames('digest').some((frame) => frame.entries.some(({ id }) => id === name(9)))).toBe(true)
  all.digest(2, entries(0, 10), true)
  expect(all.to('digest')).toEqual([])
  for (let on = 2; on <= 20; on++) all.digest(on, entries(on * 1_000, 200))
  all.to('digest')
  all.digest(2, entries(50_000, 10), true)
  expect(all.to('digest')).toEqual([])
})
