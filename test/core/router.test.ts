import { describe, expect, it } from 'vitest'
import { HOP_LIMIT_MAX } from '../../src/core/frames.ts'
import { at, message, peer } from './ids.ts'
import { type Bench, bench, connect, cut, handle, lookup, settle, unicast } from './lab.ts'

describe('a unicast', () => {
  it('travels greedily to the link closest to its target', () => {
    const [source, near, far, target] = [bench('a'), bench('e'), bench('b'), bench('g')]
    connect(source, near)
    connect(source, far)
    connect(near, target)
    source.router.originate(unicast(target), null, at(0))
    settle()
    expect(target.delivered).toHaveLength(1)
    expect(far.sent).toEqual([])
  })

  it('takes a standing link to the target before any other', () => {
    const [source, target] = [bench('a'), bench('g')]
    const direct = connect(source, target)
    connect(source, bench('gb'))
    source.router.originate(unicast(target), null, at(0))
    expect(source.sent.map((sent) => sent.link)).toEqual([direct.a.link])
  })

  it('tells how many links it crossed', () => {
    const chain = ['a', 'b', 'c', 'd'].map((id) => bench(id))
    chain.slice(1).forEach((next, i) => connect(chain[i]!, next))
    chain[0]!.router.originate(unicast(chain[3]!), null, at(0))
    settle()
    expect(chain[3]!.delivered[0]).toMatchObject({ hops: 3, hopLimit: HOP_LIMIT_MAX - 3 })
  })

  it('comes back from a dead end and tries the next best', () => {
    const [source, relay, dead, detour, target] = [bench('a'), bench('d'), bench('gb'), bench('f'), bench('ga')]
    connect(source, relay)
    connect(relay, dead)
    connect(relay, detour)
    connect(detour, target)
    source.router.originate(unicast(target), null, at(0))
    settle()
    expect(target.delivered).toHaveLength(1)
    expect(relay.router.counters.forwarded).toBe(2)
    expect(dead.router.counters.deadEnds).toBe(1)
  })

  it('leaves a local minimum by a ring neighbour rather than by another link', () => {
    const [source, minimum, ring, other, target] = [bench('a'), bench('gb'), bench('c'), bench('d'), bench('ga')]
    connect(source, minimum)
    connect(minimum, ring, { isRing: true })
    connect(minimum, other)
    connect(ring, target)
    connect(other, target)
    source.router.originate(unicast(target), null, at(0))
    settle()
    expect(target.delivered).toHaveLength(1)
    expect(other.sent).toEqual([])
  })

  it('is returned to its source when no link leads anywhere', () => {
    const [source, relay] = [bench('a'), bench('c')]
    connect(source, relay)
    source.router.originate(unicast(peer('g')), null, at(0))
    settle()
    expect(source.returned.map(({ reason }) => reason)).toEqual(['dead-end'])
  })

  it('visits no node twice in one attempt, and ends in a mesh that loops', () => {
    const ring = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => bench(id))
    ring.forEach((node, i) => connect(node, ring[(i + 1) % ring.length]!, { isRing: true }))
    ring[0]!.router.originate(unicast(peer('z')), null, at(0))
    settle()
    expect(ring[0]!.returned).toHaveLength(1)
    expect(Math.max(...ring.map((node) => node.router.counters.forwarded))).toBeLessThanOrEqual(2)
  })

  it('spends its hop limit on the whole search, way back included', () => {
    const chain = Array.from({ length: 60 }, (_, i) =>
      bench(`a${'abcdefghijklmnopqrstuvwxyz234567'[i >> 5]}${'abcdefghijklmnopqrstuvwxyz234567'[i & 31]}`),
    )
    chain.slice(1).forEach((next, i) => connect(chain[i]!, next))
    const [source, target] = [chain[0]!, chain[59]!]
    source.router.originate(unicast(target), null, at(0))
    settle()
    expect(target.delivered).toEqual([])
    expect(source.returned).toHaveLength(1)
    const forwards = chain.reduce((sum, node) => sum + node.router.counters.forwarded, 0)
    expect(forwards).toBe(HOP_LIMIT_MAX)
  })

  it('reaches its target again when another attempt takes the same way', () => {
    const [source, relay, target] = [bench('a'), bench('c'), bench('g')]
    connect(source, relay)
    connect(relay, target)
    for (const attempt of [0, 1]) source.router.originate(unicast(target, 'm', attempt), null, at(0))
    settle()
    expect(target.delivered.map(({ attempt }) => attempt)).toEqual([0, 1])
  })

  describe('in every other attempt goes first to who names its target, for anybody can name anybody,', () => {
    const target = peer('ga')
    /** The two closest links, then two that name the target. All drop what they should forward. */
    const connectFour = (to: Bench) =>
      ['gb', 'gd', 'd', 'f'].map((id, i) => {
        const dropper = Object.assign(bench(id), { swallow: () => true })
        return Object.assign(connect(to, dropper).a, { peers: i < 2 ? null : [target] })
      })

    it('at a relay, which gives it to nobody twice', () => {
      const [source, relay] = [bench('a'), bench('c')]
      const { a } = connect(source, relay)
      const [closest, second, named, other] = connectFour(relay)
      for (const attempt of [0, 1, 2, 3]) source.router.originate(unicast(target, 'm', attempt), a.link, at(0))
      settle()
      expect(relay.sent.map(({ link }) => link)).toEqual([closest, other, second, named].map((route) => route!.link))
    })

    it('and at its source, unless that one is known not to forward', () => {
      const source = bench('a')
      const [closest, second, named, other] = connectFour(source)
      expect(source.router.firstHops(target, 0)).toEqual([closest, second, other, named])
      expect(source.router.firstHops(target, 1)).toEqual([other, named, closest, second])
      expect(source.router.firstHops(target, 2)).toEqual([closest, second, other, named])
      for (let i = 0; i < 12; i++) source.router.judge(closest!.link, [other!.link], at(i))
      expect(source.router.firstHops(target, 3)).toEqual([named, closest, second, other])
    })
  })

  it('is not carried by a link that only visits', () => {
    const [source, visitor] = [bench('a'), bench('g')]
    connect(source, visitor, { role: 'visitor', carries: false })
    expect(source.router.originate(unicast(peer('gb')), null, at(0))).toBe(false)
    expect(source.router.originate(unicast(visitor), null, at(0))).toBe(true)
  })
})

