/** One node, its effects recorded, everything else written down by hand: glare, refusals, time-outs, late signals. */

import { describe, expect, it } from 'vitest'
import type { OfferMessage } from '../../src/core/frames.ts'
import type { ExchangeId, RequestId } from '../../src/core/ids.ts'
import { at, exchange, link, message, peer } from './ids.ts'
import { BYTES, linkUp, RELAY, Stage } from './stage.ts'

const offer = (id: string, purpose: OfferMessage['purpose'] = 'link'): OfferMessage => ({
  kind: 'offer',
  exchange: exchange(id),
  purpose,
  slot: 'ring',
  description: BYTES,
  metadata: BYTES,
})

describe('an offer of ours', () => {
  it('becomes a link by its answer, and tells by which path it travelled', () => {
    const stage = new Stage('b')
    const id = stage.offers(peer('x'))
    expect(stage.sealed()).toMatchObject({
      as: 'request',
      target: peer('x'),
      message: { kind: 'offer', exchange: id, purpose: 'link' },
    })
    stage.replied({ kind: 'answer', exchange: id, description: BYTES })
    expect(stage.last('acceptAnswer').exchange).toBe(id)
    stage.input(linkUp(2, peer('x'), id))
    expect(stage.events().at(-1)).toEqual({
      kind: 'peerUp',
      peer: peer('x'),
      offerPath: { viaBootstrap: false, relays: 2 },
      isInitiator: true,
    })
    expect(stage.node.signaling.linksInFlight).toBe(0)
  })

  it('is given up when the other side refuses, and not made again at once', () => {
    const stage = new Stage('b')
    const id = stage.offers(peer('x'))
    stage.replied({ kind: 'refuse', exchange: id, reason: 'full' })
    expect(stage.last('abandon').exchange).toBe(id)
    stage.input({ kind: 'timer', token: { kind: 'tick' } }).input({ kind: 'timer', token: { kind: 'maintain' } })
    expect(stage.count('createOffer')).toBe(1)
    stage.input({ kind: 'timer', token: { kind: 'tick' } }, 3_000)
    expect(stage.count('createOffer')).toBe(2)
  })

  it('is given up when its time is over', () => {
    const stage = new Stage('b')
    const id = stage.offers(peer('x'))
    stage.input({ kind: 'timer', token: { kind: 'exchange', exchange: id } }, 10_000)
    expect(stage.last('abandon').exchange).toBe(id)
    expect(stage.node.signaling.counters.timeouts).toBe(1)
    expect(stage.node.signaling.linksInFlight).toBe(0)
  })

  it('takes no answer from anybody but the peer it was made to', () => {
    const stage = new Stage('b')
    const id = stage.offers(peer('x'))
    stage.hears(peer('y'), { kind: 'answer', exchange: id, description: BYTES })
    expect(stage.count('acceptAnswer')).toBe(0)
    expect(stage.node.signaling.counters.stray).toBe(1)
  })

  it('takes one answer, not two', () => {
    const stage = new Stage('b')
    const id = stage.offers(peer('x'))
    stage.replied({ kind: 'answer', exchange: id, description: BYTES })
    stage.hears(peer('x'), { kind: 'answer', exchange: id, description: BYTES })
    expect(stage.count('acceptAnswer')).toBe(1)
  })

  it('passes later candidates both ways', () => {
    const stage = new Stage('b')
    const id = stage.offers(peer('x'))
    stage.replied({ kind: 'answer', exchange: id, description: BYTES })
    stage.replied({ kind: 'signal', exchange: id, signal: BYTES })
    expect(stage.last('addSignal').exchange).toBe(id)
    stage.input({ kind: 'signal', exchange: id, signal: BYTES })
    expect(stage.sealed()).toMatchObject({ target: peer('x'), message: { kind: 'signal', exchange: id } })
  })
})

describe('glare', () => {
  it('of two offers that cross, ours stands if our id is the lower one', () => {
    const stage = new Stage('b')
    const ours = stage.offers(peer('x'))
    stage.hears(peer('x'), offer('theirs'))
    expect(stage.sealed()).toMatchObject({ as: 'answer', message: { kind: 'refuse', reason: 'glare' } })
    expect(stage.effects.some((effect) => effect.do === 'abandon' && effect.exchange === ours)).toBe(false)
  })

  it('and the other one if it is the higher one', () => {
    const stage = new Stage('y')
    const ours = stage.offers(peer('x'))
    stage.hears(peer('x'), offer('theirs'))
    expect(stage.last('abandon').exchange).toBe(ours)
    expect(stage.last('createAnswer').exchange).toBe(exchange('theirs'))
    expect(stage.node.signaling.linksInFlight).toBe(1)
  })
})

