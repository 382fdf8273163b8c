/** The tree, one peer at a time: what is cut out of it, what is grafted into it, and what is asked of whom. */

import { describe, expect, it } from 'vitest'
import { GRAFTS_PER_FRAME_MAX, HOP_LIMIT_MAX } from '../../src/core/frames.ts'
import { message, peer } from './ids.ts'
import { P95_MS, name, NETWORK, station } from './tree.ts'

const [M, N, O] = [message('m'), message('n'), message('o')]

it('a message of ours goes to others as well while none who have a place have ever given anything', () => {
  const all = station(12)
  all.publish(M)
  const first = all.linksOf('broadcast')
  expect(first).toHaveLength(4)
  // Three leave: the one that is left may be one who takes only.
  for (const on of first.slice(1)) all.prune(on)
  all.publish(N)
  const second = all.linksOf('broadcast')
  expect(second).toHaveLength(5)
  for (const on of first.slice(1)) expect(second).not.toContain(on)
  // It gives: that will do.
  all.get(O, first[0]!)
  all.to('broadcast')
  all.publish(name(1))
  expect(all.linksOf('broadcast')).toEqual([first[0]])
})

describe('where everybody is a neighbour', () => {
  it('a message goes to all at once, and says so', () => {
    const all = station(8)
    all.state.knowsAll = true
    all.publish(M)
    const copies = all.frames('broadcast')
    expect(copies).toHaveLength(8)
    expect(copies.every(({ isDirect, hops }) => isDirect && hops === 1)).toBe(true)
  })

  it('and no further: who has it from its source announces it', () => {
    const all = station(4)
    all.get(M, 2, { source: all.routes[1]!.peer, isDirect: true })
    expect(all.delivered).toHaveLength(1)
    expect(all.to('broadcast')).toEqual([])
    all.pass(20)
    expect(all.linksOf('ihave')).toEqual([1, 2, 3, 4])
  })

  it('but to whoever asks for it, as one of the tree', () => {
    const all = station(4)
    all.get(M, 2, { source: all.routes[1]!.peer, isDirect: true })
    all.graft(3, [M])
    expect(all.frames('broadcast')).toMatchObject([{ id: M, isDirect: false }])
  })

  it('nobody can stop the message of another by that claim', () => {
    const all = station(4)
    all.get(M, 2, { source: peer('x'), isDirect: true })
    expect(all.linksOf('broadcast')).toEqual([1, 3, 4])
    expect(all.broadcast.eagerLinks).toContain(2)
  })

  it('a second copy, by way of somebody who did not know, changes no tree; neither does a direct one that comes second', () => {
    const all = station(4)
    all.get(M, 2, { source: all.routes[1]!.peer, isDirect: true })
    all.get(N, 1)
    all.hear(N, 3, { isDirect: true })
    expect(all.to('prune')).toEqual([])
  })
})