/** `source` – `relay` – `detour` – `target`, where the relay knows a way that looks better and is dead `deep` nodes on. */
function misled(deep: number) {
  const [source, relay, detour, target] = [bench('a'), bench('d'), bench('f'), bench('ga')]
  const dead = descent('gb', deep)
  connect(source, relay)
  connect(relay, dead[0]!)
  connect(relay, detour)
  connect(detour, target)
  return { source, relay, target, dead }
}

/** A row of nodes, each closer to "ga" than the one before it. */
function descent(prefix: string, length: number): Bench[] {
  const row = Array.from({ length }, (_, i) => bench(`${prefix}${'765432zyxwvutsrqponmlkjihgfedcba'[i]}`))
  row.slice(1).forEach((next, i) => connect(row[i]!, next))
  return row
}

describe('a frame that met a dead end', () => {
  it('tells at its target the links of the way it took in the end, and spends its hop limit on all', () => {
    const { source, target, dead } = misled(5)
    source.router.originate(unicast(target), null, at(0))
    settle()
    expect(dead.at(-1)!.router.counters.deadEnds).toBe(1)
    expect(target.delivered).toMatchObject([{ hops: 3, hopLimit: HOP_LIMIT_MAX - 3 - 5 }])
  })

  it('is answered over as many links, and the source can tell', () => {
    const { source, target } = misled(5)
    source.router.originate(unicast(target), null, at(0))
    settle()
    target.router.reply({ id: message('m'), attempt: 0 }, new Uint8Array(5))
    settle()
    expect(source.replies).toMatchObject([{ hops: 3 }])
  })

  it('starts from nought again when it had come back to its source', () => {
    const [source, dead, detour, target] = [bench('a'), bench('gb'), bench('f'), bench('ga')]
    connect(source, dead)
    connect(source, detour)
    connect(detour, target)
    source.router.originate(unicast(target), null, at(0))
    settle()
    expect(dead.router.counters.deadEnds).toBe(1)
    expect(target.delivered).toMatchObject([{ hops: 2 }])
  })

  it('tells the same as a lookup, to whoever takes it', () => {
    const [source, relay, unwilling, other] = [bench('a'), bench('e'), bench('gb'), bench('gc')]
    connect(source, relay)
    connect(relay, unwilling)
    connect(relay, other)
    other.answersLookups = 'always'
    source.router.originate(lookup('g', source), null, at(0))
    settle()
    expect(unwilling.router.counters.deadEnds).toBe(1)
    // Of what was left, a search that has turned back keeps five.
    expect(other.answered).toMatchObject([{ frame: { hops: 2, hopLimit: 4 } }])
  })

  it('is not given new hop limit where its hops start again', () => {
    const [source, relay, dead, further] = [bench('a'), bench('d'), descent('gb', 25), descent('gc', 25)]
    for (const next of [source, dead[0]!, further[0]!]) connect(relay, next)
    source.router.originate(unicast(peer('ga')), null, at(0))
    settle()
    const all = [source, relay, ...dead, ...further]
    expect(all.reduce((sum, node) => sum + node.router.counters.forwarded, 0)).toBe(HOP_LIMIT_MAX)
    // One link to the relay, 25 into the first dead end, and 14 of the second.
    const last = further[12]!.sent.find(({ frame }) => frame.kind === 'unicast')
    expect(last?.frame).toMatchObject({ hops: 15, hopLimit: 0 })
    expect(source.returned).toHaveLength(1)
  })
})

