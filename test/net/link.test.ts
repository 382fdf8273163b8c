/** The link contract over memory, and what only a channel that can be stalled shows. */

import { expect, test } from 'vitest'
import type { LinkLimits } from '../../src/net/link.ts'
import { Link } from '../../src/net/link.ts'
import { MemoryChannel } from '../../src/net/memory.ts'
import { broadcast, describeLinkContract, framesOf, heartbeat, numberOf, turns, unicast } from './link-contract.ts'

describeLinkContract('memory', async (limits) => pairOf(limits))

test('above the high-water mark frames wait, and leave by class when there is room again', async () => {
  const { channel, left, right, clock } = stalledPair({ highWaterBytes: 2000 })
  const atRight = framesOf(right)
  for (let i = 0; i < 4; i++) left.send(unicast(i, 1000))
  await turns(1)
  left.send(broadcast(10, 100))
  left.send(unicast(11, 100))
  left.send(heartbeat(12))
  await turns(1)
  expect(channel.bufferedAmount).toBeGreaterThan(2000)
  expect(left.counters.messagesOut).toBe(1)
  channel.resume()
  await turns(1)
  clock.run()
  const arrived = (await atRight.take(7)).map(numberOf)
  expect(arrived).toEqual([0, 1, 2, 3, 12, 11, 10])
})

test('the buffer is polled only while frames wait, less and less often', async () => {
  const { channel, left, clock } = stalledPair({ highWaterBytes: 10 })
  expect(clock.delays).toEqual([])
  left.send(unicast(1, 100))
  await turns(1)
  expect(clock.delays).toEqual([])
  left.send(unicast(2, 100))
  await turns(1)
  for (let i = 0; i < 8; i++) clock.run()
  expect(clock.delays).toEqual([1, 2, 4, 8, 16, 32, 40, 40, 40])
  channel.resume()
  await turns(1)
  clock.run()
  expect(clock.pending).toBe(0)
  expect(left.counters.messagesOut).toBe(2)
})

test('a message that comes in while frames wait is as good as a tick', async () => {
  const { channel, left, right } = stalledPair({ highWaterBytes: 10 })
  const atRight = framesOf(right)
  left.send(unicast(1, 100))
  await turns(1)
  left.send(unicast(2, 100))
  await turns(1)
  channel.resume()
  await turns(1)
  right.send(heartbeat(3))
  expect((await atRight.take(2)).map(numberOf)).toEqual([1, 2])
})

test('the bytes that wait are bounded, and a link that is closed lets go of its poll', async () => {
  const { left, clock } = stalledPair({ highWaterBytes: 10, queueBytesMax: 5000 })
  left.send(unicast(0, 100))
  await turns(1)
  for (let i = 0; i < 100; i++) left.send(unicast(i, 1000))
  await turns(1)
  expect(left.counters.dropped.routed).toBe(96)
  expect(clock.pending).toBe(1)
  left.close('over')
  expect(clock.pending).toBe(0)
})

async function pairOf(limits?: Partial<LinkLimits>) {
  const [a, b] = MemoryChannel.pair()
  return { left: new Link(a, limits), right: new Link(b, limits), dispose: () => Promise.resolve() }
}

/** A link whose channel takes messages and delivers none before `channel.resume()`, under a clock run by hand. */
function stalledPair(limits: Partial<LinkLimits>) {
  const [channel, other] = MemoryChannel.pair()
  const clock = handClock()
  const left = new Link(channel, limits, clock.after)
  const right = new Link(other, limits, clock.after)
  channel.stall()
  return { channel, left, right, clock }
}

function handClock() {
  const due = new Set<() => void>()
  const delays: number[] = []
  return {
    delays,
    get pending() {
      return due.size
    },
    after(delayMs: number, callback: () => void) {
      delays.push(delayMs)
      due.add(callback)
      return () => void due.delete(callback)
    },
    /** Runs what is due now, not what that schedules. */
    run() {
      for (const callback of [...due]) {
        due.delete(callback)
        callback()
      }
    },
  }
}