describe('eager push', () => {
  it('a second copy cuts its link out of the tree, in both directions', () => {
    const all = station(3)
    all.get(M, 1)
    all.to('broadcast')
    all.hear(M, 2)
    expect(all.to('prune')).toEqual([2])
    all.get(N, 1)
    expect(all.to('broadcast')).toEqual([3])
  })

  it('so does a copy that came while the first one was being verified, once that one has proved good', () => {
    const all = station(3)
    all.hear(M, 1)
    all.hear(M, 2)
    expect(all.to('prune')).toEqual([])
    all.verify(M)
    expect(all.to('prune')).toEqual([2])
  })

  it('the same copy twice from one link cuts nothing', () => {
    const all = station(3)
    all.get(M, 1)
    all.hear(M, 1)
    expect(all.to('prune')).toEqual([])
  })

  it('a PRUNE ends what we send there', () => {
    const all = station(3)
    all.publish(M)
    expect(all.linksOf('broadcast')).toEqual([1, 2, 3])
    all.prune(2)
    all.publish(N)
    expect(all.linksOf('broadcast')).toEqual([1, 3])
    all.pass(20)
    expect(all.to('ihave')).toContain(2)
  })

  it('a copy that was sent before our PRUNE arrived does not bring its link back', () => {
    const all = station(3)
    all.get(M, 1)
    all.hear(M, 2)
    all.get(N, 2)
    all.to('broadcast')
    all.get(O, 1)
    expect(all.to('broadcast')).not.toContain(2)
    // Later it is as good as any.
    all.pass(1_000)
    all.get(name(1), 2)
    all.get(name(2), 1)
    expect(all.to('broadcast')).toContain(2)
  })

  it('whoever has announced a message gets no payload of it', () => {
    const all = station(4)
    all.ihave(3, M)
    all.get(M, 1)
    expect(all.linksOf('broadcast')).toEqual([2, 4])
  })

  it('a source without a place in the tree begins again with a few links', () => {
    const all = station(4)
    all.publish(M)
    for (const on of all.to('broadcast')) all.prune(on)
    all.publish(N)
    expect(all.to('broadcast')).toHaveLength(4)
  })
})

describe('lazy push', () => {
  it('announces once, 20 ms later, all messages of that time in one frame a link', () => {
    const all = station(8)
    all.get(M, 1)
    all.pass(10)
    all.get(N, 1)
    const eager = new Set(all.to('broadcast'))
    all.pass(9)
    expect(all.to('ihave')).toEqual([])
    all.pass(1)
    const frames = all.frames('ihave')
    expect(frames).toHaveLength(8 - 1 - eager.size)
    expect(frames[0]!.entries).toEqual([
      { id: M, hops: 3 },
      { id: N, hops: 3 },
    ])
    all.pass(5_000)
    expect(all.to('ihave')).toEqual([])
  })

  it('tells the source as well, if it is a neighbour', () => {
    const all = station(8)
    all.get(M, 1, { source: all.routes[0]!.peer })
    all.pass(20)
    expect(all.to('ihave')).toContain(1)
  })

  it('is rationed: twenty frames a second after a burst, and every message is still announced', () => {
    const all = station(24)
    let heard = 0
    let frames = 0
    for (let i = 0; i < 1_000; i++) {
      all.get(name(i), 1)
      all.pass(10)
      for (const { entries } of all.frames('ihave')) {
        frames++
        heard += entries.length
      }
    }
    all.pass(2_000)
    for (const { entries } of all.frames('ihave')) heard += entries.length
    const lazy = 24 - 1 - all.broadcast.eagerLinks.filter((on) => on !== 1).length
    expect(heard).toBe(1_000 * lazy)
    expect(frames).toBeLessThan(10 * 20 + 4 * 24)
  })
})

