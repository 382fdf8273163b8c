import { describe, expect, it } from 'vitest'
import { Broadcast, type BroadcastConfig } from '../../src/core/broadcast.ts'
import { type Body, type BroadcastFrame, type Frame, HOP_LIMIT_MAX } from '../../src/core/frames.ts'
import type { LinkId, MessageId, NetworkId } from '../../src/core/ids.ts'
import type { VerifyJob } from '../../src/core/io.ts'
import type { Route } from '../../src/core/router.ts'
import { at, key, link, message, peer } from './ids.ts'

const NETWORK = key('n') as NetworkId
const BODY: Body = new Uint8Array(10)

function station(linkCount: number, config: Partial<BroadcastConfig> = {}) {
  const routes = Array.from(
    { length: linkCount },
    (_, i) => ({ link: link(i + 1), peer: peer('p'), role: 'peer', isRing: false, carrier: i }) as Route,
  )
  const sent: { readonly link: LinkId; readonly frame: BroadcastFrame }[] = []
  const jobs: VerifyJob[] = []
  const delivered: number[] = []
  const broadcast = new Broadcast(
    {
      self: peer('s'),
      network: NETWORK,
      seenMax: 100,
      pendingMax: 10,
      sourceFrames: { perSecond: 5, burst: 20 },
      ...config,
    },
    {
      send: (to, frame: Frame) => void (frame.kind === 'broadcast' && sent.push({ link: to, frame })),
      verify: (job) => void jobs.push(job),
      links: () => routes,
      deliver: (_source, _payload, hops) => void delivered.push(hops),
    },
  )
  const hear = (id: MessageId, from: number, body = BODY): void =>
    broadcast.onFrame(
      { kind: 'broadcast', hopLimit: HOP_LIMIT_MAX - 2, hops: 2, id, target: NETWORK, body },
      routes[from]!,
    )
  const verify = (id: MessageId, source = peer('o')): void => broadcast.onVerified({ id, source, payload: BODY }, at(0))
  return { broadcast, routes, sent, jobs, delivered, hear, verify }
}

describe('a broadcast', () => {
  it('of our own goes to every neighbour, and to no visitor', () => {
    const { broadcast, routes, sent } = station(4)
    routes[2]!.carrier = -1
    broadcast.originate(message('m'), BODY, at(0))
    expect(sent.map((one) => one.link)).toEqual([1, 2, 4])
    expect(sent.every(({ frame }) => frame.hopLimit === HOP_LIMIT_MAX - 1)).toBe(true)
  })

  it('is neither delivered nor passed on before its signature has been checked', () => {
    const { hear, verify, sent, delivered, jobs } = station(3)
    hear(message('m'), 0)
    expect([sent, delivered]).toEqual([[], []])
    expect(jobs).toHaveLength(1)
    verify(message('m'))
    expect(delivered).toEqual([2])
    expect(sent.map((one) => one.link)).toEqual([2, 3])
  })

  it('is delivered once however many copies come, before or after', () => {
    const { hear, verify, delivered, sent } = station(4)
    for (const from of [0, 1, 0]) hear(message('m'), from)
    verify(message('m'))
    for (const from of [2, 3]) hear(message('m'), from)
    expect(delivered).toHaveLength(1)
    // Links 1 and 2 had it when it was passed on.
    expect(sent.map((one) => one.link)).toEqual([3, 4])
  })

  it('is not crowded out by a forged copy that comes first', () => {
    const { broadcast, hear, verify, jobs, delivered } = station(3)
    const forged = new Uint8Array(9)
    hear(message('m'), 0, forged)
    hear(message('m'), 1)
    broadcast.onRefused(message('m'))
    expect(jobs.map(({ body }) => body)).toEqual([forged, BODY])
    verify(message('m'))
    expect(delivered).toHaveLength(1)
    expect(broadcast.counters.refused).toBe(1)
  })

  it('of which all copies are forged can still come later', () => {
    const { broadcast, hear, verify, delivered } = station(3)
    hear(message('m'), 0)
    broadcast.onRefused(message('m'))
    hear(message('m'), 1)
    verify(message('m'))
    expect(delivered).toHaveLength(1)
  })

  it('of our own that comes back is not delivered to us', () => {
    const { hear, verify, delivered, sent } = station(3)
    hear(message('m'), 0)
    verify(message('m'), peer('s'))
    expect([delivered, sent]).toEqual([[], []])
  })

  it('stops where its hop limit ends, after it was delivered there', () => {
    const { broadcast, routes, verify, sent, delivered } = station(2)
    broadcast.onFrame(
      { kind: 'broadcast', hopLimit: 0, hops: HOP_LIMIT_MAX, id: message('m'), target: NETWORK, body: BODY },
      routes[0]!,
    )
    verify(message('m'))
    expect(delivered).toEqual([HOP_LIMIT_MAX])
    expect(sent).toEqual([])
  })
})

describe('bounds of broadcasting', () => {
  const name = (i: number): MessageId => message(`m${i}x`.replaceAll(/\d/g, (digit) => 'bcdefghijk'[Number(digit)]!))

  it('only so many wait for verification; more are dropped and counted', () => {
    const { broadcast, hear, jobs } = station(2)
    for (let i = 0; i < 30; i++) hear(name(i), 0)
    expect(jobs).toHaveLength(10)
    expect(broadcast.counters.overflow).toBe(20)
  })

  it('one source is contained, another one is not', () => {
    const { broadcast, hear, verify, delivered } = station(2)
    for (let i = 0; i < 50; i++) {
      hear(name(i), 0)
      verify(name(i), peer('flooder'))
    }
    hear(name(99), 0)
    verify(name(99), peer('honest'))
    expect(delivered).toHaveLength(21)
    expect(broadcast.counters.overRate).toBe(30)
  })

  it('remembered ids and sources stay within their bounds', () => {
    const { broadcast, hear, verify } = station(2, { seenMax: 50 })
    for (let i = 0; i < 5_000; i++) {
      hear(name(i), 0)
      verify(name(i), peer(`s${i}x`.replaceAll(/\d/g, (digit) => 'bcdefghijk'[Number(digit)]!)))
      for (const [what, { size, max }] of Object.entries(broadcast.collections))
        expect(size, what).toBeLessThanOrEqual(max)
    }
  })
})
