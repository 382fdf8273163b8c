/** The neighbour manager by what it says and does: gossip, places, polite closing, repair. */

import { describe, expect, it } from 'vitest'
import type { Frame } from '../../src/core/frames.ts'
import { type BucketRange, ONLY_CLOSEST, xor } from '../../src/core/geometry.ts'
import type { ExchangeId, LinkId, PeerId } from '../../src/core/ids.ts'
import { at, exchange, link, message, peer } from './ids.ts'
import { BYTES, linkUp, RELAY, Stage } from './stage.ts'

const T0 = 1_700_000_000_000
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'
/** Peers all over the ring: 'a1', 'b1' … as prefixes. */
const everywhere = (count: number): PeerId[] =>
  Array.from({ length: count }, (_, i) => peer(`${LETTERS[i % 26]}c${LETTERS[Math.floor(i / 26)]}`))

/** A node with so many neighbours, beside its relay. */
function withNeighbors(stage: Stage, peers: readonly PeerId[]): LinkId[] {
  return peers.map((id, i) => {
    stage.input(linkUp(i + 10, id))
    return link(i + 10)
  })
}

const framesTo = (stage: Stage, to: number, kind: Frame['kind']): Frame[] =>
  stage.effects.flatMap((effect) =>
    effect.do === 'send' && effect.link === link(to) && effect.frame.kind === kind ? [effect.frame] : [],
  )

const closed = (stage: Stage): [number, string][] =>
  stage.effects.flatMap((effect) =>
    effect.do === 'closeLink' ? [[effect.link, effect.reason] as [number, string]] : [],
  )

/** A second goes by; every neighbour is heard of, so that none dies. */
function second(stage: Stage, count = 1): void {
  for (let i = 0; i < count; i++) {
    stage.input({ kind: 'timer', token: { kind: 'tick' } }, 1_000)
    for (const { link: on } of stage.node.neighbors.all())
      stage.input({ kind: 'frame', link: on, frame: { kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 0 } }, 0)
  }
}

describe('gossip', () => {
  it('says in every heartbeat whether there was room for another link at the last tick', () => {
    const stage = new Stage('b', 8)
    const rooms = (): boolean[] => {
      const beats = framesTo(stage, 1, 'heartbeat').map((frame) => frame.kind === 'heartbeat' && frame.hasRoom)
      stage.effects.splice(0)
      return beats
    }
    second(stage, 3)
    expect(new Set(rooms())).toEqual(new Set([true]))
    withNeighbors(stage, everywhere(7))
    second(stage, 1)
    rooms()
    second(stage, 3)
    expect(new Set(rooms())).toEqual(new Set([false]))
  })

  it('tells a new neighbour at once who our neighbours are, without itself', () => {
    const stage = new Stage('b')
    stage.input(linkUp(2, peer('x')))
    expect(framesTo(stage, 2, 'peers')).toEqual([{ kind: 'peers', peers: [RELAY], room: 0 }])
  })

  it('names at most sixteen, and among them those next to the receiver on the ring', () => {
    const stage = new Stage('b', 64)
    withNeighbors(stage, everywhere(40))
    stage.input(linkUp(2, peer('k')))
    const [frame] = framesTo(stage, 2, 'peers')
    const named = frame?.kind === 'peers' ? frame.peers : []
    expect(named.length).toBeLessThanOrEqual(16)
    expect(new Set(named).size).toBe(named.length)
    for (const near of ['kc', 'jc', 'lc']) expect(named.some((id) => id.startsWith(near))).toBe(true)
  })

  it('tells neighbours of a change later, not at every change', () => {
    const stage = new Stage('b', 16)
    withNeighbors(stage, everywhere(8))
    const before = framesTo(stage, 10, 'peers').length
    second(stage, 6)
    expect(framesTo(stage, 10, 'peers').length).toBe(before + 1)
    second(stage, 6)
    expect(framesTo(stage, 10, 'peers').length).toBe(before + 1)
  })

  it('sends the offer to a peer first over the neighbour that named it', () => {
    const stage = new Stage('b')
    stage.input(linkUp(2, peer('x')))
    stage.frame({ kind: 'peers', peers: [peer('c')], room: 0xffff_ffff }, 2)
    stage.input({ kind: 'timer', token: { kind: 'maintain' } }, 300)
    const id = stage.last('createOffer').exchange as ExchangeId
    stage.input({ kind: 'described', exchange: id, description: BYTES })
    stage.input({ kind: 'sealed', job: stage.sealed(), body: BYTES })
    const sent = stage.effects.findLast((effect) => effect.do === 'send' && effect.frame.kind === 'unicast')
    expect(sent).toMatchObject({ link: link(2), frame: { target: peer('c') } })
  })
})

