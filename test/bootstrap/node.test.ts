/** The bootstrap's state machine, driven by hand with a recording `Io`. */

import { describe, expect, test } from 'vitest'
import type { Frame, UnicastFrame } from '../../src/core/frames.ts'
import type { Instant, LinkId, MessageId, NetworkId, PeerId } from '../../src/core/ids.ts'
import { idFromBytes, messageIdFromBytes } from '../../src/wire/ids.ts'
import { BOOTSTRAP_DEFAULTS, type BootstrapConfig, BootstrapNode } from '../../bootstrap/node.ts'

const at = (ms: number): Instant => ms as Instant
const peer = (number: number): PeerId => idFromBytes<PeerId>(new Uint8Array(32).fill(number))
const network = (number: number): NetworkId => idFromBytes<NetworkId>(new Uint8Array(32).fill(100 + number))
const messageId = (number: number): MessageId =>
  messageIdFromBytes<MessageId>(Uint8Array.from({ length: 16 }, (_, i) => (i < 2 ? number >> (8 * i) : 0) & 0xff))
const SERVER = idFromBytes<PeerId>(new Uint8Array(32).fill(255))

interface Sent {
  readonly link: number
  readonly frame: Frame
}

function create(changes: Partial<BootstrapConfig> = {}) {
  const sent: Sent[] = []
  const closed: [number, string][] = []
  const timers: number[] = []
  const node = new BootstrapNode(
    { ...BOOTSTRAP_DEFAULTS, self: SERVER, ...changes },
    {
      random: () => 0,
      send: (link, frame) => void sent.push({ link, frame }),
      closeLink: (link, reason) => void closed.push([link, reason]),
      schedule: (_, delayMs) => void timers.push(delayMs),
    },
  )
  node.handle({ kind: 'start' }, at(0))
  const up = (
    link: number,
    who: PeerId,
    options: { network?: NetworkId; purpose?: 'join' | 'visit'; now?: number } = {},
  ) =>
    node.handle(
      {
        kind: 'linkUp',
        link: link as LinkId,
        peer: who,
        role: 'visitor',
        transport: 'websocket',
        isSecure: false,
        exchange: null,
        network: options.network ?? network(1),
        purpose: options.purpose ?? 'join',
      },
      at(options.now ?? 0),
    )
  const receive = (link: number, frame: Frame, now = 0) =>
    node.handle({ kind: 'frame', link: link as LinkId, frame }, at(now))
  const down = (link: number) => node.handle({ kind: 'linkDown', link: link as LinkId, reason: 'gone' }, at(0))
  const tick = (now: number) => node.handle({ kind: 'timer', token: { kind: 'tick' } }, at(now))
  /** What was sent since the last call. */
  const take = () => sent.splice(0)
  return { node, up, down, receive, tick, take, closed, timers }
}

const unicast = (number: number, target: PeerId): UnicastFrame => ({
  kind: 'unicast',
  hopLimit: 40,
  hops: 0,
  attempt: 0,
  viaBootstrap: false,
  id: messageId(number),
  target,
  body: new Uint8Array(10),
})

describe('introductions', () => {
  test('every visitor is told at once who serves, and its wish to leave is granted', () => {
    const { up, receive, take, closed } = create()
    up(1, peer(1))
    up(2, peer(2))
    expect(take()).toEqual([
      { link: 1, frame: { kind: 'introduction', entries: [], leaseMs: 60_000 } },
      { link: 2, frame: { kind: 'introduction', entries: [peer(1)], leaseMs: 60_000 } },
    ])
    receive(1, { kind: 'goodbye', reason: 'ring stands' })
    expect(closed).toEqual([[1, 'goodbye']])
  })

  test('leases are renewed before they run out, and a visitor that has left is named no more', () => {
    const { up, down, receive, tick, take } = create()
    up(1, peer(1))
    up(2, peer(2))
    take()
    for (let ms = 5_000; ms <= 60_000; ms += 5_000) {
      receive(1, { kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 0 }, ms)
      receive(2, { kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 0 }, ms)
      tick(ms)
    }
    const renewals = take()
    expect(renewals.filter(({ link }) => link === 1)).toHaveLength(2)
    expect(renewals[0]!.frame).toEqual({ kind: 'introduction', entries: [peer(2)], leaseMs: 60_000 })
    down(2)
    up(3, peer(3), { now: 60_000 })
    expect(take()).toEqual([{ link: 3, frame: { kind: 'introduction', entries: [peer(1)], leaseMs: 60_000 } }])
  })

  test('started empty, as after a crash, it is whole again with the next visitors', () => {
    const before = create()
    before.up(1, peer(1))
    before.up(2, peer(2))
    const after = create()
    after.up(1, peer(2), { purpose: 'visit' })
    after.up(2, peer(1), { purpose: 'visit' })
    after.up(3, peer(3))
    expect(after.take().at(-1)!.frame).toEqual({ kind: 'introduction', entries: [peer(2), peer(1)], leaseMs: 60_000 })
  })
})

