/** Who announces messages and does not give them when asked: how much its word counts from then on. */

import { describe, expect, it } from 'vitest'
import { message } from './ids.ts'
import { betray, name, P95_MS, station } from './tree.ts'

const [M, N, O] = [message('m'), message('n'), message('o')] as const

describe('the question for a message', () => {
  it('goes last to a neighbour that announced and did not give, until it gives again', () => {
    const all = station(3)
    all.ihave(2, O)
    all.pass(2_000)
    all.to('graft')
    all.ihave(2, M)
    all.ihave(3, M)
    all.pass(250)
    expect(all.to('graft')).toEqual([3])
    all.pass(2 * P95_MS)
    expect(all.to('graft')).toEqual([2])
    all.get(M, 2)
    all.ihave(2, N)
    all.ihave(3, N)
    all.pass(2_000)
    expect(all.to('graft')[0]).toBe(2)
  })

  it('goes no more to a neighbour that announced eight messages in a row and gave none', () => {
    const all = station(3)
    betray(all, 2)
    all.ihave(2, M)
    all.pass(2_000)
    expect(all.to('graft')).toEqual([])
    expect(all.broadcast.counters.ignored).toBe(1)
    all.digest(2, [{ id: M, ageS: 1 }])
    all.pass(2_000)
    expect(all.to('graft')).toEqual([])
    // One that gives is believed.
    all.ihave(3, N)
    all.pass(2_000)
    expect(all.to('graft')).toEqual([3])
  })

  it('goes again to one that gave nothing two minutes ago', () => {
    const all = station(3)
    betray(all, 2)
    all.pass(115_000)
    all.ihave(2, M)
    all.pass(2_000)
    expect(all.to('graft')).toEqual([])
    all.pass(5_000)
    all.ihave(2, N)
    all.pass(2_000)
    expect(all.to('graft')).toEqual([2])
    // It begins anew: that one more did not come is not enough.
    all.ihave(2, O)
    all.pass(2_000)
    expect(all.to('graft')).toEqual([2])
  })

  it('goes to a relay all the same, but last: it passes on what others say that they have', () => {
    const all = station(3)
    all.state.relays = [2]
    betray(all, 2)
    all.ihave(2, M)
    all.pass(2_000)
    expect(all.to('graft')).toEqual([2])
    all.ihave(2, N)
    all.ihave(3, N)
    all.pass(2_000)
    expect(all.to('graft')[0]).toBe(3)
  })

  it('of a relay goes no more to a relay that gave nothing: what nobody has is not passed on for ever', () => {
    const all = station(3)
    all.state.relays = [2]
    betray(all, 2)
    all.state.isRelay = true
    all.to('ihave')
    all.ihave(2, M)
    all.pass(2_000)
    expect(all.to('ihave')).toEqual([])
    all.ihave(3, N)
    all.pass(2_000)
    expect(all.to('ihave')).toEqual([1, 2])
  })

  it('goes to one that gave what was refused for its source', () => {
    const all = station(3, { sourceFrames: { perSecond: 0.01, burst: 1 } })
    all.get(M, 1)
    for (let i = 0; i < 10; i++) {
      all.ihave(2, name(i))
      all.pass(300)
      all.get(name(i), 2)
    }
    all.to('graft')
    all.pass(5_000)
    expect(all.to('graft')).toEqual([])
    all.ihave(2, N)
    all.pass(2_000)
    expect(all.to('graft')).toEqual([2])
  })
})
