/** The event queue against the obvious model: a list sorted by time, and by arrival among equals. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventQueue } from '../../src/sim/index.ts'
import { SEED } from './support.ts'

interface Item {
  readonly at: number
  readonly order: number
}

/** The model: everything due at or before `until`, in order. */
function takeDue(model: Item[], until: number): Item[] {
  const due = model.filter((item) => item.at <= until).toSorted((a, b) => a.at - b.at || a.order - b.order)
  for (const item of due) model.splice(model.indexOf(item), 1)
  return due
}

function drain(queue: EventQueue<Item>, until: number): Item[] {
  const items: Item[] = []
  for (let item = queue.pop(until); item !== null; item = queue.pop(until)) items.push(item)
  return items
}

// Near, around the ring's edge of 32,768 ms, and far beyond it.
const delay = fc.oneof(
  fc.integer({ min: 0, max: 5 }),
  fc.integer({ min: 32_760, max: 32_780 }),
  fc.integer({ min: 0, max: 300_000 }),
)
const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ push: delay }) },
  { weight: 1, arbitrary: fc.record({ wait: fc.oneof(delay, fc.constant(0)) }) },
)

test('comes out in order of time, equal times in order of arrival, whatever is pushed when', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const queue = new EventQueue<Item>(1_000)
      const model: Item[] = []
      let order = 0
      for (const step of commands) {
        if ('push' in step) {
          const item = { at: queue.now + step.push, order: order++ }
          queue.push(item.at, item)
          model.push(item)
        } else {
          const until = queue.now + step.wait
          expect(drain(queue, until)).toEqual(takeDue(model, until))
          expect(queue.now).toBe(until)
        }
        expect(queue.size).toBe(model.length)
      }
      expect(drain(queue, 10_000_000)).toEqual(takeDue(model, 10_000_000))
    }),
    { numRuns: 300, seed: SEED },
  )
})

test('events that are pushed while their millisecond is being worked off come in the same millisecond', () => {
  const queue = new EventQueue<Item>()
  queue.push(5, { at: 5, order: 0 })
  queue.push(6, { at: 6, order: 1 })
  expect(queue.pop(10)?.order).toBe(0)
  queue.push(5, { at: 5, order: 2 })
  expect(queue.pop(10)?.order).toBe(2)
  expect(queue.pop(10)?.order).toBe(1)
})

test('a far event and a near one of the same instant keep their order of arrival', () => {
  const queue = new EventQueue<Item>()
  queue.push(100_000, { at: 100_000, order: 0 })
  expect(queue.pop(99_000)).toBeNull()
  queue.push(100_000, { at: 100_000, order: 1 })
  expect(drain(queue, 200_000).map(({ order }) => order)).toEqual([0, 1])
})

test('refuses the past and fractions of milliseconds', () => {
  const queue = new EventQueue<Item>(1_000)
  for (const at of [999, 1_000.5, Number.NaN]) expect(() => queue.push(at, { at, order: 0 })).toThrow(RangeError)
})

test('a vain pop waits until its limit and no further', () => {
  const queue = new EventQueue<Item>(1_000)
  queue.push(500_000, { at: 500_000, order: 0 })
  expect(queue.pop(400_000)).toBeNull()
  expect(queue.now).toBe(400_000)
  expect(queue.pop(600_000)?.at).toBe(500_000)
  expect(queue.now).toBe(500_000)
})
