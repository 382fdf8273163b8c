import { describe, expect, test } from 'vitest'
import type { Field } from '../../src/wire/schema.ts'
import {
  blob,
  bool,
  bytesOf,
  decodeWith,
  encodeWith,
  list,
  oneOf,
  record,
  text,
  u16,
  u32,
  u8,
} from '../../src/wire/schema.ts'

const decode = <T>(field: Field<T>, ...bytes: number[]) => decodeWith(field, Uint8Array.from(bytes))

describe('schema', () => {
  test('integers are big-endian and bounded both ways', () => {
    expect([...encodeWith(u32(), 0xfedcba98)]).toEqual([0xfe, 0xdc, 0xba, 0x98])
    expect(decode(u32(), 0xfe, 0xdc, 0xba, 0x98)).toBe(0xfedcba98)
    expect([decode(u16(256), 1, 0), decode(u16(256), 1, 1), decode(u8(7), 8), decode(u16(), 1)]).toEqual([
      256,
      null,
      null,
      null,
    ])
    for (const value of [-1, 257, 0.5, Number.NaN]) expect(() => encodeWith(u16(256), value)).toThrow(RangeError)
  })

  test('words and booleans take only the bytes that mean something', () => {
    const words = oneOf(['a', 'b'])
    expect([decode(words, 0), decode(words, 1), decode(words, 2), decode(words)]).toEqual(['a', 'b', null, null])
    expect([decode(bool, 0), decode(bool, 1), decode(bool, 2), decode(bool)]).toEqual([false, true, null, null])
    expect(() => encodeWith(words, 'c' as 'a')).toThrow(RangeError)
  })

  test('a list that claims more than its limit, or more than is there, is refused before one item is read', () => {
    const reads: number[] = []
    const item: Field<number> = { ...u8(), read: (cursor) => (reads.push(cursor.offset), u8().read(cursor)) }
    const claim = (max: number) => decode(list(item, { itemBytes: 1, max }), 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7, 8)
    expect([claim(32), claim(0xffff)]).toEqual([null, null])
    expect(reads).toEqual([])
    expect(decode(list(item, { itemBytes: 1, max: 3 }), 0, 3, 7, 8, 9)).toEqual([7, 8, 9])
    expect(reads).toEqual([2, 3, 4])
    expect(() => encodeWith(list(item, { itemBytes: 1, max: 2 }), [1, 2, 3])).toThrow(RangeError)
  })

  test('bytes up to their limit come as a view, one more is refused whichever side counts', () => {
    const message = Uint8Array.of(0, 3, 1, 2, 3)
    const view = decodeWith(blob<Uint8Array>(3), message)!
    expect([view.buffer === message.buffer, view.byteOffset, view.byteLength]).toEqual([true, 2, 3])
    expect([decode(blob(2), 0, 3, 1, 2, 3), decode(blob(9), 0, 4, 1, 2, 3), decode(blob(9), 0)]).toEqual([
      null,
      null,
      null,
    ])
    expect(() => encodeWith(blob(2), Uint8Array.of(1, 2, 3))).toThrow(RangeError)
  })

  test("a view into Node's Buffer is a plain Uint8Array", () => {
    const view = decodeWith(blob<Uint8Array>(3), Buffer.from([0, 2, 7, 8]))!
    expect(Object.getPrototypeOf(view)).toBe(Uint8Array.prototype)
    expect([...view]).toEqual([7, 8])
  })

  test('text is shortened and made printable when written, and refused when read with anything else in it', () => {
    const word = text(4)
    expect([...encodeWith(word, 'é\nokay')]).toEqual([0, 4, 0x3f, 0x3f, 0x6f, 0x6b])
    expect(decode(word, 0, 2, 0x20, 0x7e)).toBe(' ~')
    expect([decode(word, 0, 1, 0x1f), decode(word, 0, 1, 0x7f), decode(word, 0, 1, 0xe9)]).toEqual([null, null, null])
    expect(decode(word, 0, 5, 0x61, 0x61, 0x61, 0x61, 0x61)).toBe(null)
  })

  test('truncated and trailing bytes are refused', () => {
    const pair = record<{ kind: 'pair'; a: number; b: number }>('pair', { a: u8(), b: u16() })
    expect(decode(pair, 1, 0, 2)).toEqual({ kind: 'pair', a: 1, b: 2 })
    expect([decode(pair), decode(pair, 1), decode(pair, 1, 0), decode(pair, 1, 0, 2, 3)]).toEqual([
      null,
      null,
      null,
      null,
    ])
  })

  test('a body that only states its length, as in the simulator, never reaches a wire', () => {
    expect(() => bytesOf({ byteLength: 3 })).toThrow(TypeError)
  })
})