describe('a reply', () => {
  const line = () => {
    const nodes = [bench('a'), bench('c'), bench('e'), bench('g')] as const
    const links = [connect(nodes[0], nodes[1]), connect(nodes[1], nodes[2]), connect(nodes[2], nodes[3])] as const
    nodes[0].router.originate(unicast(nodes[3]), null, at(0))
    settle()
    return { nodes, links }
  }

  it('goes back the way the request came and tells how many links that was', () => {
    const { nodes } = line()
    expect(nodes[3].router.reply({ id: message('m'), attempt: 0 }, new Uint8Array(5))).toBe(true)
    settle()
    expect(nodes[0].replies).toHaveLength(1)
    expect(nodes[0].replies[0]!.hops).toBe(3)
  })

  it('may come several times', () => {
    const { nodes } = line()
    for (let i = 0; i < 3; i++) nodes[3].router.reply({ id: message('m'), attempt: 0 }, new Uint8Array(5))
    settle()
    expect(nodes[0].replies).toHaveLength(3)
  })

  it('is refused from a link that was never given the request', () => {
    const { nodes } = line()
    const liar = bench('f')
    const ends = connect(liar, nodes[1])
    handle(nodes[1], ends.b.link, {
      kind: 'reply',
      hopLimit: 9,
      hops: 1,
      attempt: 0,
      viaBootstrap: false,
      id: message('m'),
      body: new Uint8Array(5),
    })
    settle()
    expect(nodes[0].replies).toEqual([])
    expect(nodes[1].router.counters.strayReplies).toBe(1)
  })

  it('is dropped and counted where the way back is broken', () => {
    const { nodes, links } = line()
    cut(nodes[0], links[0].a)
    nodes[3].router.reply({ id: message('m'), attempt: 0 }, new Uint8Array(5))
    settle()
    expect(nodes[1].router.counters.brokenPaths).toBe(1)
  })

  it('is impossible for a request that never came', () => {
    expect(bench('a').router.reply({ id: message('x'), attempt: 0 }, new Uint8Array(1))).toBe(false)
  })
})

