import { describe, expect, it } from 'vitest'
import { Turnstile } from '../../src/net/turnstile.ts'

/** Lets microtasks run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function enterAll(turnstile: Turnstile, count: number): (() => void)[] {
  const inside: (() => void)[] = []
  for (let i = 0; i < count; i++) void turnstile.enter().then((leave) => inside.push(leave))
  return inside
}

describe('a turnstile', () => {
  it('lets as many in as it has places, and one more for each that leaves, in the order of their coming', async () => {
    const turnstile = new Turnstile(2)
    const order: number[] = []
    const leaves: (() => void)[] = []
    for (let i = 0; i < 5; i++) void turnstile.enter().then((leave) => (order.push(i), leaves.push(leave)))
    await turn()
    expect(order).toEqual([0, 1])
    leaves[1]!()
    await turn()
    expect(order).toEqual([0, 1, 2])
    leaves[0]!()
    leaves[2]!()
    await turn()
    expect(order).toEqual([0, 1, 2, 3, 4])
  })

  it('counts a leaving once', async () => {
    const turnstile = new Turnstile(1)
    const inside = enterAll(turnstile, 3)
    await turn()
    inside[0]!()
    inside[0]!()
    await turn()
    expect(inside).toHaveLength(2)
  })

  it('has its places back when all have left', async () => {
    const turnstile = new Turnstile(2)
    const inside = enterAll(turnstile, 4)
    for (let i = 0; i < 4; i++) {
      await turn()
      inside[i]!()
    }
    const again = enterAll(turnstile, 3)
    await turn()
    expect(again).toHaveLength(2)
  })
})
