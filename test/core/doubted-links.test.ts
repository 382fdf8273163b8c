/** Links that others are preferred to: those that give no sign of life, and those that do not forward. */

import { describe, expect, it } from 'vitest'
import { at, peer } from './ids.ts'
import { bench, connect, settle, unicast } from './lab.ts'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz'

describe('a link that gives no sign of life', () => {
  const fork = () => {
    const [source, silent, relay, target] = [bench('a'), bench('gb'), bench('e'), bench('gc')]
    const ends = connect(source, silent)
    connect(source, relay)
    connect(relay, target)
    silent.swallow = () => true
    source.silent.add(ends.a.link)
    return { source, silent, relay, target, end: ends.a }
  }

  it('gives back what it was given, and gets nothing more until it does', () => {
    const { source, silent, target, end } = fork()
    source.router.originate(unicast(target), null, at(0))
    settle()
    expect(target.delivered).toEqual([])
    source.router.onStalled(end.link, at(1))
    settle()
    expect(target.delivered).toHaveLength(1)
    expect(source.router.counters.stalled).toBe(1)
    source.router.originate(unicast(target, 'n'), null, at(2))
    settle()
    expect(target.delivered).toHaveLength(2)
    expect(silent.sent).toEqual([])
    source.router.onHeard(end)
    source.router.originate(unicast(peer('gb'), 'o'), null, at(3))
    expect(source.sent.at(-1)!.link).toBe(end.link)
  })

  it('keeps what it was given once it has been heard of', () => {
    const { source, target, end } = fork()
    source.router.originate(unicast(target), null, at(0))
    settle()
    source.router.onHeard(end)
    source.router.onStalled(end.link, at(1))
    settle()
    expect(target.delivered).toEqual([])
  })

  it('has so many frames kept for it and no more', () => {
    const { source, target, end } = fork()
    for (let i = 0; i < 400; i++)
      source.router.originate(unicast(target, `m${ALPHABET[i % 26]}${ALPHABET[Math.floor(i / 26)]}`), null, at(0))
    const { size, max } = source.router.collections['heldFrames']!
    expect(size).toBe(max)
    expect(source.router.counters.unwatched).toBe(400 - max)
    source.router.onStalled(end.link, at(1))
    settle()
    expect(target.delivered).toHaveLength(max)
  })
})

describe('who forwards', () => {
  const three = () => {
    const [source, dropper, honest] = [bench('a'), bench('gb'), bench('gc')]
    const ends = { dropper: connect(source, dropper).a, honest: connect(source, honest).a }
    return { source, ends }
  }

  it('is judged by what was answered another way: twelve misses in a row, and it carries nothing more', () => {
    const { source, ends } = three()
    for (let i = 0; i < 11; i++) source.router.judge(ends.honest.link, [ends.dropper.link, ends.honest.link], at(i))
    expect(source.router.firstHops(peer('gb')).map(({ link: on }) => on)[0]).toBe(ends.dropper.link)
    expect(source.distrusted).toEqual([])
    source.router.judge(ends.honest.link, [ends.dropper.link], at(12))
    expect(source.distrusted).toEqual([ends.dropper.link])
    expect(source.router.firstHops(peer('gd')).map(({ link: on }) => on)).toEqual([ends.honest.link, ends.dropper.link])
    source.router.originate(unicast(peer('gbb')), null, at(13))
    expect(source.sent.at(-1)!.link).toBe(ends.honest.link)
    // It still gets what is for itself.
    source.router.originate(unicast(peer('gb'), 'n'), null, at(14))
    expect(source.sent.at(-1)!.link).toBe(ends.dropper.link)
  })

  it('clears itself only by an answer that comes its way', () => {
    const { source, ends } = three()
    for (let i = 0; i < 30; i++) {
      source.router.judge(ends.honest.link, [ends.dropper.link], at(i))
      if (i % 10 === 9) source.router.judge(ends.dropper.link, [ends.dropper.link], at(i))
    }
    expect(source.distrusted).toEqual([])
  })
})