describe('forwarding', () => {
  test('a unicast goes to its target, marked, and its reply comes back', () => {
    const { up, receive, take } = create()
    up(1, peer(1))
    up(2, peer(2))
    take()
    receive(2, unicast(1, peer(1)))
    const [forwarded] = take()
    expect(forwarded).toMatchObject({ link: 1, frame: { kind: 'unicast', hopLimit: 39, hops: 1, viaBootstrap: true } })
    const reply = {
      kind: 'reply',
      hopLimit: 39,
      hops: 1,
      attempt: 0,
      viaBootstrap: false,
      id: messageId(1),
      body: new Uint8Array(3),
    } as const
    receive(1, reply)
    expect(take()).toEqual([{ link: 2, frame: { ...reply, hopLimit: 38, hops: 2, viaBootstrap: true } }])
  })

  test('a lookup goes to the entry closest to its key, never back to its requester', () => {
    const { up, receive, take } = create()
    up(1, peer(1))
    up(2, peer(2))
    up(3, peer(64))
    take()
    const lookup = {
      kind: 'lookup',
      hopLimit: 40,
      hops: 0,
      attempt: 0,
      viaBootstrap: false,
      id: messageId(1),
      target: peer(1),
      requester: peer(1),
      bucketMin: 0,
      bucketMax: 255,
      slot: 'ring',
    } as const
    receive(1, lookup)
    expect(take()).toMatchObject([{ link: 2, frame: { kind: 'lookup', hopLimit: 39, hops: 1, viaBootstrap: true } }])
  })

  test('what nobody can take comes back as a nack', () => {
    const { up, receive, take } = create()
    up(1, peer(1))
    take()
    receive(1, unicast(1, peer(9)))
    expect(take()).toMatchObject([{ link: 1, frame: { kind: 'nack', reason: 'dead-end' } }])
  })

  test('networks never meet: not in introductions, not in frames', () => {
    const { up, receive, take } = create()
    up(1, peer(1), { network: network(1) })
    up(2, peer(2), { network: network(2) })
    expect(take().map(({ frame }) => frame)).toEqual([
      { kind: 'introduction', entries: [], leaseMs: 60_000 },
      { kind: 'introduction', entries: [], leaseMs: 60_000 },
    ])
    receive(2, unicast(1, peer(1)))
    expect(take()).toMatchObject([{ link: 2, frame: { kind: 'nack', reason: 'dead-end' } }])
  })

  test('a server echoes heartbeats, carries no broadcast and answers to no id', () => {
    const { node, up, receive, take } = create()
    up(1, peer(1))
    up(2, peer(2))
    take()
    receive(1, { kind: 'heartbeat', isEcho: false, hasRoom: true, stamp: 77 })
    receive(1, { kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 78 })
    receive(1, {
      kind: 'broadcast',
      isDirect: false,
      hopLimit: 40,
      hops: 0,
      id: messageId(1),
      target: network(1),
      body: new Uint8Array(3),
    })
    receive(1, { kind: 'keep', wanted: true })
    receive(1, unicast(2, SERVER))
    expect(take()).toEqual([{ link: 1, frame: { kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 77 } }])
    expect(node.inspect().dropped).toEqual({ broadcasts: 1, unexpected: 1, toServer: 1, late: 0 })
  })

  test('counts what goes in and out by kind', () => {
    const { node, up, receive } = create()
    up(1, peer(1))
    up(2, peer(2))
    receive(1, unicast(1, peer(2)))
    receive(1, { kind: 'heartbeat', isEcho: false, hasRoom: true, stamp: 1 })
    const { framesIn, framesOut, router } = node.inspect()
    expect(framesIn).toEqual({ unicast: 1, heartbeat: 1 })
    expect(framesOut).toEqual({ introduction: 2, unicast: 1, heartbeat: 1 })
    expect(router).toMatchObject({ forwarded: 1, deadEnds: 0 })
  })
})

