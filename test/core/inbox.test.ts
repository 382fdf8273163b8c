import { describe, expect, it } from 'vitest'
import type { Body } from '../../src/core/frames.ts'
import { Inbox } from '../../src/core/inbox.ts'
import { at, message, peer } from './ids.ts'

/** A sealed body that ends in its own number. */
const sealed = (number: number): Body => Uint8Array.from({ length: 40 }, (_, i) => (i < 36 ? i : number))
const NOW = at(0)
const id = message('m')

describe('the inbox', () => {
  it('tells by its seal whether a request has come before, and by its source once that is known', () => {
    const inbox = new Inbox(100)
    inbox.addSealed(id, sealed(1), 0, NOW)
    inbox.addSealed(id, sealed(2), 1, NOW)
    inbox.sealed(id, sealed(2))!.source = peer('b')
    expect(inbox.sealed(id, sealed(1))!.attempts).toEqual([0])
    expect(inbox.sealed(id, sealed(2))!.attempts).toEqual([1])
    expect(inbox.sealed(id, sealed(3))).toBe(undefined)
    expect(inbox.by(id, peer('b'))!.attempts).toEqual([1])
    expect(inbox.by(id, peer('c'))).toBe(undefined)
  })

  it('knows what came over the link itself apart from what was routed', () => {
    const inbox = new Inbox(100)
    inbox.addDirect(id, peer('b'), NOW)
    expect(inbox.routedBy(id, peer('b'))).toBe(undefined)
    inbox.addSealed(id, sealed(1), 2, NOW)
    inbox.sealed(id, sealed(1))!.source = peer('b')
    expect(inbox.by(id, peer('b'))!.tag).toBe(null)
    expect(inbox.routedBy(id, peer('b'))!.attempts).toEqual([2])
  })

  it('forgets one of several under an id, whichever it is', () => {
    for (const gone of [1, 2, 3]) {
      const inbox = new Inbox(100)
      for (const number of [1, 2, 3]) inbox.addSealed(id, sealed(number), number, NOW)
      inbox.remove(id, sealed(gone))
      for (const number of [1, 2, 3])
        expect(inbox.sealed(id, sealed(number))?.attempts).toEqual(number === gone ? undefined : [number])
    }
    const inbox = new Inbox(100)
    inbox.addSealed(id, sealed(1), 0, NOW)
    inbox.remove(id, sealed(1))
    expect(inbox.size).toBe(0)
  })

  it('holds four under one id, the newest, and no more ids than it may', () => {
    const inbox = new Inbox(100)
    for (let number = 0; number < 16; number++) {
      inbox.addSealed(id, sealed(number), number, NOW)
      const held = Array.from({ length: 16 }, (_, other) => inbox.sealed(id, sealed(other))).filter(Boolean)
      expect(held).toHaveLength(Math.min(4, number + 1))
    }
    expect(inbox.sealed(id, sealed(15))).not.toBe(undefined)
    for (let number = 0; number < 1_000; number++) {
      inbox.addDirect(message(`n${number}x`), peer('b'), NOW)
      expect(inbox.size).toBeLessThanOrEqual(inbox.max)
    }
  })
})
