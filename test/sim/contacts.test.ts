/** Several bootstraps: every peer knows all of them, and one that answers is enough. */

import { expect, test } from 'vitest'
import { fixed, world } from './world.ts'

function contact({ sim, peers }: ReturnType<typeof world>, forMs = 30_000): string[] {
  const before = peers.map((peer) => peer.heard.length)
  for (const peer of peers) peer.io.contactBootstrap('join')
  sim.run(forMs)
  return peers.map((peer, i) =>
    peer.heard
      .slice(before[i])
      .map(({ input }) => input.kind)
      .join(' '),
  )
}

test('each server gets its share', () => {
  const all = world(300, fixed)
  for (let i = 0; i < 3; i++) all.sim.addBootstrap()
  contact(all)
  const visitors = all.servers.map((server) => server.inputs('linkUp').length)
  expect(visitors.reduce((a, b) => a + b)).toBe(300)
  for (const count of visitors) expect(count / 300).toBeCloseTo(1 / 3, 0.9)
})

test('dead ones are passed over, a round trip each, as long as one answers', () => {
  const all = world(50, fixed)
  const servers = [all.sim.addBootstrap(), all.sim.addBootstrap(), all.sim.addBootstrap()]
  all.sim.killBootstrap(servers.slice(0, 2))
  const contactedAt = all.sim.network.now
  expect(contact(all)).toEqual(Array<string>(50).fill('linkUp'))
  const times = new Set(all.peers.map((peer) => peer.timeOf('linkUp') - contactedAt))
  // Three round trips and the last word of the hello, after none, one or two refusals.
  expect([...times].toSorted((a, b) => a - b)).toEqual([140, 180, 220])
})

test('with all of them dead a contact fails once, and those that failed rest for a random while that grows', () => {
  const all = world(40, fixed)
  all.sim.addBootstrap()
  all.sim.addBootstrap()
  all.sim.killBootstrap()
  expect(contact(all)).toEqual(Array<string>(40).fill('bootstrapFailed'))
  const took = (): number[] => {
    const contactedAt = all.sim.network.now
    contact(all, 120_000)
    return all.peers.map((peer) => peer.heard.at(-1)!.at - contactedAt)
  }
  // Two minutes later nothing rests any more; two refusals again.
  expect(new Set(took())).toEqual(new Set([80]))
  for (const peer of all.peers) peer.io.contactBootstrap('join')
  all.sim.run(80)
  const times = took()
  expect(new Set(times).size).toBeGreaterThan(20)
  expect(Math.max(...times)).toBeGreaterThan(1_000)
  expect(Math.max(...times)).toBeLessThanOrEqual(2 * 30_000)
})

test('a restarted server takes the place of a dead one', () => {
  const all = world(1, fixed)
  const first = all.sim.addBootstrap()
  const second = all.sim.addBootstrap()
  all.sim.killBootstrap([first])
  const third = all.sim.addBootstrap()
  expect(all.sim.network.bootstraps).toEqual([third, second])
  expect(all.sim.network.bootstraps.map((server) => server.isUp)).toEqual([true, true])
})

test('a server that sleeps costs a time-out; a second one then answers', () => {
  const all = world(30, fixed)
  const asleep = all.sim.addBootstrap()
  all.sim.addBootstrap()
  all.sim.freeze([asleep], 60_000)
  const contactedAt = all.sim.network.now
  expect(contact(all)).toEqual(Array<string>(30).fill('linkUp'))
  expect(new Set(all.peers.map((peer) => peer.timeOf('linkUp') - contactedAt))).toEqual(new Set([140, 10_140]))
})

test('who asks again while a search goes on gets one answer', () => {
  const all = world(1, fixed)
  all.sim.addBootstrap()
  all.peers[0]!.io.contactBootstrap('join')
  expect(contact(all)).toEqual(['linkUp'])
})

test('who knows no bootstrap is told so', () => {
  const all = world(1, fixed)
  expect(contact(all)).toEqual(['bootstrapFailed'])
  expect(all.peers[0]!.inputs('bootstrapFailed')).toMatchObject([{ reason: 'no bootstrap is known' }])
})
