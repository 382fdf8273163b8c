import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Message, UnicastFrame } from '../../src/core/frames.ts'
import { encodeFrame, FRAME_BYTES_MAX, BODY_BYTES_MAX } from '../../src/wire/frames.ts'
import {
  decodeMessage,
  DESCRIPTION_BYTES_MAX,
  encodeMessage,
  METADATA_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
  SIGNAL_BYTES_MAX,
} from '../../src/wire/messages.ts'
import { message as anyMessage } from './arbitrary.ts'
import { fromHex, toHex, vectors } from './golden.ts'

const valueOf = (name: string) => vectors.messages.find((vector) => vector.name === name)!.value
/** Where each limited field's length stands in its message, and its limit. */
const LIMITS = [
  { name: 'data', field: 'payload', at: 1, max: PAYLOAD_BYTES_MAX },
  { name: 'offer for a call', field: 'description', at: 19, max: DESCRIPTION_BYTES_MAX },
  { name: 'offer for a call', field: 'metadata', at: 26, max: METADATA_BYTES_MAX },
  { name: 'answer', field: 'description', at: 17, max: DESCRIPTION_BYTES_MAX },
  { name: 'signal', field: 'signal', at: 17, max: SIGNAL_BYTES_MAX },
]

describe('messages', () => {
  test('every kind comes back as it went in', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message)
      }),
      { numRuns: 3000 },
    )
  })

  test.each(vectors.messages)('golden: $name has these bytes, and these bytes are it', ({ value, hex }) => {
    expect(toHex(encodeMessage(value))).toBe(hex)
    expect(decodeMessage(fromHex(hex))).toEqual(value)
  })

  test('the golden vectors cover every kind, and all kinds but theirs are unknown', () => {
    expect(new Set(vectors.messages.map(({ hex }) => fromHex(hex)[0]))).toEqual(new Set([1, 2, 3, 4, 5, 6]))
    for (const kind of [0, 7, 0x80, 255]) expect(decodeMessage(Uint8Array.of(kind, ...new Uint8Array(40)))).toBe(null)
  })

  test.each(vectors.messages)('$name is refused when truncated or extended', ({ hex }) => {
    const bytes = fromHex(hex)
    for (let length = 0; length < bytes.byteLength; length++)
      expect(decodeMessage(bytes.subarray(0, length))).toBe(null)
    expect(decodeMessage(Uint8Array.of(...bytes, 0))).toBe(null)
  })

  test.each(LIMITS)('$field of $name: $max bytes pass, one more is refused both ways', ({ name, field, at, max }) => {
    const filled = (length: number) => ({ ...valueOf(name), [field]: new Uint8Array(length) }) as Message
    const bytes = encodeMessage(filled(max))
    expect(decodeMessage(bytes)).toEqual(filled(max))
    expect(() => encodeMessage(filled(max + 1))).toThrow(RangeError)
    const length = at + 2 + max
    const extended = Uint8Array.of(...bytes.subarray(0, length), 0, ...bytes.subarray(length))
    extended[at] = (max + 1) >> 8
    extended[at + 1] = (max + 1) & 255
    expect(decodeMessage(extended)).toBe(null)
  })

  test('the greatest message of each kind fits into a frame, sealed or direct, with 900 bytes to spare for the seal', () => {
    for (const message of [
      { kind: 'data', payload: new Uint8Array(PAYLOAD_BYTES_MAX) } as const,
      {
        ...(valueOf('offer for a call') as Message & { kind: 'offer' }),
        description: new Uint8Array(DESCRIPTION_BYTES_MAX),
        metadata: new Uint8Array(METADATA_BYTES_MAX),
      },
    ]) {
      expect(encodeMessage(message).byteLength + 900).toBeLessThanOrEqual(BODY_BYTES_MAX)
      const { id } = vectors.frames[0]!.value as UnicastFrame
      expect(encodeFrame({ kind: 'direct', id, isReply: false, message }).byteLength).toBeLessThanOrEqual(
        FRAME_BYTES_MAX,
      )
    }
  })
})
