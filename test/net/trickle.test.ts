/** When descriptions and candidates leave, under a clock run by hand. */

import { describe, expect, test } from 'vitest'
import { BATCH_WAITS_MS, HOST_WAIT_MS, SERVER_WAIT_MS, Trickle } from '../../src/net/trickle.ts'

describe('without servers', () => {
  test('the description leaves at the end of the first burst of candidates', () => {
    const { trickle, clock, sent } = setUp({ hasServers: false })
    trickle.described()
    clock.advance(3)
    trickle.candidate('host 1')
    trickle.candidate('host 2')
    clock.advance(0)
    expect(sent).toEqual([])
    trickle.candidate('host 3')
    clock.advance(0)
    expect(sent).toEqual([])
    clock.advance(0)
    expect(sent).toEqual([['left', 'host 1', 'host 2', 'host 3']])
  })

  test('candidates that come before the description leave with it', () => {
    const { trickle, clock, sent } = setUp({ hasServers: false })
    trickle.candidate('host 1')
    trickle.described()
    clock.advance(1)
    expect(sent).toEqual([['left', 'host 1']])
  })

  test('a host without candidates does not wait for ever', () => {
    const { trickle, clock, sent } = setUp({ hasServers: false })
    trickle.described()
    clock.advance(HOST_WAIT_MS - 1)
    expect(sent).toEqual([])
    clock.advance(1)
    expect(sent).toEqual([['left']])
  })

  test('the end of gathering ends the wait, a turn later: its last candidates may still be on their way', () => {
    const { trickle, clock, sent } = setUp({ hasServers: false })
    trickle.described()
    trickle.gathered()
    trickle.candidate('host 1')
    clock.advance(1)
    expect(sent).toEqual([['left', 'host 1']])
  })
})

describe('with servers', () => {
  test('the description waits for the first candidate of theirs', () => {
    const { trickle, clock, sent } = setUp({ hasServers: true })
    trickle.described()
    trickle.candidate('host 1')
    clock.advance(40)
    expect(sent).toEqual([])
    trickle.candidate('srflx 1')
    clock.advance(1)
    expect(sent).toEqual([['left', 'host 1', 'srflx 1']])
  })

  test('but not longer than 150 ms', () => {
    const { trickle, clock, sent } = setUp({ hasServers: true })
    trickle.described()
    trickle.candidate('host 1')
    clock.advance(SERVER_WAIT_MS)
    expect(sent).toEqual([['left', 'host 1']])
  })
})

describe('later candidates', () => {
  test('follow in two batches at most, and what comes after that stays at home', () => {
    const { trickle, clock, sent } = setUp({ hasServers: true })
    trickle.described()
    clock.advance(SERVER_WAIT_MS)
    for (let i = 1; i <= 6; i++) {
      trickle.candidate(`srflx ${i}`)
      clock.advance(60)
    }
    clock.advance(10_000)
    trickle.candidate('relay 7')
    clock.advance(10_000)
    expect(sent).toEqual([
      ['left'],
      ['batch', 'srflx 1', 'srflx 2'],
      ['batch', 'srflx 3', 'srflx 4', 'srflx 5', 'srflx 6'],
    ])
  })

  test('need not wait for more when there will be none', () => {
    const { trickle, clock, sent } = setUp({ hasServers: true })
    trickle.described()
    clock.advance(SERVER_WAIT_MS)
    trickle.candidate('srflx 1')
    clock.advance(BATCH_WAITS_MS[0])
    trickle.candidate('srflx 2')
    trickle.gathered()
    clock.advance(BATCH_WAITS_MS[0])
    expect(sent).toEqual([['left'], ['batch', 'srflx 1'], ['batch', 'srflx 2']])
  })

  test('are no reason to send an empty batch', () => {
    const { trickle, clock, sent } = setUp({ hasServers: true })
    trickle.described()
    clock.advance(SERVER_WAIT_MS)
    trickle.gathered()
    clock.advance(10_000)
    expect(sent).toEqual([['left']])
  })
})

test('stopped, nothing leaves and no timer is left', () => {
  const { trickle, clock, sent } = setUp({ hasServers: false })
  trickle.described()
  trickle.candidate('host 1')
  trickle.stop()
  clock.advance(10_000)
  trickle.candidate('host 2')
  trickle.described()
  clock.advance(10_000)
  expect(sent).toEqual([])
  expect(clock.pending).toBe(0)
})

function setUp({ hasServers }: { hasServers: boolean }) {
  const clock = virtualClock()
  const sent: string[][] = []
  const trickle = new Trickle<string>({
    hasServers,
    isFromServer: (candidate) => !candidate.startsWith('host'),
    onLeave: (candidates) => sent.push(['left', ...candidates]),
    onBatch: (candidates) => sent.push(['batch', ...candidates]),
    after: clock.after,
  })
  return { trickle, clock, sent }
}

function virtualClock() {
  let now = 0
  const timers = new Map<() => void, number>()
  return {
    get pending() {
      return timers.size
    },
    after(delayMs: number, callback: () => void) {
      const run = () => callback()
      timers.set(run, now + delayMs)
      return () => void timers.delete(run)
    },
    /** 0: one turn. */
    advance(ms: number) {
      now += ms
      if (ms > 0) this.advance(0)
      for (const [run, due] of [...timers].toSorted((a, b) => a[1] - b[1])) {
        if (due > now || !timers.delete(run)) continue
        run()
      }
    },
  }
}
