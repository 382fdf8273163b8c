import { describe, expect, it } from 'vitest'
import { KNOWN_IDS_MAX, KnownIds } from '../../src/cli/lookup.ts'
import { chatText, pathText, printable, shortId } from '../../src/cli/wording.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
/** An id of 52 characters that begins as asked. */
const id = (start: string): string => start.padEnd(52, 'a')

describe('what other peers say', () => {
  it('cannot move the cursor, start a line or reverse the text', () => {
    expect(printable('red \u001B[31malert\u001B[0m')).toBe('red  [31malert [0m')
    expect(printable('one\r\ntwo\u2028three\u0007')).toBe('one two three')
    expect(printable('abc\u202Edef\u009Bx')).toBe('abc def x')
    expect(printable('日本語 ünïcödé 🪢')).toBe('日本語 ünïcödé 🪢')
  })

  it('is cut where it would fill the screen', () => {
    expect(printable('x'.repeat(15_000))).toBe(`${'x'.repeat(2000)}…`)
  })

  it('is text unless it begins with a zero byte or is empty', () => {
    expect(chatText(bytes('hello'))).toBe('hello')
    expect(chatText(bytes('\0{"name":"Ada"}'))).toBeNull()
    expect(chatText(new Uint8Array())).toBeNull()
    expect(chatText(Uint8Array.of(0xff, 0x41))).toBe('\uFFFDA')
  })
})

describe('the path of an offer', () => {
  it.each([
    [{ viaBootstrap: true, relays: 1 }, 'via bootstrap'],
    [{ viaBootstrap: true, relays: 3 }, 'via bootstrap and 2 peers'],
    [{ viaBootstrap: false, relays: 1 }, 'via 1 peer'],
    [{ viaBootstrap: false, relays: 3 }, 'via 3 peers'],
    [{ viaBootstrap: false, relays: 0 }, 'direct'],
  ])('%j reads "%s"', (path, text) => {
    expect(pathText(path)).toBe(text)
  })
})

describe('ids as people type them', () => {
  it('may be shortened as long as they single out one peer', () => {
    const known = new KnownIds()
    for (const start of ['abcd', 'abce', 'xyz2']) known.add(id(start))
    expect(known.find('x')).toBe(id('xyz2'))
    expect(known.find('ABCE')).toBe(id('abce'))
    expect(() => known.find('abc')).toThrow('2 known ids begin with "abc"')
    expect(() => known.find('q')).toThrow('No known peer')
  })

  it('may be whole without being known', () => {
    expect(new KnownIds().find(id('qqq'))).toBe(id('qqq'))
  })

  it('are forgotten, those heard of longest ago first, when there are too many', () => {
    const known = new KnownIds()
    const numbered = (index: number): string =>
      id(index.toString(2).padStart(20, '0').replaceAll('0', 'x').replaceAll('1', 'y'))
    for (let index = 0; index < KNOWN_IDS_MAX; index += 1) known.add(numbered(index))
    known.add(numbered(0))
    known.add(id('new'))
    expect(known.size).toBe(KNOWN_IDS_MAX)
    expect(known.find('new')).toBe(id('new'))
    expect(known.find(numbered(0).slice(0, 20))).toBe(numbered(0))
    expect(() => known.find(numbered(1).slice(0, 20))).toThrow('No known peer')
  })

  it('are shown by their first eight characters', () => {
    expect(shortId(id('abcdefghijk'))).toBe('abcdefgh')
  })
})