describe('what is missing', () => {
  /** Eight ring neighbours beside us: the density says that the mesh is large. */
  const crowd = ['bab', 'bac', 'bad', 'bae', 'a7', 'a6', 'a5', 'a4'].map((id) => peer(id))
  const lookups = (stage: Stage) =>
    stage.effects.flatMap((effect) => (effect.do === 'send' && effect.frame.kind === 'lookup' ? [effect.frame] : []))

  it('in a bucket is offered a link if it is said to have room; else somebody there who has is looked for', () => {
    for (const hasRoom of [true, false]) {
      const stage = new Stage('b', 32)
      // The relay sits in bucket 2; half of all ids, q…7, are bucket 0.
      withNeighbors(stage, crowd)
      stage
        .frame({ kind: 'peers', peers: [peer('x')], room: hasRoom ? 1 : 0 })
        .input({ kind: 'timer', token: { kind: 'maintain' } }, 300)
      const isOffered = stage.node.signaling.linkTo(peer('x')) !== undefined
      expect(isOffered).toBe(hasRoom)
      expect(lookups(stage).some(({ slot, bucketMax }) => slot === 'bucket' && bucketMax === 0)).toBe(!hasRoom)
    }
  })

  it('up to seven eighths of the cap is sought anywhere, one at a time, in a mesh that has as many to give', () => {
    const anywhere = (stage: Stage) => lookups(stage).filter(({ slot }) => slot === 'random')
    const large = new Stage('b', 32)
    const denser = ['baf', 'bag', 'bah', 'bai', 'a3', 'a2', 'az', 'ay'].map((id) => peer(id))
    withNeighbors(large, [...crowd, ...denser, ...everywhere(3)])
    second(large, 8)
    expect(anywhere(large)).toEqual([])
    // Upkeep comes every 8 s at the latest while anything is wanted.
    second(large, 8)
    expect(anywhere(large)).toHaveLength(1)
    expect(anywhere(large)[0]).toMatchObject({ bucketMin: 0, bucketMax: 255, requester: peer('b') })
    // Here everybody is a neighbour already.
    const small = new Stage('b', 32)
    withNeighbors(small, everywhere(17))
    second(small, 20)
    expect(anywhere(small)).toEqual([])
  })
})

describe('links that nobody wants', () => {
  /** Above seven eighths of the cap, what has no place is unwanted: eight links at a cap of eight. */
  const crowded = (): { readonly stage: Stage; readonly spare: LinkId } => {
    const stage = new Stage('b', 8)
    withNeighbors(
      stage,
      ['bc', 'bd', 'q', 'r', 's', 't', 'u'].map((id) => peer(id)),
    )
    second(stage, 6)
    const spare = [...stage.node.neighbors.all()].find(({ wanted }) => !wanted)
    return { stage, spare: spare!.link }
  }

  it('are announced as such, and stay while the other side wants them', () => {
    const { stage, spare } = crowded()
    expect(framesTo(stage, spare, 'keep').at(-1)).toEqual({ kind: 'keep', wanted: false })
    second(stage, 5)
    expect(closed(stage)).toEqual([])
  })

  it('are not those that we want, whatever the other side says', () => {
    const { stage } = crowded()
    const wanted = [...stage.node.neighbors.all()].find((neighbor) => neighbor.wanted)
    stage.frame({ kind: 'keep', wanted: false }, wanted!.link)
    second(stage)
    expect(closed(stage)).toEqual([])
  })

  it('close when the other side does not want them either, with a goodbye', () => {
    const { stage, spare } = crowded()
    stage.frame({ kind: 'keep', wanted: false }, spare)
    expect(framesTo(stage, spare, 'goodbye')).toEqual([{ kind: 'goodbye', reason: 'unneeded' }])
    expect(closed(stage)).toEqual([[spare, 'unneeded']])
    second(stage, 5)
    // Nor is the peer dialled again right away.
    expect(stage.effects.filter((effect) => effect.do === 'createOffer').length).toBe(
      stage.node.neighbors.counters.dials,
    )
  })
})

