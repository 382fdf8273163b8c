import { describe, expect, it } from 'vitest'
import type { Body } from '../../src/core/frames.ts'
import { Inbox } from '../../src/core/inbox.ts'
import { at, message, peer } from './ids.ts'

/** A sealed body that ends in its own number. */
const sealed = (number: number): Body => Uint8Array.from({ length: 40 }, (_, i) => (i < 36 ? i : number))
const NOW = at(0)
const id = message('m')

/** Its seal opens. */
const open = (inbox: Inbox, number: number, source: string, attempt = 0): void =>
  inbox.opened(id, { body: sealed(number), source: peer(source), attempt }, NOW)
const heldOf = (inbox: Inbox, max: number): number[] =>
  Array.from({ length: max }, (_, number) => number).filter((number) => inbox.sealed(id, sealed(number)) !== undefined)

describe('the inbox', () => {
  it('tells by its seal whether a request has come before, and by its source once that is known', () => {
    const inbox = new Inbox(100)
    inbox.addSealed(id, sealed(1), 0, NOW)
    inbox.addSealed(id, sealed(2), 1, NOW)
    open(inbox, 2, 'b')
    expect(inbox.sealed(id, sealed(1))!.attempts).toEqual([0])
    expect(inbox.sealed(id, sealed(2))!.attempts).toEqual([1])
    expect(inbox.sealed(id, sealed(3))).toBe(undefined)
    expect(inbox.routedBy(id, peer('b'))!.attempts).toEqual([1])
    expect(inbox.routedBy(id, peer('c'))).toBe(undefined)
  })

  it('knows what came over the link itself apart from what was routed', () => {
    const inbox = new Inbox(100)
    inbox.addDirect(id, peer('b'), NOW)
    expect(inbox.routedBy(id, peer('b'))).toBe(undefined)
    inbox.addSealed(id, sealed(1), 2, NOW)
    open(inbox, 1, 'b')
    expect(inbox.directBy(id, peer('b'))!.attempts).toEqual([])
    expect(inbox.routedBy(id, peer('b'))!.attempts).toEqual([2])
  })

  it('takes no copy for the true one that only ends like it, while neither is open', () => {
    const inbox = new Inbox(100)
    const forged = Uint8Array.from(sealed(1) as Uint8Array)
    forged[3] = 99
    inbox.addSealed(id, forged, 1, NOW)
    expect(inbox.sealed(id, sealed(1))).toBe(undefined)
    inbox.addSealed(id, sealed(1), 2, NOW)
    inbox.remove(id, forged)
    expect(inbox.sealed(id, sealed(1))!.attempts).toEqual([2])
  })

  it('forgets one of several under an id, whichever it is', () => {
    for (const gone of [1, 2, 3]) {
      const inbox = new Inbox(100)
      for (const number of [1, 2, 3]) inbox.addSealed(id, sealed(number), number, NOW)
      inbox.remove(id, sealed(gone))
      expect(heldOf(inbox, 4)).toEqual([1, 2, 3].filter((number) => number !== gone))
    }
    const inbox = new Inbox(100)
    inbox.addSealed(id, sealed(1), 0, NOW)
    inbox.remove(id, sealed(1))
    expect(inbox.collections['inbox']!.size).toBe(0)
  })

  it('holds four unopened under one id, the newest, and never lets go of what was acted on for them', () => {
    const inbox = new Inbox(100)
    inbox.addSealed(id, sealed(0), 0, NOW)
    open(inbox, 0, 'b')
    for (let number = 1; number <= 9; number++) inbox.addSealed(id, sealed(number), number, NOW)
    expect(heldOf(inbox, 10)).toEqual([0, 6, 7, 8, 9])
    // Rubbish, or a copy that comes late, takes nothing away either.
    inbox.remove(id, sealed(0))
    expect(heldOf(inbox, 10)).toEqual([0, 6, 7, 8, 9])
    // It had to make room while it was being opened.
    open(inbox, 2, 'c')
    expect(inbox.routedBy(id, peer('c'))).not.toBe(undefined)
    expect(heldOf(inbox, 10)).toEqual([0, 2, 7, 8, 9])
  })

  it('hears sixteen sources under one id, and no more ids than it may', () => {
    const inbox = new Inbox(100)
    for (let number = 0; number < 30; number++) {
      inbox.addSealed(id, sealed(number), 0, NOW)
      open(inbox, number, `b${'abcdefghijklmnopqrstuvwxyz'[number % 26]}${number > 25 ? 'x' : ''}`)
      expect(heldOf(inbox, 30)).toHaveLength(Math.min(16, number + 1))
    }
    for (let number = 0; number < 1_000; number++) {
      inbox.addDirect(message(`n${number}x`), peer('b'), NOW)
      inbox.addSealed(message(`n${number}x`), sealed(1), 0, NOW)
      for (const { size, max } of Object.values(inbox.collections)) expect(size).toBeLessThanOrEqual(max)
    }
  })
})
