import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Frame } from '../../src/core/frames.ts'
import { Outgoing, type Outlet } from '../../bootstrap/outgoing.ts'
import { BATCH_BYTES_MAX, decodeBatch, splitBatch } from '../../src/wire/batch.ts'
import { BODY_BYTES_MAX } from '../../src/wire/frames.ts'
import { frame as anyFrame } from '../wire/arbitrary.ts'

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

const unicast = (bytes: number, fill = 0): Frame => ({
  kind: 'unicast',
  hopLimit: 7,
  hops: 1,
  attempt: 0,
  viaBootstrap: true,
  id: 'a'.repeat(26) as never,
  target: 'a'.repeat(52) as never,
  body: new Uint8Array(bytes).fill(fill),
})

/** Takes messages like a socket: at once, or (`isSlow`) it goes on reading the very bytes that it was given. */
class Receiver implements Outlet {
  parts: number[] | null = null
  readonly isSlow: boolean
  readonly #messages: (() => Uint8Array)[] = []

  constructor({ isSlow = false } = {}) {
    this.isSlow = isSlow
  }

  get connection(): this {
    return this
  }

  sendFrom(bytes: Buffer, start: number, end: number): boolean {
    const message = this.isSlow ? bytes.subarray(start, end) : new Uint8Array(bytes.subarray(start, end))
    // As a server does with the header of each.
    bytes.fill(0xff, start - 4, start)
    this.#messages.push(() => new Uint8Array(message))
    return !this.isSlow
  }

  get messages(): Uint8Array[] {
    return this.#messages.map((read) => read())
  }

  get frames(): unknown[] {
    return this.messages.flatMap((message) => decodeBatch(message) ?? [null])
  }
}

describe('what a server sends in one turn', () => {
  test('reaches each receiver whole and in order, in as few messages as that allows', async () => {
    const frames = fc.array(fc.record({ to: fc.nat(2), frame: anyFrame }), { maxLength: 200, size: 'max' })
    const outgoing = new Outgoing()
    await fc.assert(
      fc.asyncProperty(frames, async (sent) => {
        const receivers = [new Receiver(), new Receiver({ isSlow: true }), new Receiver()]
        for (const { to, frame } of sent) outgoing.add(receivers[to]!, frame as Frame)
        await turn()
        for (const [index, { frames: received, messages }] of receivers.entries()) {
          expect(received).toEqual(sent.filter(({ to }) => to === index).map(({ frame }): unknown => frame))
          for (let i = 1; i < messages.length; i++) {
            const first = 2 + splitBatch(messages[i]!)![0]!.byteLength
            expect(messages[i - 1]!.byteLength + first).toBeGreaterThan(BATCH_BYTES_MAX)
          }
        }
      }),
      { numRuns: 50, endOnFailure: true },
    )
  })

  test('leaves at the end of the turn, not before', async () => {
    const [outgoing, receiver] = [new Outgoing(), new Receiver()]
    outgoing.add(receiver, unicast(10))
    outgoing.add(receiver, unicast(20))
    expect(receiver.messages).toEqual([])
    await turn()
    expect(receiver.messages).toHaveLength(1)
  })

  test('leaves earlier above a mebibyte, which bounds what a turn can hold', async () => {
    const [outgoing, receiver] = [new Outgoing(), new Receiver()]
    const great = unicast(BODY_BYTES_MAX)
    // Chunks of 64 KiB hold three of these and a bit.
    for (let i = 0; i < 48; i++) outgoing.add(receiver, great)
    expect(receiver.messages).toHaveLength(0)
    outgoing.add(receiver, great)
    expect(receiver.messages).toHaveLength(48)
    await turn()
    expect(receiver.messages).toHaveLength(49)
  })

  test('leaves earlier for 128 receivers, so that they need not wait for the rest', async () => {
    const outgoing = new Outgoing()
    const receivers = Array.from({ length: 200 }, () => new Receiver())
    for (const receiver of receivers) outgoing.add(receiver, unicast(10))
    expect(receivers.map(({ messages }) => messages.length)).toEqual(receivers.map((_, i) => (i < 128 ? 1 : 0)))
    await turn()
    for (const { frames } of receivers) expect(frames).toEqual([unicast(10)])
  })

  test('can leave at once for one receiver, and does not leave twice', async () => {
    const [outgoing, one, other] = [new Outgoing(), new Receiver(), new Receiver()]
    outgoing.add(one, unicast(10, 1))
    outgoing.add(other, unicast(10, 2))
    outgoing.flushOne(one)
    expect(one.frames).toEqual([unicast(10, 1)])
    expect(other.frames).toEqual([])
    await turn()
    expect(one.frames).toEqual([unicast(10, 1)])
    expect(other.frames).toEqual([unicast(10, 2)])
  })

  test('is not overwritten while a socket still has it', async () => {
    const [outgoing, slow] = [new Outgoing(), new Receiver({ isSlow: true })]
    for (let round = 0; round < 5; round++) {
      outgoing.add(slow, unicast(100, round))
      await turn()
      outgoing.add(slow, unicast(100, round))
      outgoing.add(slow, unicast(200, round))
      await turn()
    }
    expect(slow.frames).toEqual([0, 1, 2, 3, 4].flatMap((round) => [100, 100, 200].map((size) => unicast(size, round))))
  })

  test('takes no frame that no message can hold, and is none the worse for it', async () => {
    const [outgoing, receiver] = [new Outgoing(), new Receiver()]
    expect(() => outgoing.add(receiver, unicast(BODY_BYTES_MAX + 8))).toThrow(RangeError)
    outgoing.add(receiver, unicast(1))
    await turn()
    expect(receiver.frames).toEqual([unicast(1)])
  })
})
