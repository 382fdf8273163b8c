/** What a relay does with a message that it has carried before, and that was not answered. */

import { describe, expect, it } from 'vitest'
import type { LinkId } from '../../src/core/ids.ts'
import { at } from './ids.ts'
import type { Route } from '../../src/core/router.ts'
import { bench, connect, cut, settle, unicast } from './lab.ts'

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