describe('an offer that answers a lookup', () => {
  const lookup = (requester: string) =>
    ({
      kind: 'lookup',
      hopLimit: 30,
      hops: 10,
      attempt: 0,
      viaBootstrap: false,
      id: message('a'),
      target: peer('b'),
      requester: peer(requester),
      bucketMin: 0,
      bucketMax: 255,
      slot: 'guest',
    }) as const

  it('and gives way to glare is refused, so that nobody waits for it', () => {
    const stage = new Stage('y')
    stage.frame(lookup('x'))
    const ours = stage.last('createOffer').exchange
    stage.hears(peer('x'), offer('theirs'))
    expect(stage.last('abandon').exchange).toBe(ours)
    expect(stage.sealed()).toMatchObject({
      as: 'offer',
      id: message('a'),
      target: peer('x'),
      message: { kind: 'refuse', exchange: ours, reason: 'glare' },
    })
  })

  it('is not refused once it has left', () => {
    const stage = new Stage('y')
    stage.frame(lookup('x'))
    stage.input({ kind: 'described', exchange: stage.last('createOffer').exchange as ExchangeId, description: BYTES })
    stage.hears(peer('x'), offer('theirs'))
    expect(stage.sealed().message.kind).toBe('offer')
  })

  it('ends the lookup when it is refused', () => {
    const stage = new Stage('b')
    const id = stage.node.lookups.anybody('random', null, at(0))
    expect(stage.node.lookups.isPending(id)).toBe(true)
    const job = {
      kind: 'open',
      as: 'reply',
      id: id!,
      attempt: 0,
      link: link(1),
      from: null,
      body: BYTES,
      hops: 3,
      viaBootstrap: false,
    } as const
    stage.input({
      kind: 'opened',
      job,
      source: peer('x'),
      message: { kind: 'refuse', exchange: exchange('o'), reason: 'glare' },
    })
    expect(stage.node.lookups.isPending(id)).toBe(false)
  })
})

describe("somebody else's offer", () => {
  it('is answered along the way it came', () => {
    const stage = new Stage('b')
    stage.hears(peer('x'), offer('o'))
    stage.input({ kind: 'described', exchange: exchange('o'), description: BYTES })
    expect(stage.sealed()).toMatchObject({
      as: 'answer',
      target: peer('x'),
      message: { kind: 'answer', exchange: exchange('o') },
    })
    stage.input(linkUp(2, peer('x'), exchange('o')))
    expect(stage.events().at(-1)).toMatchObject({ kind: 'peerUp', offerPath: { relays: 1 }, isInitiator: false })
  })

  it('is refused when there is a link already', () => {
    const stage = new Stage('b')
    stage.hears(RELAY, offer('o'))
    expect(stage.sealed()).toMatchObject({ message: { kind: 'refuse', reason: 'linked' } })
  })

  it('is refused as failed when the platform cannot make an answer of it', () => {
    const stage = new Stage('b')
    stage.hears(peer('x'), offer('o'))
    stage.input({ kind: 'exchangeFailed', exchange: exchange('o'), reason: 'malformed' })
    expect(stage.sealed()).toMatchObject({ message: { kind: 'refuse', reason: 'failed' } })
    expect(stage.node.signaling.linksInFlight).toBe(0)
  })

  it('never makes us hold more links than our cap, those under way included', () => {
    const stage = new Stage('b', 4)
    for (const id of ['q', 'r', 's', 't', 'u', 'v']) stage.hears(peer(id), offer(id))
    const { neighbors, signaling } = stage.node
    expect(neighbors.size + signaling.linksInFlight).toBeLessThanOrEqual(4)
    expect(stage.node.neighbors.counters.refusals).toBeGreaterThan(0)
  })

  it('leaves some exchanges for our own, however many others ask', () => {
    const stage = new Stage('b', 64)
    for (let i = 0; i < 10; i++) stage.hears(peer(`q${'abcdefghij'[i]}b`), offer(`q${'abcdefghij'[i]}b`))
    const asked = (target: string): void =>
      void stage.frame({
        kind: 'lookup',
        hopLimit: 30,
        hops: 10,
        attempt: 0,
        viaBootstrap: false,
        id: message(target),
        target: peer('b'),
        requester: peer(target),
        bucketMin: 0,
        bucketMax: 255,
        slot: 'guest',
      })
    for (let i = 0; i < 10; i++) asked(`r${'abcdefghij'[i]}b`)
    expect(stage.node.signaling.linksInFlight).toBe(12)
  })
})

