import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Frame, LookupFrame, UnicastFrame } from '../../src/core/frames.ts'
import { HOP_LIMIT_MAX } from '../../src/core/frames.ts'
import {
  BODY_BYTES_MAX,
  decodeFrame,
  encodeFrame,
  encodeFrameInto,
  FRAME_BYTES_MAX,
  frameBytes,
  ROUTED_HEADER_BYTES,
} from '../../src/wire/frames.ts'
import { frame as anyFrame } from './arbitrary.ts'
import { fromHex, toHex, vectors } from './golden.ts'

const hexOf = (name: string) => vectors.frames.find((vector) => vector.name === name)!.hex
const valueOf = (name: string) => vectors.frames.find((vector) => vector.name === name)!.value
const unicast = valueOf('unicast') as UnicastFrame
/** The bytes of a vector with some of them replaced. */
const patched = (name: string, patch: Record<number, number>) => {
  const bytes = fromHex(hexOf(name))
  for (const [at, byte] of Object.entries(patch)) bytes[Number(at)] = byte
  return bytes
}
const KINDS = [
  1, 2, 3, 4, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x20, 0x21, 0x22, 0x23, 0x24,
]
const HAS_OPEN_BODY = new Set(['unicast', 'reply', 'broadcast', 'nack of a unicast'])

