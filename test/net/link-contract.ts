/**
 * What every link does, whatever it runs over. One suite, called with a factory of connected pairs by the tests of each
 * transport: memory and data channels (`link.test.ts`, `webrtc.test.ts`), WebSocket, Chromium.
 */

import { describe, expect, test } from 'vitest'
import type { Frame, UnicastFrame } from '../../src/core/frames.ts'
import type { Key, MessageId, NetworkId, PeerId } from '../../src/core/ids.ts'
import { MESSAGE_BYTES_MAX } from '../../src/net/channel.ts'
import type { Link, LinkLimits } from '../../src/net/link.ts'
import { BODY_BYTES_MAX } from '../../src/wire/frames.ts'
import type { HandshakeFrame } from '../../src/wire/handshake.ts'
import { idFromBytes, messageIdFromBytes } from '../../src/wire/ids.ts'

/** Two connected links under the given limits (else the defaults), without owners (`onFrame` and `onDown` null). */
export type LinkPairFactory = (limits?: Partial<LinkLimits>) => Promise<LinkPair>

export interface LinkPair {
  readonly left: Link
  readonly right: Link
  /** Lets go of what the pair needed; the links may be closed or not. */
  dispose(): Promise<void>
}

/** Registers the suite under `name`. `timeoutMs` is for each test. */
export function describeLinkContract(name: string, createPair: LinkPairFactory, timeoutMs = 10_000): void {
  describe(`link contract over ${name}`, () => {
    const behaviour = (title: string, limits: Partial<LinkLimits>, script: (pair: LinkPair) => Promise<void>) =>
      test(title, { timeout: timeoutMs }, async () => {
        const pair = await createPair(limits)
        try {
          await script(pair)
        } finally {
          await pair.dispose()
        }
      })

    behaviour('frames arrive whole and in order, both ways', {}, async ({ left, right }) => {
      const atRight = framesOf(right)
      const atLeft = framesOf(left)
      const there = Array.from({ length: 20 }, (_, i) => unicast(i, i * 10))
      const back = Array.from({ length: 20 }, (_, i) => unicast(100 + i, 500))
      there.forEach((frame) => left.send(frame))
      back.forEach((frame) => right.send(frame))
      expect(await atRight.take(20)).toEqual(there)
      expect(await atLeft.take(20)).toEqual(back)
    })

    behaviour('frames of one turn leave as one message', {}, async ({ left, right }) => {
      const atRight = framesOf(right)
      const [sent, received] = [countersFrom(left), countersFrom(right)]
      for (let i = 0; i < 12; i++) left.send(unicast(i, 1000))
      await atRight.take(12)
      expect(sent()).toMatchObject({ framesOut: 12, messagesOut: 1 })
      expect(received()).toMatchObject({ framesIn: 12, messagesIn: 1, bytesIn: sent().bytesOut })
    })

    behaviour(
      'in one turn control leaves first, then unicasts and replies, lookups, broadcasts',
      {},
      async ({ left, right }) => {
        const atRight = framesOf(right)
        left.send(broadcast(1, 10))
        left.send(lookup(2))
        left.send(unicast(3, 10))
        left.send(heartbeat(4))
        left.send(reply(5, 10))
        const kinds = (await atRight.take(5)).map((frame) => frame.kind)
        expect(kinds).toEqual(['heartbeat', 'unicast', 'reply', 'lookup', 'broadcast'])
      },
    )

    behaviour('the greatest frame passes, a greater one throws and harms nothing', {}, async ({ left, right }) => {
      const atRight = framesOf(right)
      expect(() => left.send(unicast(1, BODY_BYTES_MAX + 1))).toThrow(RangeError)
      const greatest = unicast(2, BODY_BYTES_MAX)
      left.send(greatest)
      left.send(heartbeat(3))
      expect(await atRight.take(2)).toEqual([heartbeat(3), greatest])
    })

    behaviour(
      'a great burst arrives complete and in order while the buffer of the channel stays below its mark',
      { highWaterBytes: 64 * 1024, queueBytesMax: 8 * 1024 * 1024 },
      async ({ left, right }) => {
        let bufferedMax = 0
        const atRight = framesOf(right, () => {
          bufferedMax = Math.max(bufferedMax, left.channel.bufferedAmount)
        })
        const burst = Array.from({ length: 4000 }, (_, i) => unicast(i, 1000))
        burst.forEach((frame) => left.send(frame))
        const arrived = await atRight.take(4000)
        expect(arrived.map(numberOf)).toEqual(burst.map(numberOf))
        expect(bufferedMax).toBeLessThanOrEqual(64 * 1024 + MESSAGE_BYTES_MAX)
        expect(left.counters.dropped).toEqual({ routed: 0, lookup: 0, broadcast: 0 })
      },
    )

    behaviour(
      'a full queue drops broadcasts first, then lookups, then unicasts, the newest first, and never control',
      { queueFramesMax: 6 },
      async ({ left, right }) => {
        const atRight = framesOf(right)
        const counted = countersFrom(left)
        const sent = [broadcast(1, 9), broadcast(2, 9), lookup(3), lookup(4), unicast(5, 9), unicast(6, 9)]
        sent.forEach((frame) => left.send(frame))
        left.send(broadcast(7, 9)) // dropped itself
        left.send(lookup(8)) // instead of broadcast 2
        left.send(unicast(9, 9)) // instead of broadcast 1
        left.send(heartbeat(10)) // instead of lookup 8
        left.send(heartbeat(11)) // instead of lookup 4
        left.send(heartbeat(12)) // instead of lookup 3
        left.send(heartbeat(13)) // instead of unicast 9
        const arrived = await atRight.take(6)
        expect(arrived.map(numberOf)).toEqual([10, 11, 12, 13, 5, 6])
        expect(counted().framesOut).toBe(6)
        expect(left.counters.dropped).toEqual({ broadcast: 3, lookup: 3, routed: 1 })
      },
    )

    behaviour('a queue full of control closes the link', { queueFramesMax: 3 }, async ({ left, right }) => {
      framesOf(right)
      const downs = downsOf(left, right)
      for (let i = 0; i < 4; i++) left.send(heartbeat(i))
      expect((await downs.both)[0]).toBe('overflow')
    })

    behaviour(
      'what was sent before a close still arrives; both sides hear of it exactly once',
      {},
      async ({ left, right }) => {
        const atRight = framesOf(right)
        const downs = downsOf(left, right)
        for (let i = 0; i < 40; i++) left.send(unicast(i, 1000))
        left.close('enough')
        left.close('twice')
        left.send(unicast(99, 10))
        expect((await atRight.take(40)).map(numberOf)).toEqual(Array.from({ length: 40 }, (_, i) => i))
        expect((await downs.both)[0]).toBe('enough')
        right.close('late')
        await turns()
        expect(downs.counts).toEqual([1, 1])
      },
    )

    behaviour('the accepting side may close as well, and both at once', {}, async ({ left, right }) => {
      const downs = downsOf(left, right)
      right.close('from right')
      left.close('from left')
      await downs.both
      await turns()
      expect(downs.counts).toEqual([1, 1])
    })

    behaviour('a close of the right side reaches the left', {}, async ({ left, right }) => {
      const downs = downsOf(left, right)
      right.close('from right')
      expect((await downs.both)[1]).toBe('from right')
      expect([left.isOpen, right.isOpen]).toEqual([false, false])
    })

    behaviour(
      'bad frames are counted and forgiven up to a bound, then the link closes',
      { badFramesMax: 3 },
      async ({ left, right }) => {
        const atRight = framesOf(right)
        const downs = downsOf(left, right)
        const bad = [[0], [0, 1, 9], [0, 2, 1, 0xff], [0, 9, 1, 1]].map((bytes) => Uint8Array.from(bytes))
        bad.slice(0, 3).forEach((bytes) => left.channel.send(bytes))
        left.send(heartbeat(1))
        expect(await atRight.take(1)).toEqual([heartbeat(1)])
        expect(right.counters.badFrames).toBe(3)
        left.channel.send(bad[3]!)
        expect((await downs.both)[1]).toBe('bad frames')
      },
    )

    behaviour('a good frame behind a bad one in the same message still counts', {}, async ({ left, right }) => {
      const atRight = framesOf(right)
      left.channel.send(Uint8Array.from([0, 2, 1, 0xff, 0, 8, 1, 0x12, 0, 1, 0, 0, 0, 7]))
      expect(await atRight.take(1)).toEqual([heartbeat(7)])
      expect(right.counters.badFrames).toBe(1)
    })

    behaviour('frames that come before there is an owner are held, and so is the end', {}, async ({ left, right }) => {
      for (let i = 0; i < 5; i++) left.send(unicast(i, 100))
      left.close('early')
      await new Promise<void>((resolve) => (left.onDown = () => resolve()))
      const downs: string[] = []
      const isDown = new Promise<void>((resolve) => {
        right.onDown = (reason) => resolve(void downs.push(reason))
      })
      const atRight = framesOf(right)
      expect((await atRight.take(5)).map(numberOf)).toEqual([0, 1, 2, 3, 4])
      await isDown
      expect(downs).toHaveLength(1)
    })

    behaviour('an owner may hold the rest of a message and hand over to another', {}, async ({ left, right }) => {
      const first: number[] = []
      const handedOver = new Promise<void>((resolve) => {
        right.onFrame = (frame) => {
          first.push(numberOf(frame))
          right.onFrame = null
          resolve()
        }
      })
      for (let i = 0; i < 3; i++) left.send(unicast(i, 10))
      await handedOver
      expect(first).toEqual([0])
      expect((await framesOf(right).take(2)).map(numberOf)).toEqual([1, 2])
    })

    behaviour('held frames are bounded', { heldBytesMax: 4096 }, async ({ left, right }) => {
      const downs = downsOf(left, right)
      for (let i = 0; i < 8; i++) left.send(unicast(i, 1000))
      expect((await downs.both)[1]).toBe('overflow')
    })
  })
}

