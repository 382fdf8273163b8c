import { describe, expect, it } from 'vitest'
import { HOP_LIMIT_MAX } from '../../src/core/frames.ts'
import type { RequestId } from '../../src/core/ids.ts'
import { message, peer } from './ids.ts'
import { BYTES, Stage } from './stage.ts'
import { name, station } from './tree.ts'

const M = message('m')

describe('a broadcast', () => {
  it('of our own goes to a few neighbours at once and is announced to all others', () => {
    const { publish, to, pass } = station(20)
    publish(M)
    const first = to('broadcast')
    expect(first).toHaveLength(4)
    // One of the ring is among them.
    expect(first).toContain(1)
    pass(20)
    expect([...first, ...to('ihave')].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(first.length + 16).toBe(20)
  })

  it('is neither delivered nor passed on before its signature has been checked', () => {
    const { hear, verify, to, linksOf, delivered, jobs } = station(3)
    hear(M, 1)
    expect([to('broadcast'), delivered]).toEqual([[], []])
    expect(jobs).toHaveLength(1)
    verify(M)
    expect(delivered).toEqual([2])
    expect(linksOf('broadcast')).toEqual([2, 3])
  })

  it('is delivered once however many copies come, before or after', () => {
    const { hear, verify, delivered, linksOf } = station(4)
    for (const on of [1, 2, 1]) hear(M, on)
    verify(M)
    for (const on of [3, 4]) hear(M, on)
    expect(delivered).toHaveLength(1)
    // Links 1 and 2 had it when it was passed on.
    expect(linksOf('broadcast')).toEqual([3, 4])
  })

  it('is not crowded out by a forged copy that comes first', () => {
    const { broadcast, hear, verify, jobs, delivered } = station(3)
    const forged = new Uint8Array(9)
    hear(M, 1, { body: forged })
    hear(M, 2)
    broadcast.onRefused(M)
    expect(jobs.map(({ body }) => body.byteLength)).toEqual([9, 10])
    verify(M)
    expect(delivered).toHaveLength(1)
    expect(broadcast.counters.refused).toBe(1)
  })

  it('of which all copies are forged can still come later', () => {
    const { broadcast, hear, verify, delivered } = station(3)
    hear(M, 1)
    broadcast.onRefused(M)
    hear(M, 2)
    verify(M)
    expect(delivered).toHaveLength(1)
  })

  it('of our own that comes back is not delivered to us', () => {
    const { hear, verify, delivered, to } = station(3)
    hear(M, 1)
    verify(M, peer('s'))
    expect([delivered, to('broadcast')]).toEqual([[], []])
  })

  it('goes on where its hop limit has run out: who gives it so cannot make us announce what we would not give', () => {
    const { get, frames, delivered, graft } = station(3)
    get(M, 1, { hops: HOP_LIMIT_MAX })
    expect(delivered).toEqual([HOP_LIMIT_MAX])
    expect(frames('broadcast')).toMatchObject([{ hopLimit: 0, hops: HOP_LIMIT_MAX }, { hopLimit: 0 }])
    graft(2, [M])
    expect(frames('broadcast')).toMatchObject([{ id: M, hopLimit: 0 }])
  })
})

describe('who broadcasts', () => {
  it('hears of it when the first neighbour says that it has the message', () => {
    const { publish, spread, pass, ihave, fates } = station(6)
    publish(M)
    pass(70)
    expect(spread).toEqual([])
    ihave(5, M)
    ihave(6, M)
    expect(spread).toEqual([{ id: M, ms: 70 }])
    expect(fates).toMatchObject([{ sentTo: { length: 4 }, holders: [5, 6] }])
  })

  it('hears who else has it, until 256 later ones have been sent', () => {
    const { publish, fates, ihave } = station(6)
    publish(M)
    ihave(5, M)
    const [fate] = fates
    expect(fate!.holders).toEqual([5])
    ihave(6, M)
    expect(fate!.holders).toEqual([5, 6])
    for (let i = 0; i < 256; i++) publish(name(i))
    ihave(1, M)
    expect(fate!.holders).toEqual([5, 6])
  })

  it('takes a copy that comes back for such a word too', () => {
    const { publish, spread, hear } = station(6)
    publish(M)
    hear(M, 2)
    expect(spread).toHaveLength(1)
  })

  it('brings it after three seconds, unasked and once, to those that have said nothing', () => {
    const { publish, to, pass, ihave } = station(10)
    publish(M)
    const first = to('broadcast')
    const [talker, ...rest] = Array.from({ length: 10 }, (_, i) => i + 1).filter((on) => !first.includes(on))
    ihave(talker!, M)
    pass(2_900)
    expect(to('broadcast')).toEqual([])
    pass(1_200)
    expect(to('broadcast')).toEqual(rest)
    pass(20_000)
    expect(to('broadcast')).toEqual([])
  })

  it('does not wait for neighbours that it does not have', () => {
    const { publish, spread } = station(0)
    publish(M)
    expect(spread).toEqual([{ id: M, ms: 0 }])
  })

  it('does not wait for ever', () => {
    const { publish, spread, pass } = station(3)
    publish(M)
    pass(5_000)
    expect(spread).toEqual([{ id: M, ms: 3_000 }])
  })

  it('waits for each, however many there were before', () => {
    const { publish, spread, pass } = station(6)
    for (let i = 0; i < 256; i++) publish(name(i))
    pass(5_000)
    expect(spread).toHaveLength(256)
    publish(name(300))
    publish(name(301))
    expect(spread).toHaveLength(256)
  })

  it('brings it to all also when more have followed than are counted', () => {
    const { publish, frames, routes, pass } = station(10)
    for (let i = 0; i < 300; i++) {
      publish(name(i))
      pass(10)
    }
    const sent = frames('broadcast').filter(({ id }) => id === name(0))
    expect(sent).toHaveLength(routes.length)
  })

  it('tells two more of it at once, however long announcements wait', () => {
    const { publish, get, frames, pass } = station(12)
    // What others say is announced, and a batch of it is as much as may be said in half a second.
    for (let i = 0; i < 40; i++) {
      get(name(i), 1 + (i % 2))
      pass(25)
    }
    frames('ihave')
    publish(M)
    const told = frames('ihave')
    expect(told.map(({ entries }) => entries)).toEqual([[{ id: M, hops: 1 }], [{ id: M, hops: 1 }]])
  })
})

describe('bounds of broadcasting', () => {
  it('only so many wait for verification; more are dropped and counted', () => {
    const { broadcast, hear, jobs } = station(9, { pendingMax: 16 })
    for (let i = 0; i < 45; i++) hear(name(i), 1 + (i % 9))
    expect(jobs).toHaveLength(16)
    expect(broadcast.counters.overflow).toBe(29)
  })

  it('one neighbour fills no more than half of that', () => {
    const { broadcast, hear, jobs } = station(2, { pendingMax: 16 })
    for (let i = 0; i < 30; i++) hear(name(i), 1)
    expect(jobs).toHaveLength(8)
    hear(name(40), 2)
    hear(name(41), 2)
    expect(jobs).toHaveLength(10)
    expect(broadcast.counters.overflow).toBe(22)
  })

  it('but what we have asked one neighbour for is taken as long as there is room', () => {
    const { broadcast, hear, ihave, frames, pass, jobs } = station(2, { pendingMax: 16 })
    const ids = Array.from({ length: 20 }, (_, i) => name(i))
    ihave(1, ...ids)
    const asked: unknown[] = []
    for (let waits = 0; asked.length === 0 && waits < 100; waits++) {
      pass(50)
      asked.push(...frames('graft').flatMap((frame) => frame.ids))
    }
    expect(asked).toHaveLength(20)
    for (const id of ids) hear(id, 1)
    expect(jobs).toHaveLength(16)
    expect(broadcast.counters.overflow).toBe(4)
  })

  it('one source is contained, another one is not', () => {
    const { broadcast, get, delivered, to, pass } = station(6, { sourceFrames: { perSecond: 5, burst: 20 } })
    for (let i = 0; i < 50; i++) get(name(i), 1, { source: peer('flooder') })
    const passedOn = to('broadcast').length
    get(name(99), 1, { source: peer('honest') })
    expect(delivered).toHaveLength(21)
    expect(broadcast.counters.overRate).toBe(30)
    // What is over the rate goes no further, not even by name.
    expect(passedOn / 20).toBeLessThanOrEqual(4)
    pass(3_000)
    expect(broadcast.counters.announced).toBeLessThanOrEqual(21 * 6)
  })

  it('who goes over its rate is not heard until it has been nearly silent for half a minute', () => {
    const { get, delivered, pass } = station(6, { sourceFrames: { perSecond: 5, burst: 20 } })
    const flooder = peer('flooder')
    for (let i = 0; i < 21; i++) get(name(i), 1, { source: flooder })
    expect(delivered).toHaveLength(20)
    // There would be tokens again.
    pass(29_000)
    get(name(30), 1, { source: flooder })
    expect(delivered).toHaveLength(20)
    pass(1_000)
    get(name(31), 1, { source: flooder })
    expect(delivered).toHaveLength(21)
  })

  // Found with 250 peers: each of a flooder's 30 neighbours saw a thirtieth of it, which is within the rate.
  it('a flood that only shows its neighbours their share of it does not come back', () => {
    const { get, delivered, pass } = station(6)
    const flooder = peer('flooder')
    const send = (count: number, everyMs: number): void => {
      for (let i = 0; i < count; i++, sent++) {
        get(name(sent), 1, { source: flooder })
        pass(everyMs)
      }
    }
    let sent = 0
    send(401, 0)
    expect(delivered).toHaveLength(400)
    send(60 * 40, 25)
    // For longer than a source is remembered.
    send(300 * 10, 100)
    expect(delivered).toHaveLength(400)
    // Three a second, as somebody who floods no more may.
    send(31 * 3, 333)
    expect(delivered.length).toBeGreaterThan(400)
  })

  it('what we missed and asked for is no flood, and its source is heard afterwards', () => {
    const { get, delivered } = station(6)
    // Half a minute of 30 a second, all at once.
    for (let i = 0; i < 900; i++) get(name(i), 1, { ageMs: 33_000 - (i * 1_000) / 30 })
    get(name(901), 1)
    expect(delivered).toHaveLength(901)
  })

  it('by a clock that is ahead, what comes late is late all the same', () => {
    const { get, delivered } = station(6)
    get(name(0), 1, { ageMs: -10_000 })
    for (let i = 1; i < 270; i++) get(name(i), 1, { ageMs: -1_000 - (i * 1_000) / 30 })
    get(name(270), 1, { ageMs: -10_000 })
    expect(delivered).toHaveLength(271)
  })

  it('old dates are no way around the rate', () => {
    const { get, delivered } = station(6)
    for (let i = 0; i < 2_000; i++) get(name(i), 1, { ageMs: 20_000 })
    expect(delivered).toHaveLength(1_024)
  })

  it('what others replay of a source does not make it a flooder', () => {
    const { get, delivered } = station(6)
    for (let i = 0; i < 2_000; i++) get(name(i), 1, { ageMs: 60_000 })
    get(name(2_001), 2)
    expect(delivered).toHaveLength(1_025)
  })

  it('what a source may send and a link that stood still brings at once is no flood', () => {
    const { get, delivered, pass } = station(6)
    for (let i = 0; i < 300; i++) {
      get(name(i), 1)
      pass(10)
    }
    pass(2_900)
    for (let i = 0; i < 390; i++) get(name(300 + i), 1, { ageMs: Math.max(0, 2_900 - 10 * i) })
    for (let i = 0; i < 1_000; i++) {
      get(name(1_000 + i), 1)
      pass(10)
    }
    expect(delivered).toHaveLength(1_690)
  })

  it('what may have been forgotten is not delivered again, however late its copy comes', () => {
    const { broadcast, get, delivered, pass } = station(6, { seenMax: 100 })
    pass(10_000)
    get(name(0), 1, { source: peer('a') })
    // Its clock is behind.
    get(name(1), 1, { source: peer('slow'), ageMs: 12_000 })
    for (let i = 2; i < 150; i++) {
      get(name(i), 1, { source: peer(`b${i % 20}c`) })
      pass(100)
    }
    expect(delivered).toHaveLength(150)
    get(name(0), 1, { source: peer('a'), ageMs: 14_800 })
    get(name(200), 1, { source: peer('stranger'), ageMs: 14_800 })
    expect(delivered).toHaveLength(150)
    expect(broadcast.counters.refused).toBe(2)
    get(name(201), 1, { source: peer('slow'), ageMs: 12_000 })
    get(name(202), 1, { source: peer('stranger') })
    expect(delivered).toHaveLength(152)
  })

  it('who has been away hears of all that is kept, not only of the newest', () => {
    const { get, digest, frames, pass } = station(3)
    for (let i = 0; i < 600; i++) {
      get(name(i), 1 + (i % 3), { source: peer(`s${'bcde'[i % 4]}`) })
      pass(10)
    }
    frames('digest')
    digest(2, [{ id: name(3), ageS: 1 }])
    const named = frames('digest').map(({ entries }) => entries.map(({ id }) => id))
    expect(named.map(({ length }) => length)).toEqual([256, 256, 87])
    expect(new Set(named.flat()).size).toBe(599)
  })

  it('whatever comes, every collection stays within its bound', () => {
    const all = station(4, { seenMax: 50, framesMax: 20, bytesMax: 150, pendingMax: 10 })
    for (let i = 0; i < 5_000; i++) {
      const source = peer(`s${i}x`.replaceAll(/\d/g, (digit) => 'bcdefghijk'[Number(digit)]!))
      all.get(name(i), 1 + (i % 4), { source })
      all.ihave(1 + (i % 4), name(10_000 + i))
      all.publish(name(20_000 + i))
      if (i % 10 === 0) all.pass(i % 300)
      for (const [what, { size, max }] of Object.entries({
        ...all.broadcast.collections,
        ...all.sources.collections,
      }))
        expect(size, what).toBeLessThanOrEqual(max)
    }
  })

  it('nothing is remembered before the first broadcast', () => {
    const { broadcast, pass, to } = station(4)
    pass(60_000)
    expect(Object.keys(broadcast.collections)).not.toContain('broadcastSeen')
    expect(to('digest')).toEqual([])
  })
})

describe('a node', () => {
  it('gives its own broadcast to neighbours that say nothing within three seconds and a tick, and waits no longer', () => {
    const stage = new Stage('b')
    const second = (): void => {
      stage.input({ kind: 'timer', token: { kind: 'tick' } }, 1_000)
      stage.frame({ kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 0 })
    }
    // Whenever it is sent, not only right after one of the rarer sweeps.
    second()
    stage.input({ kind: 'broadcast', request: 1 as RequestId, topic: null, payload: BYTES })
    const { id, tree } = stage.last('sign')
    stage.input({ kind: 'signed', tree, id, body: BYTES })
    const isDone = (): boolean => stage.events().some(({ kind }) => kind === 'requestDone')
    for (let i = 0; i < 2; i++) second()
    expect(isDone()).toBe(false)
    for (let i = 0; i < 2; i++) second()
    expect(isDone()).toBe(true)
  })

  it('says so when its own key fails it, and has room for the next', () => {
    const stage = new Stage('b')
    const failures = (): unknown[] => stage.events().filter(({ kind }) => kind === 'requestFailed')
    for (let i = 0; i < 1_100; i++) {
      stage.input({ kind: 'broadcast', request: i as RequestId, topic: null, payload: BYTES }, 20)
      const { id, tree } = stage.last('sign')
      stage.input({ kind: 'jobRefused', job: { kind: 'sign', tree, id }, reason: 'malformed' })
    }
    expect(failures()).toHaveLength(1_100)
    expect(failures().at(-1)).toMatchObject({ request: 1_099, code: 'internal' })
  })

  it('refuses to send so much that others would take it for a flood, and says so', () => {
    const stage = new Stage('b')
    const broadcast = (request: number, now: number): void =>
      void stage.input({ kind: 'broadcast', request: request as RequestId, topic: null, payload: BYTES }, now)
    const refused = (): unknown[] => stage.events().filter(({ kind }) => kind === 'requestFailed')
    for (let i = 0; i < 100; i++) broadcast(i, 0)
    expect(refused()).toEqual([])
    broadcast(100, 0)
    expect(refused()).toMatchObject([{ request: 100, code: 'busy' }])
    broadcast(101, 10)
    expect(refused()).toHaveLength(1)
  })
})