describe('at the cap', () => {
  const full = (): Stage => {
    const stage = new Stage('b', 6)
    withNeighbors(
      stage,
      ['a', 'c', 'q', 'r', 's'].map((id) => peer(`${id}c`)),
    )
    second(stage)
    return stage
  }

  it('a nearer ring neighbour gets the place of the weakest, never of a ring neighbour', () => {
    const stage = full()
    const ring = [...stage.node.neighbors.all()].filter(({ slot }) => slot === 'ring').map(({ link: on }) => on)
    stage.hears(peer('bb'), {
      kind: 'offer',
      exchange: exchange('o'),
      purpose: 'link',
      slot: 'ring',
      description: BYTES,
      metadata: BYTES,
    })
    expect(stage.last('createAnswer').exchange).toBe(exchange('o'))
    const [[evicted, reason]] = closed(stage) as [[LinkId, string]]
    expect(reason).toBe('evicted')
    expect(ring).not.toContain(evicted)
    expect(stage.node.neighbors.size + stage.node.signaling.linksInFlight).toBeLessThanOrEqual(6)
  })

  it('of two, a nearer ring neighbour takes the place of the one that it displaces, a farther one takes none', () => {
    const stage = new Stage('b', 2)
    // 'h' is our successor so far, 'a' our predecessor.
    stage.input(linkUp(2, peer('ac')))
    const ask = (from: string): void =>
      stage.hears(peer(from), {
        kind: 'offer',
        exchange: exchange(from),
        purpose: 'link',
        slot: 'ring',
        description: BYTES,
        metadata: BYTES,
      })
    ask('k')
    expect(stage.sealed()).toMatchObject({ message: { kind: 'refuse', reason: 'full' } })
    ask('d')
    expect(stage.last('createAnswer').exchange).toBe(exchange('d'))
    expect(closed(stage)).toEqual([[1, 'evicted']])
  })

  it('somebody who only claims to be a ring neighbour gets none', () => {
    const stage = full()
    // Everything we have is wanted for something better than a bucket.
    const before = stage.node.neighbors.size
    stage.hears(peer('rd'), {
      kind: 'offer',
      exchange: exchange('o'),
      purpose: 'link',
      slot: 'random',
      description: BYTES,
      metadata: BYTES,
    })
    expect(stage.sealed()).toMatchObject({ message: { kind: 'refuse', reason: 'full' } })
    expect(stage.node.neighbors.size).toBe(before)
  })

  it('claims that are not proven cost at most a burst of links, then one a second', () => {
    const stage = new Stage('b', 48)
    withNeighbors(
      stage,
      everywhere(47).filter((id) => id !== RELAY),
    )
    for (let i = 0; i < 30; i++) {
      stage.frame({
        kind: 'lookup',
        hopLimit: 30,
        hops: 10,
        attempt: 0,
        viaBootstrap: false,
        id: message(`l${LETTERS[i % 26]}${LETTERS[Math.floor(i / 26)]}`),
        target: peer('b'),
        requester: peer(`bx${LETTERS[i % 26]}${LETTERS[Math.floor(i / 26)]}`),
        bucketMin: 0,
        bucketMax: 255,
        slot: 'guest',
      })
    }
    expect(stage.node.neighbors.counters.evictions).toBe(8)
    second(stage, 1)
    expect(closed(stage).filter(([, reason]) => reason === 'evicted')).toHaveLength(8)
  })
})

