/** Places in the tree: who begins, who is let in, and who has to go. */

import { xor } from '../../src/core/geometry.ts'
import { describe, expect, it } from 'vitest'
import { BroadcastCache } from '../../src/core/broadcast-cache.ts'
import { EAGER_MAX, EagerPeers } from '../../src/core/eager-peers.ts'
import type { BroadcastFrame } from '../../src/core/frames.ts'
import type { LinkId, NetworkId } from '../../src/core/ids.ts'
import { RoundTrip } from '../../src/core/round-trip.ts'
import type { Route } from '../../src/core/routes.ts'
import { at, key, link, peer } from './ids.ts'
import { generator } from './recorder.ts'
import { name } from './tree.ts'

const route = (number: number, id: string, isRing = false): Route =>
  ({ link: link(number), peer: peer(id), isRing, roundTrip: null }) as Route

function measured(ms: number, of: Route): Route {
  const roundTrip = new RoundTrip()
  roundTrip.add(ms)
  return { ...of, roundTrip }
}

function full(): EagerPeers {
  const peers = new EagerPeers((other) => xor.bucketOf(peer('a'), other))
  for (let i = 1; i <= EAGER_MAX; i++) peers.add(link(i), at(0))
  return peers
}

const take = (peers: EagerPeers, times: number): void => {
  for (let i = 0; i < times; i++) for (const standing of peers.eager) standing.taken++
}

describe('who begins', () => {
  it('one of the ring, the others from different parts of the key space', () => {
    // Twenty neighbours in the farthest half, three nearer ones, and one of the ring.
    const far = Array.from({ length: 20 }, (_, i) => route(i + 10, `z${'abcdefghijklmnopqrst'[i]!}`))
    const links = [...far, route(1, 'i'), route(2, 'e'), route(3, 'c'), route(4, 'b', true)]
    for (let seed = 1; seed <= 20; seed++) {
      const peers = new EagerPeers((other) => xor.bucketOf(peer('a'), other))
      peers.begin(links, generator(seed), { isRelay: false })
      const chosen = peers.eager.map((one) => one.link as number)
      expect(chosen).toHaveLength(4)
      expect(chosen[0], `seed ${seed}`).toBe(4)
      expect(chosen.filter((one) => one >= 10).length, `seed ${seed}`).toBeLessThanOrEqual(1)
    }
  })

  it('the fastest of each part, and whichever of the ring', () => {
    const links = [
      measured(90, route(1, 'i')),
      measured(20, route(2, 'j')),
      measured(30, route(3, 'e')),
      measured(10, route(4, 'z')),
      route(5, 'y'),
      measured(80, route(6, 'c')),
      measured(200, route(7, 'b', true)),
      measured(100, route(8, 'b', true)),
    ]
    const firsts = new Set<LinkId>()
    for (let seed = 1; seed <= 20; seed++) {
      const peers = new EagerPeers((other) => xor.bucketOf(peer('a'), other))
      peers.begin(links, generator(seed), { isRelay: false })
      const [first, ...others] = peers.eager.map((one) => one.link)
      firsts.add(first!)
      expect(others, `seed ${seed}`).toEqual([link(4), link(2), link(3)])
    }
    expect(firsts).toEqual(new Set([link(7), link(8)]))
  })

  it('chance decides between equals', () => {
    const links = Array.from({ length: 20 }, (_, i) => route(i + 1, `z${'abcdefghijklmnopqrst'[i]!}`))
    const seen = new Set<LinkId>()
    for (let seed = 1; seed <= 40; seed++) {
      const peers = new EagerPeers((other) => xor.bucketOf(peer('a'), other))
      peers.begin(links, generator(seed), { isRelay: false })
      for (const one of peers.eager) seen.add(one.link)
    }
    expect(seen.size).toBeGreaterThan(15)
  })
})

describe('a full house', () => {
  it('lets nobody in who would break the tree elsewhere', () => {
    const peers = full()
    expect(peers.add(link(99), at(0))).toEqual({ isAdmitted: false, loser: null })
    expect(peers.eager).toHaveLength(EAGER_MAX)
  })

  it('makes room at the cost of who only took', () => {
    const peers = full()
    for (let i = 1; i <= EAGER_MAX; i++) if (i !== 7) peers.gave(link(i))
    take(peers, 256)
    expect(peers.add(link(99), at(0))).toEqual({ isAdmitted: true, loser: link(7) })
    expect(peers.isEager(link(7))).toBe(false)
    expect(peers.eager).toHaveLength(EAGER_MAX)
  })

  it('does not count a few payloads as taking', () => {
    const peers = full()
    take(peers, 255)
    expect(peers.add(link(99), at(0)).isAdmitted).toBe(false)
  })
})

describe('the cache', () => {
  const frame = (i: number, byteLength = 10): BroadcastFrame => ({
    kind: 'broadcast',
    isDirect: false,
    hopLimit: 9,
    hops: 1,
    id: name(i),
    target: key('n') as NetworkId,
    body: { byteLength },
  })

  it('forgets its oldest frames when it is full of frames or of bytes', () => {
    const cache = new BroadcastCache({ framesMax: 3, bytesMax: 100 })
    for (let i = 0; i < 5; i++) cache.keep(frame(i), null, at(i))
    expect(cache.newest(9).map(([id]) => id)).toEqual([name(4), name(3), name(2)])
    cache.keep(frame(5, 85), null, at(5))
    expect(cache.newest(9).map(([id]) => id)).toEqual([name(5), name(4)])
    // Seen they are all the same.
    for (let i = 0; i < 6; i++) expect(cache.has(name(i))).toBe(true)
  })

  it('keeps a frame for a minute, and its id for two', () => {
    const cache = new BroadcastCache()
    cache.keep(frame(1), null, at(1_000))
    cache.tick(at(60_999))
    expect(cache.isEmpty).toBe(false)
    cache.tick(at(61_000))
    expect(cache.isEmpty).toBe(true)
    cache.tick(at(120_999))
    expect(cache.has(name(1))).toBe(true)
  })
})