describe('grafting', () => {
  it('asks for what was announced and does not come, after the tree had its time, and takes the link into it', () => {
    const all = station(8)
    all.ihave(7, M)
    all.pass(249)
    expect(all.to('graft')).toEqual([])
    all.pass(1)
    expect(all.frames('graft')).toEqual([{ kind: 'graft', target: NETWORK, isEager: true, ids: [M] }])
    expect(all.broadcast.eagerLinks).toContain(7)
  })

  it('asks nobody for what comes in time', () => {
    const all = station(3)
    all.ihave(2, M)
    all.pass(100)
    all.get(M, 1, { hops: 3 })
    all.pass(5_000)
    expect(all.frames('graft').filter(({ ids }) => ids.length > 0)).toEqual([])
  })

  it('gives the tree as long as it took lately', () => {
    const all = station(3)
    for (let i = 0; i < 30; i++) {
      all.ihave(2, name(i))
      all.pass(30)
      all.get(name(i), 1, { hops: 3 })
      all.pass(1_000)
    }
    all.to('graft')
    all.ihave(2, M)
    // Two round trips are more than the 30 ms that it takes.
    all.pass(2 * P95_MS - 1)
    expect(all.to('graft')).toEqual([])
    all.pass(1)
    expect(all.to('graft')).toEqual([2])
  })

  it('asks the next one who has it when the first does not answer within two round trips', () => {
    const all = station(3)
    all.ihave(2, M)
    all.ihave(3, M)
    all.pass(250)
    expect(all.to('graft')).toEqual([2])
    all.pass(2 * P95_MS - 1)
    expect(all.to('graft')).toEqual([])
    all.pass(1)
    expect(all.to('graft')).toEqual([3])
    all.pass(5_000)
    expect(all.to('graft')).toEqual([])
  })

  it('asks the next one at once when the link of the first goes down', () => {
    const all = station(3)
    all.ihave(2, M)
    all.ihave(3, M)
    all.pass(250)
    all.to('graft')
    all.linkDown(2)
    all.pass(1)
    expect(all.to('graft')).toEqual([3])
  })

  it('asks for many at once in frames of a bounded size', () => {
    const all = station(3)
    all.ihave(2, ...Array.from({ length: 150 }, (_, i) => name(i)))
    all.pass(250)
    expect(all.frames('graft').map(({ ids }) => ids.length)).toEqual([GRAFTS_PER_FRAME_MAX, GRAFTS_PER_FRAME_MAX, 22])
  })

  it('is answered with the payload, and with all that follow', () => {
    const all = station(8)
    all.get(M, 1)
    const outsider = [2, 3, 4, 5, 6, 7, 8].find((on) => !all.broadcast.eagerLinks.includes(on as never))!
    all.to('broadcast')
    all.graft(outsider, [M])
    expect(all.frames('broadcast')).toMatchObject([{ id: M, hops: 3, hopLimit: HOP_LIMIT_MAX - 3 }])
    all.get(N, 1)
    expect(all.to('broadcast')).toContain(outsider)
  })

  it('is answered as long as the budget of that link lasts', () => {
    const all = station(3)
    all.get(M, 1)
    all.to('broadcast')
    all.state.canAfford = false
    all.graft(2, [M, N])
    expect(all.to('broadcast')).toEqual([])
  })
})

describe('the shape of the tree', () => {
  const late = (ms: number, hops: number) => {
    const all = station(8)
    all.get(O, 1)
    all.pass(2_000)
    all.ihave(7, M)
    all.pass(ms)
    all.get(M, 1, { hops })
    return { ...all, cut: all.to('prune'), grafted: all.frames('graft') }
  }

  it('whoever announced a message 50 ms before it came takes the place of the one that brought it', () => {
    expect(late(49, 3)).toMatchObject({ cut: [], grafted: [] })
    const { cut, grafted, broadcast } = late(50, 3)
    expect(cut).toEqual([1])
    expect(grafted).toEqual([{ kind: 'graft', target: NETWORK, isEager: true, ids: [] }])
    expect(broadcast.eagerLinks).toContain(7)
  })

  it('so does whoever is seven hops nearer to the source', () => {
    expect(late(10, 9)).toMatchObject({ cut: [], grafted: [] })
    expect(late(10, 10).cut).toEqual([1])
  })

  it('not so whoever announced something before and did not give it, however early', () => {
    const all = station(8)
    all.get(O, 1)
    all.ihave(7, N)
    all.pass(2_000)
    all.ihave(7, M)
    all.pass(60)
    all.to('graft')
    all.get(M, 1, { hops: 10 })
    expect(all.to('prune')).toEqual([])
    expect(all.to('graft')).toEqual([])
  })

  it('one change at a time: messages under way together would break it together', () => {
    const all = station(8)
    all.ihave(7, M, N)
    all.pass(60)
    all.get(M, 1)
    all.get(N, 2)
    expect(all.to('prune')).toEqual([1])
    all.pass(3_000)
    all.ihave(7, O)
    all.pass(60)
    all.get(O, 2)
    expect(all.to('prune')).toEqual([2])
  })
})