describe('frames', () => {
  test('every kind comes back as it went in, and is as long as it said', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const bytes = encodeFrame(frame)
        expect(bytes.byteLength).toBe(frameBytes(frame))
        expect(decodeFrame(bytes)).toEqual(frame)
      }),
      { numRuns: 5000 },
    )
  })

  test('a frame is read and written in the middle of something else', () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(9), fc.nat(9), (frame, before, after) => {
        const size = frameBytes(frame)
        const bytes = new Uint8Array(before + size + after).fill(0xee)
        expect(encodeFrameInto(frame, bytes, before)).toBe(before + size)
        expect([...bytes.subarray(0, before), ...bytes.subarray(before + size)].every((byte) => byte === 0xee)).toBe(
          true,
        )
        expect(decodeFrame(bytes, before, before + size)).toEqual(frame)
      }),
    )
  })

  test('the golden vectors cover every kind, and all kinds but theirs are unknown', () => {
    expect(new Set(vectors.frames.map(({ hex }) => fromHex(hex)[1]))).toEqual(new Set(KINDS))
    const rest = new Uint8Array(120)
    for (let kind = 0; kind < 256; kind++) {
      if (!KINDS.includes(kind)) expect(decodeFrame(Uint8Array.of(1, kind, ...rest))).toBe(null)
    }
  })

  test.each(vectors.frames)('golden: $name has these bytes, and these bytes are it', ({ value, hex }) => {
    expect(toHex(encodeFrame(value))).toBe(hex)
    expect(decodeFrame(fromHex(hex))).toEqual(value)
  })

  test.each(vectors.frames)('$name is refused when truncated, extended or of another version', ({ name, hex }) => {
    const bytes = fromHex(hex)
    const isOpen = HAS_OPEN_BODY.has(name)
    const fixedBytes = isOpen ? bytes.byteLength - 'sealed'.length : bytes.byteLength
    for (let length = 0; length < fixedBytes; length++) expect(decodeFrame(bytes.subarray(0, length))).toBe(null)
    for (const version of [0, 2, 255]) expect(decodeFrame(Uint8Array.of(version, ...bytes.subarray(1)))).toBe(null)
    expect(decodeFrame(Uint8Array.of(...bytes, 0)) === null).toBe(!isOpen)
  })

  test('bytes behind the end of a frame are never read, even when they would complete it', () => {
    for (const { name, hex } of vectors.frames) {
      const bytes = fromHex(hex)
      if (!HAS_OPEN_BODY.has(name)) expect(decodeFrame(bytes, 0, bytes.byteLength - 1)).toBe(null)
      expect(decodeFrame(bytes, 0, 0)).toBe(null)
      expect(decodeFrame(bytes, 0, 1)).toBe(null)
    }
  })

  test('flag bits without a meaning are refused', () => {
    for (const name of ['unicast', 'lookup', 'reply']) {
      for (const bit of [0x10, 0x20, 0x40]) expect(decodeFrame(patched(name, { 4: bit }))).toBe(null)
      expect(decodeFrame(patched(name, { 4: 0x8f }))).toMatchObject({ attempt: 15, viaBootstrap: true })
    }
    for (const bit of [1, 2, 4, 8, 0x10, 0x20, 0x80]) expect(decodeFrame(patched('broadcast', { 4: bit }))).toBe(null)
    expect(decodeFrame(patched('broadcast', { 4: 0x40 }))).toMatchObject({ isDirect: true })
  })

  test('a hop limit above 40 is clamped, 0 is allowed, also inside a nack', () => {
    for (const name of ['unicast', 'lookup', 'reply', 'broadcast']) {
      expect(decodeFrame(patched(name, { 2: 41 }))).toMatchObject({ hopLimit: HOP_LIMIT_MAX })
      expect(decodeFrame(patched(name, { 2: 255 }))).toMatchObject({ hopLimit: HOP_LIMIT_MAX })
      expect(decodeFrame(patched(name, { 2: 0 }))).toMatchObject({ hopLimit: 0 })
    }
    expect(decodeFrame(patched('nack of a unicast', { 5: 255 }))).toMatchObject({ frame: { hopLimit: HOP_LIMIT_MAX } })
  })

  test('hops beyond what is spent of the hop limit are clamped, also inside a nack', () => {
    for (const name of ['unicast', 'lookup', 'reply', 'broadcast']) {
      expect(decodeFrame(patched(name, { 2: 30, 3: 10 }))).toMatchObject({ hopLimit: 30, hops: 10 })
      expect(decodeFrame(patched(name, { 2: 30, 3: 11 }))).toMatchObject({ hopLimit: 30, hops: 10 })
      expect(decodeFrame(patched(name, { 2: 0, 3: 255 }))).toMatchObject({ hopLimit: 0, hops: HOP_LIMIT_MAX })
      expect(decodeFrame(patched(name, { 2: 255, 3: 255 }))).toMatchObject({ hopLimit: HOP_LIMIT_MAX, hops: 0 })
    }
    expect(decodeFrame(patched('nack of a unicast', { 5: 38, 6: 255 }))).toMatchObject({ frame: { hops: 2 } })
  })

  test('whatever a liar says about hops, an honest relay can count on from it and encode', () => {
    for (let hopLimit = 1; hopLimit < 256; hopLimit++) {
      for (const hops of [0, 20, 39, 40, 41, 255]) {
        const frame = decodeFrame(patched('unicast', { 2: hopLimit, 3: hops })) as UnicastFrame
        const next = { ...frame, hopLimit: frame.hopLimit - 1, hops: frame.hops + 1 }
        expect(decodeFrame(encodeFrame(next))).toEqual(next)
      }
    }
  })

  test('a lookup asks for a range of buckets, or for the closest in one way only, and one of four slots', () => {
    const at = ROUTED_HEADER_BYTES + 32
    const lookup = (bucketMin: number, bucketMax: number) =>
      decodeFrame(patched('lookup', { [at]: bucketMin, [at + 1]: bucketMax, [at + 2]: 3 }))
    for (const [bucketMin, bucketMax] of [
      [0, 255],
      [7, 7],
      [255, 255],
      [255, 0],
    ] as const)
      expect(lookup(bucketMin, bucketMax)).toMatchObject({ bucketMin, bucketMax, slot: 'guest' })
    for (const [bucketMin, bucketMax] of [
      [1, 0],
      [255, 254],
      [254, 0],
      [255, 1],
    ] as const)
      expect(lookup(bucketMin, bucketMax), `${bucketMin} to ${bucketMax}`).toBe(null)
    expect(() => encodeFrame({ ...(lookup(7, 7) as LookupFrame), bucketMax: 6 })).toThrow(RangeError)
    expect(decodeFrame(patched('lookup', { [at + 2]: 4 }))).toBe(null)
  })

  test('a nack brings back only unicasts and lookups, one level deep', () => {
    for (const { name, hex } of vectors.frames) {
      const isReturned = name === 'unicast' || name === 'lookup'
      expect(decodeFrame(fromHex(`011000${hex}`)) !== null).toBe(isReturned)
    }
    // As deep as a frame can be: it must not be followed down.
    expect(decodeFrame(fromHex('011000'.repeat(5460)))).toBe(null)
  })

  test('a body is a view into the bytes it came in', () => {
    const bytes = encodeFrame(unicast)
    const { body } = decodeFrame(bytes) as unknown as { body: Uint8Array }
    expect([body.buffer === bytes.buffer, body.byteOffset]).toEqual([true, ROUTED_HEADER_BYTES])
  })

  test('the greatest body fits with and without a nack around it; one byte more is refused both ways', () => {
    const great: UnicastFrame = { ...unicast, body: new Uint8Array(BODY_BYTES_MAX) }
    const nack: Frame = { kind: 'nack', reason: 'seen', frame: great }
    expect(frameBytes(nack)).toBe(FRAME_BYTES_MAX)
    expect(decodeFrame(encodeFrame(nack))).toEqual(nack)
    for (const name of ['unicast', 'reply', 'broadcast']) {
      const greater = { ...valueOf(name), body: new Uint8Array(BODY_BYTES_MAX + 1) } as Frame
      expect(() => encodeFrame(greater)).toThrow(RangeError)
      const bytes = encodeFrame({ ...valueOf(name), body: new Uint8Array(BODY_BYTES_MAX) } as Frame)
      expect(decodeFrame(bytes)).not.toBe(null)
      expect(decodeFrame(Uint8Array.of(...bytes, 0))).toBe(null)
    }
  })

  test('a list that claims 65,535 peers in ten bytes is refused', () => {
    expect(decodeFrame(Uint8Array.of(1, 0x14, 0xff, 0xff, 0, 0, 0, 0, 0, 0))).toBe(null)
    expect(decodeFrame(Uint8Array.of(1, 0x15, 0xff, 0xff, 0, 0, 0, 0, 0, 0))).toBe(null)
  })

  test('values outside the protocol are the programmer’s error', () => {
    expect(() => encodeFrame({ ...unicast, hopLimit: 41 })).toThrow(RangeError)
    expect(() => encodeFrame({ ...unicast, hopLimit: -1 })).toThrow(RangeError)
    expect(() => encodeFrame({ ...unicast, hopLimit: 1.5 })).toThrow(RangeError)
    expect(() => encodeFrame({ ...unicast, hopLimit: 30, hops: 11 })).toThrow(RangeError)
    expect(() => encodeFrame({ ...unicast, hops: -1 })).toThrow(RangeError)
    expect(() => encodeFrame({ ...unicast, attempt: 16 })).toThrow(RangeError)
    expect(() => encodeFrame({ ...unicast, body: { byteLength: 4 } })).toThrow(TypeError)
    expect(() => encodeFrame({ kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 2 ** 32 })).toThrow(RangeError)
  })
})