describe('two links to one peer', () => {
  const twins = (first: string, then: string): Stage => {
    const stage = new Stage('b')
    stage.input(linkUp(2, peer('x'), exchange(first)))
    stage.input(linkUp(3, peer('x'), exchange(then)))
    return stage
  }

  it('become one: both sides keep the exchange with the lower name, whichever came up first', () => {
    expect(closed(twins('d', 'e'))).toEqual([[3, 'duplicate']])
    expect(closed(twins('e', 'd'))).toEqual([[2, 'duplicate']])
    expect(twins('e', 'd').node.neighbors.get(peer('x'))?.link).toBe(link(3))
  })

  it('and the end of the one that was given up does not end the other', () => {
    const stage = twins('d', 'e').input({ kind: 'linkDown', link: link(3), reason: 'duplicate' })
    expect(stage.node.neighbors.get(peer('x'))?.link).toBe(link(2))
  })
})

describe('a peer that belongs on our ring', () => {
  it('is offered a link again when it may be, and not only at the next audit', () => {
    const stage = new Stage('b', 32)
    withNeighbors(stage, everywhere(28))
    second(stage, 20)
    const near = peer('bab')
    const offers = () => stage.effects.filter((effect) => effect.do === 'createOffer')
    const before = offers().length
    stage.frame({ kind: 'peers', peers: [near], room: 1 }).input({ kind: 'timer', token: { kind: 'maintain' } }, 300)
    expect(offers()).toHaveLength(before + 1)
    expect(stage.node.signaling.linkTo(near)).toBeDefined()
    const id = stage.last('createOffer').exchange as ExchangeId
    stage.input({ kind: 'exchangeFailed', exchange: id, reason: 'ice' })
    expect(stage.node.signaling.linkTo(near)).toBeUndefined()
    // Its pause is 1.5 to 2.5 s long.
    second(stage, 1)
    expect(stage.node.signaling.linkTo(near)).toBeUndefined()
    second(stage, 9)
    expect(stage.node.signaling.linkTo(near)).toBeDefined()
  })
})

describe('a silent neighbour', () => {
  it('is dead after five seconds, and gossip does not revive it', () => {
    const stage = new Stage('b')
    stage.input(linkUp(2, peer('x')))
    for (let i = 0; i < 6; i++)
      stage
        .input({ kind: 'timer', token: { kind: 'tick' } }, 1_000)
        .frame({ kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 0 }, 1)
    expect(closed(stage)).toEqual([[2, 'dead']])
    expect(stage.events().at(-1)).toEqual({ kind: 'peerDown', peer: peer('x'), reason: 'dead' })
    const dials = stage.count('createOffer')
    stage
      .frame({ kind: 'peers', peers: [peer('x')], room: 0xffff_ffff })
      .input({ kind: 'timer', token: { kind: 'maintain' } }, 300)
    expect(stage.count('createOffer')).toBe(dials)
  })

  it('that said it was leaving is not dialled either, one that had to make room may be', () => {
    for (const [reason, isBuried] of [
      ['leaving', true],
      ['evicted', false],
    ] as const) {
      const stage = new Stage('b')
      stage.input(linkUp(2, peer('x'))).frame({ kind: 'goodbye', reason }, 2)
      expect(stage.node.book.get(peer('x')) === undefined, reason).toBe(isBuried)
    }
  })
})

describe('after a sleep', () => {
  it('the others are as alive as ever: they are dialled at once, not mourned', () => {
    const asleepFor = (ms: number): Stage => {
      const stage = new Stage('b')
      stage.input(linkUp(2, peer('x')))
      second(stage, 2)
      return stage.input({ kind: 'timer', token: { kind: 'tick' } }, ms)
    }
    const slept = asleepFor(60_000)
    expect(slept.node.neighbors.size).toBe(0)
    expect(slept.node.book.get(peer('x'))).toMatchObject({ failures: 0 })
    expect(slept.node.book.isBuried(peer('x'), at(T0))).toBe(false)
    expect(slept.events().at(-1)).toMatchObject({ kind: 'peerDown', reason: 'slept' })
    // Awake, but the other side is silent: that is another matter.
    const awake = asleepFor(1_000)
    for (let i = 0; i < 6; i++) awake.input({ kind: 'timer', token: { kind: 'tick' } }, 1_000)
    expect(awake.node.book.get(peer('x'))).toBeUndefined()
  })
})