describe('links', () => {
  test('the same id again replaces the older link, which is told so and whose end changes nothing', () => {
    const { node, up, down, receive, take, closed } = create()
    up(1, peer(1))
    up(2, peer(1))
    expect(closed).toEqual([[1, 'replaced']])
    down(1)
    up(3, peer(3))
    take()
    receive(3, unicast(1, peer(1)))
    expect(take()).toMatchObject([{ link: 2, frame: { kind: 'unicast' } }])
    expect(node.inspect()).toMatchObject({ visitors: 2, entries: 2, visits: { joins: 3, replaced: 1 } })
  })

  test('the same id in another network is somebody else', () => {
    const { node, up, closed } = create()
    up(1, peer(1), { network: network(1) })
    up(2, peer(1), { network: network(2) })
    expect(closed).toEqual([])
    expect(node.inspect().visitors).toBe(2)
  })

  test('who says nothing for 30 s is closed, a tick later at most; any frame counts as a word', () => {
    const { up, receive, tick, take, closed } = create()
    up(1, peer(1))
    up(2, peer(2))
    for (let ms = 5_000; ms <= 30_000; ms += 5_000) tick(ms)
    receive(2, { kind: 'keep', wanted: false }, 30_001)
    expect(closed).toEqual([])
    take()
    tick(35_000)
    expect(closed).toEqual([[1, 'silent']])
    expect(take()).toContainEqual({ link: 1, frame: { kind: 'goodbye', reason: 'silent' } })
  })

  test('frames of a link that is gone are dropped', () => {
    const { node, up, down, receive } = create()
    up(1, peer(1))
    down(1)
    receive(1, unicast(1, peer(1)))
    expect(node.inspect().dropped.late).toBe(1)
  })
})

describe('bounds', () => {
  test('networks are bounded, and free again when their last visitor has left', () => {
    const { node, up, down, take, closed } = create({ networksMax: 2 })
    up(1, peer(1), { network: network(1) })
    up(2, peer(1), { network: network(2) })
    take()
    up(3, peer(1), { network: network(3) })
    expect(take()).toEqual([{ link: 3, frame: { kind: 'goodbye', reason: 'too many networks' } }])
    expect(closed).toEqual([[3, 'refused']])
    down(1)
    up(4, peer(1), { network: network(3) })
    expect(node.inspect()).toMatchObject({ networks: { size: 2, max: 2 }, visits: { refused: 1 } })
  })

  test('a lone visitor that comes again keeps its network, even when no other could be added', () => {
    const { node, up, take } = create({ networksMax: 1 })
    up(1, peer(1))
    up(2, peer(1))
    up(3, peer(2))
    expect(take().at(-1)).toEqual({ link: 3, frame: { kind: 'introduction', entries: [peer(1)], leaseMs: 60_000 } })
    expect(node.inspect()).toMatchObject({ visitors: 2, networks: { size: 1 } })
  })

  test('breadcrumbs are bounded however many messages pass', () => {
    const { node, up, receive, take } = create({ linkFrames: { perSecond: 1e9, burst: 1e9 } })
    up(1, peer(1))
    up(2, peer(2))
    for (let i = 0; i < 40_000; i++) receive(1, unicast(i, peer(2)))
    take()
    expect(node.inspect().paths).toBeLessThanOrEqual(16_384)
  })

  test('what routers of past networks have counted stays in the sum', () => {
    const { node, up, down, receive } = create()
    up(1, peer(1))
    receive(1, unicast(1, peer(9)))
    down(1)
    expect(node.inspect()).toMatchObject({ networks: { size: 0 }, router: { deadEnds: 1 } })
  })
})

test('stopped, it says goodbye to all and lets nobody in', () => {
  const { node, up, tick, take, closed, timers } = create()
  up(1, peer(1))
  up(2, peer(2))
  take()
  node.handle({ kind: 'stop' }, at(1))
  expect(take()).toEqual([1, 2].map((link) => ({ link, frame: { kind: 'goodbye', reason: 'server stops' } })))
  up(3, peer(3))
  expect(closed).toEqual([
    [1, 'server stops'],
    [2, 'server stops'],
    [3, 'refused'],
  ])
  tick(5_000)
  expect(timers).toEqual([5_000])
})