type AnyFrame = Frame | HandshakeFrame

/** Owns the frames of a link; `take` resolves with the next `count`. */
export function framesOf(link: Link, onEach: () => void = () => {}): { take(count: number): Promise<AnyFrame[]> } {
  const frames: AnyFrame[] = []
  let check = () => {}
  link.onFrame = (frame) => {
    frames.push(frame)
    onEach()
    check()
  }
  return {
    take: (count) =>
      new Promise((resolve) => {
        check = () => {
          if (frames.length >= count) resolve(frames.splice(0, count))
        }
        check()
      }),
  }
}

/** Counts each side's `onDown`; `both` resolves with the two reasons. */
export function downsOf(left: Link, right: Link): { counts: [number, number]; both: Promise<[string, string]> } {
  const counts: [number, number] = [0, 0]
  const side = (link: Link, index: 0 | 1) =>
    new Promise<string>((resolve) => {
      link.onDown = (reason) => {
        counts[index]++
        resolve(reason)
      }
    })
  return { counts, both: Promise.all([side(left, 0), side(right, 1)]) }
}

/** What a link has counted from now on; a handshake may have passed before. */
export function countersFrom(
  link: Link,
): () => Record<'framesIn' | 'messagesIn' | 'bytesIn' | 'framesOut' | 'messagesOut' | 'bytesOut', number> {
  const before = { ...link.counters }
  return () => ({
    framesIn: link.counters.framesIn - before.framesIn,
    messagesIn: link.counters.messagesIn - before.messagesIn,
    bytesIn: link.counters.bytesIn - before.bytesIn,
    framesOut: link.counters.framesOut - before.framesOut,
    messagesOut: link.counters.messagesOut - before.messagesOut,
    bytesOut: link.counters.bytesOut - before.bytesOut,
  })
}

