/** What a relay does with a message that it has carried before, and that was not answered. */

import { describe, expect, it } from 'vitest'
import type { LinkId } from '../../src/core/ids.ts'
import { at, peer } from './ids.ts'
import type { Route } from '../../src/core/router.ts'
import { bench, connect, cut, handle, settle, unicast } from './lab.ts'

describe('another attempt of a message', () => {
  /** Two ways from `relay` towards "ga", the first of which looks better and loses everything. */
  function fork() {
    const [source, relay, drain, other, target] = [bench('a'), bench('d'), bench('gb'), bench('gc'), bench('ga')]
    connect(source, relay)
    const ends = { drain: connect(relay, drain).a, other: connect(relay, other).a }
    connect(other, target)
    drain.swallow = () => true
    const attempt = (n: number): LinkId | undefined => {
      source.router.originate(unicast(target, 'm', n), null, at(0))
      const from = relay.sent.length
      settle()
      return relay.sent.slice(from).find(({ frame }) => frame.kind === 'unicast')?.link
    }
    return { source, relay, drain, other, target, ends, attempt }
  }

  it('takes another way from where one went before', () => {
    const { ends, target, attempt } = fork()
    expect([attempt(0), attempt(1)]).toEqual([ends.drain.link, ends.other.link])
    expect(target.delivered.map((frame) => frame.attempt)).toEqual([1])
  })

  it('goes by the old way again where there is no other', () => {
    const { ends, attempt } = fork()
    expect([attempt(0), attempt(1), attempt(2)]).toEqual([ends.drain.link, ends.other.link, ends.drain.link])
  })

  it('goes first to whoever says that the target is its neighbour, even if that is further from it', () => {
    const { relay, target, attempt } = fork()
    const insider = bench('z')
    const end = connect(relay, insider).a
    connect(insider, target)
    end.peers = [target.id]
    expect(attempt(0)).not.toBe(end.link)
    expect(attempt(1)).toBe(end.link)
    expect(target.delivered.map((frame) => frame.attempt)).toEqual([1])
  })

  it('is led astray by such claims at every other attempt, for anybody can name anybody', () => {
    const { relay, target, ends, attempt } = fork()
    const [, end] = ['z', 'y'].map((id) => {
      const liar = bench(id)
      liar.swallow = () => true
      const { a } = connect(relay, liar)
      a.peers = [target.id]
      return a
    }) as [Route, Route]
    expect([attempt(0), attempt(1), attempt(2)]).toEqual([ends.drain.link, end.link, ends.other.link])
  })
})

it('what was kept for a link goes another way when we have closed it', () => {
  const [source, first, second, target] = [bench('a'), bench('gb'), bench('e'), bench('ga')]
  const end = connect(source, first).a
  connect(source, second)
  connect(second, target)
  source.silent.add(end.link)
  source.router.originate(unicast(target), null, at(0))
  expect(source.router.collections['heldFrames']!.size).toBe(1)
  cut(source, end)
  source.router.onStalled(end.link, at(0))
  settle()
  expect(source.router.collections['heldFrames']!.size).toBe(0)
  expect(target.delivered).toHaveLength(1)
})

describe('the attempts of a message', () => {
  it('cannot be used up by a relay that sends rubbish under its id: the true ones come over other links', () => {
    const [liar, relay, target] = [bench('a'), bench('e'), bench('g')]
    const [bad, good] = [connect(liar, target), connect(relay, target)]
    for (let attempt = 0; attempt < 16; attempt++) handle(target, bad.b.link, unicast(target, 'm', attempt))
    handle(target, good.b.link, unicast(target, 'm', 3))
    expect(target.delivered).toHaveLength(17)
    const { id, attempt } = target.delivered[16]!
    expect(target.router.reply({ id, attempt }, { byteLength: 1 })).toBe(true)
    expect(target.sent.at(-1)).toMatchObject({ link: good.b.link, frame: { kind: 'reply', attempt: 3 } })
  })

  it('are given back under the number that they came with', () => {
    const target = bench('g', { linkFrames: { perSecond: 1, burst: 1 } })
    const [first, second] = [connect(bench('a'), target), connect(bench('b'), target)]
    handle(target, second.b.link, unicast(target, 'other', 0))
    handle(target, first.b.link, unicast(target, 'm', 5))
    handle(target, second.b.link, unicast(target, 'm', 5))
    expect(target.sent).toMatchObject([{ link: second.b.link, frame: { kind: 'nack', reason: 'busy' } }])
    expect(target.sent[0]!.frame).toMatchObject({ frame: { attempt: 5 } })
  })

  it('are taken once from each link, and from four links at most', () => {
    const target = bench('g')
    const ends = ['a', 'b', 'c', 'd', 'e'].map((id) => connect(bench(id), target))
    for (const end of [...ends, ...ends]) handle(target, end.b.link, unicast(target, 'm', 0))
    expect(target.delivered).toHaveLength(4)
    expect(target.router.counters.seen).toBe(6)
  })
})

// 1: what went over the link itself at first.
it.each([0, 1])(
  'a relay that sends us something under an id of ours keeps no attempt and no answer from us (%i)',
  (first) => {
    const [self, liar, target] = [bench('c'), bench('a'), bench('g')]
    const bad = connect(liar, self)
    connect(self, target)
    target.swallow = () => true
    self.router.originate(unicast(target, 'own', first), null, at(0))
    settle()
    target.swallow = () => false
    for (let attempt = first + 1; attempt < 16; attempt++) handle(self, bad.b.link, unicast(peer('cx'), 'own', attempt))
    self.router.originate(unicast(target, 'own', 3), null, at(0))
    settle()
    const { id, attempt } = target.delivered[0]!
    target.router.reply({ id, attempt }, { byteLength: 1 })
    settle()
    expect(self.replies).toHaveLength(1)
  },
)

it('the ways of our own requests are remembered, however much others have us carry', () => {
  const rate = { perSecond: 1e6, burst: 1e6 }
  const self = bench('c', { pathsMax: 100, linkFrames: rate, linkBytes: { perSecond: 1e9, burst: 1e9 } })
  const [flooder, target] = [bench('a'), bench('g')]
  const bad = connect(flooder, self)
  connect(self, target)
  self.router.originate(unicast(target, 'own'), null, at(0))
  for (let i = 0; i < 500; i++) handle(self, bad.b.link, unicast(target, `f${i}x`))
  settle()
  const { id, attempt } = target.delivered.find((frame) => frame.id === unicast(target, 'own').id)!
  target.router.reply({ id, attempt }, { byteLength: 1 })
  settle()
  expect(self.replies).toHaveLength(1)
})
