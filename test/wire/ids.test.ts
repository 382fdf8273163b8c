import { base32nopad } from '@scure/base'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Key } from '../../src/core/ids.ts'
import { bytesFromId, idFromBytes, isId, isMessageId, messageIdFromBytes, writeId } from '../../src/wire/ids.ts'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const raw = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const byScure = (bytes: Uint8Array) => base32nopad.encode(bytes).toLowerCase()

describe('ids', () => {
  test('text is what @scure/base makes of the same bytes, and leads back to them', () => {
    fc.assert(
      fc.property(raw(32), raw(16), (key, id) => {
        expect(idFromBytes(key)).toBe(byScure(key))
        expect(messageIdFromBytes(id)).toBe(byScure(id))
        expect(bytesFromId(idFromBytes(key))).toEqual(key)
        expect(bytesFromId(messageIdFromBytes(id))).toEqual(id)
        expect(isId(idFromBytes(key)) && isMessageId(messageIdFromBytes(id))).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('they are read and written in the middle of a frame without touching its neighbours', () => {
    const bytes = Uint8Array.from({ length: 60 }, (_, i) => i)
    expect(idFromBytes(bytes, 7)).toBe(byScure(bytes.subarray(7, 39)))
    const out = new Uint8Array(60).fill(0xff)
    expect(writeId(idFromBytes(bytes, 7), out, 9)).toBe(41)
    expect(writeId(messageIdFromBytes(bytes, 1), out, 41)).toBe(57)
    expect([...out]).toEqual([
      ...Array(9).fill(0xff),
      ...bytes.subarray(7, 39),
      ...bytes.subarray(1, 17),
      255,
      255,
      255,
    ])
  })

  test('of the 32 last characters only those with spare bits of zero are taken, so a key has one name', () => {
    const lastOf = (chars: number, accept: (text: string) => boolean) =>
      ALPHABET.split('')
        .filter((last) => accept('a'.repeat(chars - 1) + last))
        .join('')
    expect(lastOf(52, isId)).toBe('aq')
    expect(lastOf(26, isMessageId)).toBe('aeimquy4')
  })

  test.each([
    ['upper case', 'A'.repeat(52)],
    ['a digit outside the alphabet', '0' + 'a'.repeat(51)],
    ['a character beyond ASCII', 'a'.repeat(51) + '\u0161'],
    ['a character beyond Latin-1 that ends like one of ours', 'a'.repeat(40) + '\u0461' + 'a'.repeat(11)],
    ['padding', 'a'.repeat(48) + '===='],
    ['spare bits that are set', 'a'.repeat(51) + 'b'],
    ['a character too many', 'a'.repeat(53)],
    ['no character', ''],
  ])('text with %s is no id, and nothing is written for it', (_, text) => {
    expect(isId(text)).toBe(false)
    expect(() => bytesFromId(text as Key)).toThrow(TypeError)
  })

  test('every single wrong character is found wherever it stands', () => {
    for (const chars of [26, 52]) {
      for (let at = 0; at < chars; at++) {
        const text = 'a'.repeat(at) + '!' + 'a'.repeat(chars - at - 1)
        expect(isId(text) || isMessageId(text)).toBe(false)
        expect(() => bytesFromId(text as Key)).toThrow(TypeError)
      }
    }
  })
})