describe('at a high rate', () => {
  it('duplicates on all links cut about one link a second, not all at once', () => {
    const all = station(24)
    for (let on = 2; on <= 9; on++) all.graft(on, [])
    all.pass(2_000)
    const cut: number[] = []
    for (let i = 0; i < 100; i++) {
      all.get(name(i), 1)
      for (const { link } of all.routes.slice(1, 9)) all.hear(name(i), link)
      cut.push(all.to('prune').length)
      all.pass(10)
    }
    // The first message finds the tree unpaced.
    expect(cut.slice(1).reduce((sum, count) => sum + count, 0)).toBeLessThan(8)
    expect(all.broadcast.counters.duplicates).toBe(800)
  })

  it('what is missing is asked for, but its holder is not always taken into the tree', () => {
    const all = station(24)
    let [asked, eager] = [0, 0]
    for (let i = 0; i < 300; i++) {
      all.get(name(i), 1)
      all.ihave(2 + (i % 20), name(1_000 + i))
      all.pass(10)
      for (const frame of all.frames('graft')) {
        asked += frame.ids.length
        eager += Number(frame.isEager)
      }
    }
    expect(asked).toBeGreaterThan(150)
    expect(eager).toBeLessThanOrEqual(7)
  })
})

describe('the digest', () => {
  const named = (all: ReturnType<typeof station>): string[][] =>
    all.frames('digest').map(({ entries }) => entries.map(({ id }) => id))

  it('goes to one neighbour every ten seconds or so, for as long as a message is kept', () => {
    const all = station(5)
    all.get(M, 1)
    all.pass(59_000)
    const frames = all.frames('digest')
    expect(frames.length).toBeGreaterThanOrEqual(3)
    expect(frames.length).toBeLessThanOrEqual(11)
    expect(frames[0]).toMatchObject({ isReply: false, entries: [{ id: M }] })
    all.pass(10_000)
    all.to('digest')
    all.pass(60_000)
    expect(all.to('digest')).toEqual([])
  })

  it('brings at once what is missing, without a place in the tree, and what the other one lacks', () => {
    const all = station(5)
    all.pass(30_000)
    all.get(M, 1)
    all.get(N, 1)
    all.digest(4, [
      { id: N, ageS: 1 },
      { id: O, ageS: 20 },
    ])
    expect(named(all)).toEqual([[M]])
    all.pass(1)
    expect(all.frames('graft')).toEqual([{ kind: 'graft', target: NETWORK, isEager: false, ids: [O] }])
  })

  it('an answer is not answered', () => {
    const all = station(5)
    all.get(M, 1)
    all.digest(4, [], true)
    expect(all.to('digest')).toEqual([])
  })

  it('names nothing to a newcomer that was sent before it came', () => {
    const all = station(5)
    all.pass(10_000)
    all.digest(4, [
      // Ages are rounded up.
      { id: M, ageS: 12 },
      { id: N, ageS: 11 },
    ])
    all.pass(1)
    expect(all.frames('graft').map(({ ids }) => ids)).toEqual([[N]])
  })

  it('crosses every new link: there may have been a partition', () => {
    const all = station(3)
    all.linkUp(4)
    expect(all.to('digest')).toEqual([])
    all.get(M, 1)
    all.linkUp(5)
    expect(all.to('digest')).toEqual([5])
  })

  it('asks around after a doze, even if it is empty', () => {
    const all = station(5)
    all.wake()
    expect(named(all)).toEqual([[], [], []])
    all.get(M, 1)
    all.digest(2, [])
    expect(named(all)).toEqual([[M]])
  })
})

it('payloads that are held back leave together', () => {
  const all = station(3, { holdMs: 100 })
  all.get(M, 1, { source: peer('x') })
  all.pass(50)
  all.get(N, 1, { source: peer('x') })
  expect(all.to('broadcast')).toEqual([])
  all.pass(50)
  expect(all.frames('broadcast').map(({ id }) => id)).toEqual([M, M, N, N])
})