describe('a lookup', () => {
  it('ends at the peer closest to the key, which knows that it is the closest', () => {
    const [source, relay, closest] = [bench('a'), bench('e'), bench('gb')]
    connect(source, relay)
    connect(relay, closest)
    closest.answersLookups = relay.answersLookups = 'closest'
    source.router.originate(lookup('g', source), null, at(0))
    settle()
    expect(closest.answered.map(({ isClosest }) => isClosest)).toEqual([true])
    expect(relay.answered).toEqual([])
  })

  it('stops at the first relay that takes it', () => {
    const [source, relay, closest] = [bench('a'), bench('e'), bench('gb')]
    connect(source, relay)
    connect(relay, closest)
    relay.answersLookups = closest.answersLookups = 'always'
    source.router.originate(lookup('g', source), null, at(0))
    settle()
    expect(relay.answered).toHaveLength(1)
    expect(closest.answered).toEqual([])
  })

  it('is never led to the peer that asks', () => {
    const [source, relay, entry] = [bench('g'), bench('e'), bench('a')]
    connect(source, entry)
    connect(entry, relay)
    connect(relay, source)
    relay.answersLookups = 'closest'
    source.router.originate(lookup('g', source), source.router.firstHops(entry.id)[0]!.link, at(0))
    settle()
    expect(relay.answered).toHaveLength(1)
  })

  it('that ends at a peer outside of the buckets it asks for is over: nobody', () => {
    const [source, relay, closest] = [bench('a'), bench('c'), bench('gb')]
    connect(source, relay)
    connect(relay, closest)
    // 'gb' shares two bits with 'a': bucket 2. In bucket 4 of 'a' there is 'b' alone.
    for (const [bucketMin, reason] of [
      [2, 'dead-end'],
      [4, 'nobody'],
    ] as const) {
      const range = { bucketMin, bucketMax: 4 }
      source.router.originate({ ...lookup('g', source, range), id: message(reason) }, null, at(0))
      settle()
      expect(source.returned.at(-1)?.reason).toBe(reason)
    }
  })

  it('only descends: no detours away from the key', () => {
    const [source, closest, other] = [bench('a'), bench('gb'), bench('c')]
    connect(source, closest)
    connect(closest, other, { isRing: true })
    source.router.originate(lookup('g', source), null, at(0))
    settle()
    expect(other.sent).toEqual([])
    expect(source.returned.map(({ reason }) => reason)).toEqual(['dead-end'])
  })
})

describe('a NACK', () => {
  it('is ignored from a link that does not hold the frame', () => {
    const [source, relay, liar] = [bench('a'), bench('e'), bench('c')]
    connect(source, relay)
    const ends = connect(source, liar)
    relay.swallow = () => true
    const frame = unicast(peer('g'))
    source.router.originate(frame, null, at(0))
    handle(source, ends.a.link, { kind: 'nack', reason: 'dead-end', frame })
    expect(source.returned).toEqual([])
    expect(source.router.counters.strayNacks).toBe(1)
  })

  it('cannot redirect a frame to another target', () => {
    const [source, liar, victim] = [bench('a'), bench('e'), bench('c')]
    const ends = connect(source, liar)
    connect(source, victim)
    source.router.originate(unicast(peer('g')), null, at(0))
    handle(source, ends.a.link, { kind: 'nack', reason: 'dead-end', frame: unicast(victim) })
    expect(source.router.counters.strayNacks).toBe(1)
  })

  it('cannot raise the hop limit', () => {
    const [source, relay, other] = [bench('a'), bench('g'), bench('e')]
    const ends = connect(source, relay)
    connect(source, other)
    relay.swallow = () => true
    const frame = { ...unicast(peer('ga')), hopLimit: 5 }
    source.router.originate(frame, null, at(0))
    handle(source, ends.a.link, { kind: 'nack', reason: 'dead-end', frame: { ...frame, hopLimit: 40 } })
    const last = source.sent.at(-1)!.frame
    expect(last.kind === 'unicast' && last.hopLimit).toBe(3)
  })
})