describe('a call', () => {
  const REQUEST = 7 as RequestId

  it('names its exchange before the connection is made, and ends in a receipt', () => {
    const stage = new Stage('b')
    stage.input({ kind: 'dial', request: REQUEST, target: peer('x'), metadata: BYTES, timeoutMs: 5_000 })
    const dialing = stage.effects.findIndex((effect) => effect.do === 'emit' && effect.event.kind === 'dialing')
    expect(stage.effects[dialing + 1]).toMatchObject({ do: 'createOffer' })
    const id = stage.last('createOffer').exchange as ExchangeId
    stage.input({ kind: 'described', exchange: id, description: BYTES })
    stage.replied({ kind: 'answer', exchange: id, description: BYTES })
    stage.input({ kind: 'connected', exchange: id })
    expect(stage.events().at(-1)).toMatchObject({ kind: 'requestDone', request: REQUEST, receipt: { hops: 3 } })
    stage.input({ kind: 'exchangeFailed', exchange: id, reason: 'closed' })
    expect(stage.events().at(-1)).toEqual({ kind: 'callEnded', exchange: id, reason: 'closed' })
  })

  it('rings, and is answered only when the application accepts', () => {
    const stage = new Stage('b')
    stage.hears(peer('x'), offer('c', 'call'))
    expect(stage.events().at(-1)).toMatchObject({ kind: 'call', exchange: exchange('c'), from: peer('x') })
    expect(stage.count('createAnswer')).toBe(0)
    stage.input({ kind: 'answerCall', exchange: exchange('c'), accept: true })
    expect(stage.last('createAnswer').exchange).toBe(exchange('c'))
    stage.input({ kind: 'answerCall', exchange: exchange('c'), accept: true })
    expect(stage.count('createAnswer')).toBe(1)
  })

  it('that is rejected says so, and the caller hears it', () => {
    const callee = new Stage('b')
    callee.hears(peer('x'), offer('c', 'call'))
    callee.input({ kind: 'answerCall', exchange: exchange('c'), accept: false })
    expect(callee.sealed()).toMatchObject({ message: { kind: 'refuse', reason: 'rejected' } })
    const caller = new Stage('b')
    caller.input({ kind: 'dial', request: REQUEST, target: peer('x'), metadata: BYTES, timeoutMs: 5_000 })
    const id = caller.last('createOffer').exchange as ExchangeId
    caller.input({ kind: 'described', exchange: id, description: BYTES })
    caller.replied({ kind: 'refuse', exchange: id, reason: 'rejected' })
    expect(caller.events().at(-1)).toEqual({
      kind: 'requestFailed',
      request: REQUEST,
      code: 'refused',
      detail: 'rejected',
    })
  })

  it('that the caller gives up, by word or by time, stops ringing at the other side', () => {
    for (const end of ['cancel', 'timer'] as const) {
      const stage = new Stage('b')
      stage.input({ kind: 'dial', request: REQUEST, target: peer('x'), metadata: BYTES, timeoutMs: 5_000 })
      const id = stage.last('createOffer').exchange as ExchangeId
      stage.input({ kind: 'described', exchange: id, description: BYTES })
      stage.input(
        end === 'cancel'
          ? { kind: 'cancel', request: REQUEST }
          : { kind: 'timer', token: { kind: 'exchange', exchange: id } },
        5_000,
      )
      expect(stage.sealed()).toMatchObject({
        target: peer('x'),
        message: { kind: 'refuse', exchange: id, reason: 'closed' },
      })
    }
    const callee = new Stage('b')
    callee.hears(peer('x'), offer('c', 'call'))
    callee.hears(peer('x'), { kind: 'refuse', exchange: exchange('c'), reason: 'closed' })
    expect(callee.events().at(-1)).toEqual({ kind: 'callEnded', exchange: exchange('c'), reason: 'closed' })
  })

  it('takes no place among the links, and there is a bound to calls as well', () => {
    const stage = new Stage('b', 2)
    for (let i = 0; i < 300; i++)
      stage.input({ kind: 'dial', request: i as RequestId, target: peer('x'), metadata: BYTES, timeoutMs: 5_000 })
    expect(stage.node.signaling.linksInFlight).toBe(0)
    expect(stage.count('createOffer')).toBe(256)
    expect(stage.events().filter((event) => event.kind === 'requestFailed' && event.code === 'busy')).toHaveLength(44)
  })

  it('that its caller gives up is abandoned', () => {
    const stage = new Stage('b')
    stage.input({ kind: 'dial', request: REQUEST, target: peer('x'), metadata: BYTES, timeoutMs: 5_000 })
    const id = stage.last('createOffer').exchange
    stage.input({ kind: 'cancel', request: REQUEST })
    expect(stage.last('abandon').exchange).toBe(id)
  })
})