describe('links that others ask for', () => {
  it('fill two thirds of the cap at most, but for the ring and newcomers', () => {
    const stage = new Stage('b', 24)
    // All of these, and the relay, came from others.
    withNeighbors(stage, everywhere(14))
    const ask = (from: string, slot: 'bucket' | 'ring'): void =>
      stage.hears(peer(from), {
        kind: 'offer',
        exchange: exchange(from),
        purpose: 'link',
        slot,
        description: BYTES,
        metadata: BYTES,
      })
    ask('wd', 'bucket')
    expect(stage.last('createAnswer').exchange).toBe(exchange('wd'))
    ask('we', 'bucket')
    expect(stage.sealed()).toMatchObject({ message: { kind: 'refuse', reason: 'full' } })
    ask('bb', 'ring')
    expect(stage.last('createAnswer').exchange).toBe(exchange('bb'))
  })
})

describe('a lookup', () => {
  const ask = (stage: Stage, name: string, range: BucketRange): number => {
    const before = stage.count('createOffer')
    const way = { hopLimit: 30, hops: 10, attempt: 0, viaBootstrap: false, id: message(name) } as const
    stage.frame({ kind: 'lookup', ...way, target: peer('c'), requester: peer('c'), ...range, slot: 'guest' })
    return stage.count('createOffer') - before
  }

  it('is answered from the buckets that it names, or by the closest alone', () => {
    // With 'cb' beside us, 'b', we are not the closest to 'c'.
    const bucket = xor.bucketOf(peer('c'), peer('b'))
    for (const [bucketMin, bucketMax, offers] of [
      [bucket, bucket, 1],
      [0, 255, 1],
      [0, bucket - 1, 0],
      [bucket + 1, 255, 0],
      [255, 0, 0],
    ] as const) {
      const stage = new Stage('b').input(linkUp(2, peer('cb')))
      expect(ask(stage, 'l', { bucketMin, bucketMax }), `${bucketMin} to ${bucketMax}`).toBe(offers)
    }
    expect(ask(new Stage('b'), 'l', ONLY_CLOSEST)).toBe(1)
  })
})

describe('a neighbour that does not forward', () => {
  it('loses its place, and is left alone for ten minutes', () => {
    const stage = new Stage('b')
    stage.input(linkUp(2, peer('x')))
    for (let i = 0; i < 12; i++) stage.node.router.judge(link(1), [link(2)], at(T0 + i))
    expect(closed(stage)).toEqual([[2, 'distrusted']])
    expect(stage.node.neighbors.counters.distrusted).toBe(1)
    expect(stage.node.book.get(peer('x'))!.retryAt).toBeGreaterThan(T0 + 599_000)
  })
})

describe('stopping', () => {
  it('says goodbye to everybody once, closes every link, and takes nothing more', () => {
    const stage = new Stage('b')
    stage.input(linkUp(2, peer('x'))).input({ kind: 'stop' })
    expect(framesTo(stage, 1, 'goodbye')).toEqual([{ kind: 'goodbye', reason: 'leaving' }])
    expect(framesTo(stage, 2, 'goodbye')).toHaveLength(1)
    expect(new Set(closed(stage).map(([on]) => on))).toEqual(new Set([1, 2]))
    expect(closed(stage)).toHaveLength(2)
    const effects = stage.effects.length
    stage
      .frame({ kind: 'peers', peers: [peer('c')], room: 0xffff_ffff })
      .input({ kind: 'timer', token: { kind: 'tick' } }, 1_000)
    expect(stage.effects).toHaveLength(effects)
    stage.input({ kind: 'send', request: 1 as never, target: peer('x'), payload: BYTES, timeoutMs: 1_000 })
    expect(stage.events().at(-1)).toMatchObject({ kind: 'requestFailed', code: 'closed' })
  })
})