describe('what others say about hops', () => {
  it('in a nack, is not believed', () => {
    const [source, liar, other] = [bench('a'), bench('g'), bench('e')]
    const ends = connect(source, liar)
    connect(source, other)
    liar.swallow = () => true
    const frame = unicast(peer('ga'))
    source.router.originate(frame, null, at(0))
    handle(source, ends.a.link, { kind: 'nack', reason: 'dead-end', frame: { ...frame, hopLimit: 20, hops: 20 } })
    expect(source.sent.at(-1)!.frame).toMatchObject({ hops: 1, hopLimit: 19 })
  })

  it('changes no route', () => {
    const routes = [0, 15].map((hops) => {
      const [source, { relay, target, dead }] = [bench('b'), misled(3)]
      const { b } = connect(source, relay)
      handle(relay, b.link, { ...unicast(target), hopLimit: 20, hops })
      settle()
      expect(target.delivered).toMatchObject([{ hops: hops + 2, hopLimit: 20 - 2 - 3 }])
      return [relay, ...dead].map(({ router, sent }) => [router.counters, sent.map(({ frame }) => frame.kind)])
    })
    expect(routes[0]).toEqual(routes[1])
  })
})

describe('a bootstrap', () => {
  it('marks what it forwards, and gives it to the entry closest to the target', () => {
    const server = bench('z', { isBootstrap: true })
    const [newcomer, near, far] = [bench('a'), bench('g'), bench('m')]
    const ends = connect(newcomer, server, { role: 'visitor', carries: false })
    connect(near, server, { role: 'visitor' })
    connect(far, server, { role: 'visitor' })
    handle(server, ends.b.link, unicast(peer('ga')))
    settle()
    const frames = near.router.counters.seen + server.sent.length
    expect(frames).toBeGreaterThan(0)
    const first = server.sent[0]!.frame
    expect(first.kind === 'unicast' && first.viaBootstrap).toBe(true)
  })
})

describe('budgets and bounds', () => {
  it('a flooding link is refused at its budget, and others are not', () => {
    const relay = bench('c', { linkFrames: { perSecond: 10, burst: 50 } })
    const [flooder, honest, target] = [bench('a'), bench('b'), bench('g')]
    const bad = connect(flooder, relay)
    const good = connect(honest, relay)
    connect(relay, target)
    for (let i = 0; i < 500; i++) handle(relay, bad.b.link, unicast(target, `f${i}x`))
    handle(relay, good.b.link, unicast(target, 'honest'))
    settle()
    expect(target.delivered).toHaveLength(51)
    expect(relay.router.counters.busy).toBe(450)
  })

  it('bytes are budgeted too', () => {
    const relay = bench('c', { linkBytes: { perSecond: 1, burst: 1_000 } })
    const [flooder, target] = [bench('a'), bench('g')]
    const bad = connect(flooder, relay)
    connect(relay, target)
    for (let i = 0; i < 20; i++) handle(relay, bad.b.link, unicast(target, `f${i}x`))
    settle()
    expect(target.delivered).toHaveLength(6)
  })

  it('breadcrumbs stay within their bound under a flood of ids', () => {
    const relay = bench('c', {
      pathsMax: 100,
      linkFrames: { perSecond: 1e6, burst: 1e6 },
      linkBytes: { perSecond: 1e9, burst: 1e9 },
    })
    const [flooder, target] = [bench('a'), bench('g')]
    const bad = connect(flooder, relay)
    connect(relay, target)
    for (let i = 0; i < 5_000; i++) {
      handle(relay, bad.b.link, unicast(target, `f${i}x`))
      const { paths } = relay.router.collections
      expect(paths!.size).toBeLessThanOrEqual(paths!.max)
    }
  })
})
