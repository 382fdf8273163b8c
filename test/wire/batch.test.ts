import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Frame, UnicastFrame } from '../../src/core/frames.ts'
import { MESSAGE_BYTES_MAX } from '../../src/net/channel.ts'
import { BATCH_BYTES_MAX, BatchPacker, decodeBatch, splitBatch } from '../../src/wire/batch.ts'
import { BODY_BYTES_MAX, encodeFrame, FRAME_BYTES_MAX, ROUTED_HEADER_BYTES } from '../../src/wire/frames.ts'
import { frame as anyFrame } from './arbitrary.ts'
import { fromHex, toHex, vectors } from './golden.ts'

const valueOf = (name: string) => vectors.frames.find((vector) => vector.name === name)!.value
const heartbeat = valueOf('heartbeat') as Frame
const unicast = valueOf('unicast') as UnicastFrame
const pack = (...frames: Parameters<BatchPacker['add']>[0][]) => {
  const packer = new BatchPacker()
  for (const frame of frames) packer.add(frame)
  return packer.take()
}

describe('batches', () => {
  test('all frames of a turn arrive in order, in messages of at most 16 KiB that could not have been fewer', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 200, size: 'max' }), (frames) => {
        const messages = pack(...frames)
        expect(messages.flatMap((message) => decodeBatch(message)!)).toEqual(frames)
        for (const message of messages) expect(message.byteLength).toBeLessThanOrEqual(BATCH_BYTES_MAX)
        for (let i = 1; i < messages.length; i++) {
          const first = 2 + splitBatch(messages[i]!)![0]!.byteLength
          expect(messages[i - 1]!.byteLength + first).toBeGreaterThan(BATCH_BYTES_MAX)
        }
      }),
      // Shrinking 200 frames takes minutes.
      { numRuns: 100, endOnFailure: true },
    )
  })

  test('a message is as great as a channel allows, and the greatest frame fills it exactly', () => {
    expect(BATCH_BYTES_MAX).toBe(MESSAGE_BYTES_MAX)
    const great: Frame = { kind: 'nack', reason: 'seen', frame: { ...unicast, body: new Uint8Array(BODY_BYTES_MAX) } }
    expect(pack(heartbeat, great, heartbeat).map((message) => message.byteLength)).toEqual([10, BATCH_BYTES_MAX, 10])
  })

  test('two frames share a message up to its last byte, and not one beyond', () => {
    const taking = (byteLength: number) => ({ ...unicast, body: new Uint8Array(byteLength - 2 - ROUTED_HEADER_BYTES) })
    expect(pack(taking(8000), taking(8384)).map((message) => message.byteLength)).toEqual([16384])
    expect(pack(taking(8000), taking(8385)).map((message) => message.byteLength)).toEqual([8000, 8385])
  })

  test('a packer knows what it holds, is empty after take, and refuses what no message can hold', () => {
    const packer = new BatchPacker()
    packer.add(heartbeat)
    packer.add(heartbeat)
    expect(packer.byteLength).toBe(20)
    expect(packer.take()).toHaveLength(1)
    expect([packer.byteLength, packer.take()]).toEqual([0, []])
    const great = { ...unicast, body: new Uint8Array(FRAME_BYTES_MAX) }
    expect(() => packer.add(great)).toThrow(RangeError)
    expect(packer.byteLength).toBe(0)
  })

  test('messages never share bytes, however many are cut from one slab', () => {
    const numbered = Array.from({ length: 300 }, (_, i) => ({ ...unicast, body: new Uint8Array(1000).fill(i) }))
    const messages = numbered.map((frame) => pack(frame)[0]!)
    expect(messages.flatMap((message) => decodeBatch(message)!)).toEqual(numbered)
  })

  test.each(vectors.batches)('golden: $name', ({ frames, hex }) => {
    expect(pack(...frames.map(valueOf)).map(toHex)).toEqual([hex])
    expect(splitBatch(fromHex(hex))!.map((bytes) => toHex(bytes))).toEqual(
      frames.map((name) => toHex(encodeFrame(valueOf(name)))),
    )
  })

  test('splitting gives views, not copies', () => {
    const message = fromHex(vectors.batches[0]!.hex)
    expect(splitBatch(message)!.every((frame) => frame.buffer === message.buffer)).toBe(true)
  })

  test.each([
    ['nothing', ''],
    ['half a length', '00'],
    ['a length without a frame', '0007'],
    ['a frame cut short', '000801120001075bcd'],
    ['an empty frame', '0000'],
    ['an empty frame behind a good one', '00030113010000'],
    ['a byte left over', '000301130100'],
    ['a length beyond its end', 'ffff011301'],
  ])('a message of %s is refused as a whole', (_, hex) => {
    expect(splitBatch(fromHex(hex))).toBe(null)
    expect(decodeBatch(fromHex(hex))).toBe(null)
  })

  test('a message above 16 KiB is refused even when its frames are whole', () => {
    const half = Uint8Array.of(0x1f, 0xff, ...new Uint8Array(0x1fff))
    expect(splitBatch(half)).toHaveLength(1)
    expect(splitBatch(Uint8Array.of(...half, ...half))).toBe(null)
  })

  test('one frame that does not decode leaves the others of its message', () => {
    expect(decodeBatch(fromHex('000301130100030113020003011300'))).toEqual([
      { kind: 'keep', wanted: true },
      null,
      { kind: 'keep', wanted: false },
    ])
  })
})