/** A few turns of the event loop: what was going to happen at once has happened. */
export async function turns(count = 5): Promise<void> {
  // Both ends of a turn of Node's event loop: links flush in its last phase, and a timer may come before or after that.
  const lastPhase: (resolve: () => void) => unknown = globalThis.setImmediate ?? setTimeout
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve) => setTimeout(resolve, 0))
    await new Promise<void>((resolve) => lastPhase(resolve))
  }
}

/** Every frame made here carries a number, to tell it by. */
export function numberOf(frame: AnyFrame): number {
  if (frame.kind === 'heartbeat') return frame.stamp
  if ('id' in frame) return ids.findIndex((id) => id === frame.id)
  throw new Error(`a ${frame.kind} has no number`)
}

const ids = Array.from({ length: 5000 }, (_, i) =>
  messageIdFromBytes<MessageId>(Uint8Array.from({ length: 16 }, (_, at) => (at < 2 ? i >> (8 * at) : 7) & 0xff)),
)
const key = idFromBytes<PeerId & Key & NetworkId>(new Uint8Array(32).fill(3))

export const heartbeat = (stamp: number): Frame => ({ kind: 'heartbeat', isEcho: false, hasRoom: true, stamp })

export const unicast = (number: number, bytes: number): UnicastFrame => ({
  kind: 'unicast',
  hopLimit: 40,
  hops: 0,
  attempt: 0,
  viaBootstrap: false,
  id: ids[number]!,
  target: key,
  body: bodyOf(number, bytes),
})

export const reply = (number: number, bytes: number): Frame => ({
  kind: 'reply',
  hopLimit: 40,
  hops: 0,
  attempt: 0,
  viaBootstrap: false,
  id: ids[number]!,
  body: bodyOf(number, bytes),
})

export const lookup = (number: number): Frame => ({
  kind: 'lookup',
  hopLimit: 40,
  hops: 0,
  attempt: 0,
  viaBootstrap: false,
  id: ids[number]!,
  target: key,
  requester: key,
  bucketMin: 0,
  bucketMax: 255,
  slot: 'ring',
})

export const broadcast = (number: number, bytes: number): Frame => ({
  kind: 'broadcast',
  isDirect: false,
  hopLimit: 40,
  hops: 0,
  id: ids[number]!,
  target: key,
  body: bodyOf(number, bytes),
})

const bodyOf = (number: number, bytes: number) => new Uint8Array(bytes).fill(number)
