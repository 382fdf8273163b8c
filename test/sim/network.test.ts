/** The simulated network by itself: links, latency, signaling, silence. Driven through recorders, no mesh. */

import { expect, test } from 'vitest'
import type { Instant, Key } from '../../src/core/ids.ts'
import type { Io } from '../../src/core/io.ts'
import { EPOCH_MS, Simulation } from '../../src/sim/index.ts'
import { exchangeId, heartbeat, messageId, data, type Recorder, recorders, SEED } from './support.ts'
import { fixed, linked, signal, world } from './world.ts'

test('an offer and its answer make one link, up at both ends, after four round trips', () => {
  const all = world(2, fixed)
  const [a, b] = all.peers as [Recorder, Recorder]
  signal(all, a, b)
  const acceptedAt = all.sim.network.now
  all.sim.run(1_000)
  expect(a.inputs('linkUp')).toMatchObject([{ peer: b.id, role: 'peer', isSecure: true, exchange: exchangeId('x') }])
  expect(b.inputs('linkUp')).toMatchObject([{ peer: a.id, role: 'peer', isSecure: true, exchange: exchangeId('x') }])
  expect(a.link).not.toBe(b.link)
  expect(a.timeOf('linkUp') - acceptedAt).toBe(4 * 2 * 20)
  expect(b.timeOf('linkUp')).toBe(a.timeOf('linkUp'))
})

test('a frame takes the latency of its pair', () => {
  const { sim, a, b } = linked(fixed)
  const sentAt = sim.network.now
  a.io.send(a.link, heartbeat(1))
  sim.run(100)
  expect(b.timeOf('frame') - sentAt).toBe(20)
  expect(b.inputs('frame')[0]).toMatchObject({ kind: 'frame', link: b.link, frame: heartbeat(1) })
})

test('frames of a link arrive in the order they were sent, for all their jitter', () => {
  const { sim, a, b } = linked({ jitter: 5 })
  for (let stamp = 0; stamp < 200; stamp++) {
    a.io.send(a.link, heartbeat(stamp))
    sim.run(1)
  }
  sim.run(1_000)
  expect(b.inputs('frame').map(({ frame }) => frame)).toEqual(
    Array.from({ length: 200 }, (_, stamp) => heartbeat(stamp)),
  )
})

test('pairs have different latencies, the same in both directions', () => {
  const { sim } = world(40)
  const { latency } = sim.network
  const bases = new Set<number>()
  for (let i = 1; i < 40; i++) {
    expect(latency.baseMs(0, i)).toBe(latency.baseMs(i, 0))
    expect(latency.baseMs(0, i)).toBeGreaterThanOrEqual(10)
    expect(latency.baseMs(0, i)).toBeLessThanOrEqual(50)
    bases.add(latency.baseMs(0, i))
  }
  expect(bases.size).toBeGreaterThan(30)
})

test('what has just brought a frame and is closed carries nothing more, and closes once', () => {
  const { sim, a, b } = linked(fixed)
  a.io.send(a.link, heartbeat(1))
  sim.run(100)
  b.io.closeLink(b.link, 'leaving')
  b.io.closeLink(b.link, 'leaving')
  b.io.send(b.link, heartbeat(2))
  sim.run(1_000)
  expect(sim.stats.frames.heartbeat.frames).toBe(1)
  expect(b.inputs('linkDown')).toHaveLength(1)
})

test('closing tells the other end after everything that was sent before', () => {
  const { sim, a, b } = linked()
  a.io.send(a.link, { kind: 'goodbye', reason: 'leaving' })
  a.io.closeLink(a.link, 'leaving')
  sim.run(1_000)
  expect(b.heard.slice(-2).map(({ input }) => input.kind)).toEqual(['frame', 'linkDown'])
  expect(a.inputs('linkDown')).toEqual([{ kind: 'linkDown', link: a.link, reason: 'leaving' }])
  expect(b.inputs('linkDown')).toHaveLength(1)
})

test('both ends closing at once each hear of it exactly once', () => {
  const { sim, a, b } = linked()
  a.io.closeLink(a.link, 'mine')
  b.io.closeLink(b.link, 'mine')
  sim.run(1_000)
  expect(a.inputs('linkDown')).toHaveLength(1)
  expect(b.inputs('linkDown')).toHaveLength(1)
})

test('frames to a link that has closed are swallowed and counted', () => {
  const { sim, a, b } = linked()
  a.io.send(a.link, heartbeat(1))
  b.io.closeLink(b.link, 'enough')
  sim.run(1_000)
  a.io.send(a.link, heartbeat(2))
  sim.run(1_000)
  expect(b.inputs('frame')).toEqual([])
  expect(sim.stats.swallowed).toEqual({ heartbeat: 2 })
})

test('a crash is silence: the neighbour keeps its end and hears nothing', () => {
  const { sim, a, b, nodes } = linked({ isStrict: false })
  sim.crash([nodes[1]!])
  const heardByB = b.heard.length
  a.io.send(a.link, heartbeat(1))
  sim.run(60_000)
  expect(a.inputs('linkDown')).toEqual([])
  expect(b.heard).toHaveLength(heardByB)
})

test('a crash that the operating system notices closes the links of the dead', () => {
  const { sim, a, nodes } = linked()
  sim.crash([nodes[1]!], { isNoticed: true })
  sim.run(1_000)
  expect(a.inputs('linkDown')).toMatchObject([{ link: a.link, reason: 'connection lost' }])
})

test('an exchange that one side has abandoned makes no link; the other side fails when ICE gives up', () => {
  const all = world(2)
  const [a, b] = all.peers as [Recorder, Recorder]
  signal(all, a, b)
  b.io.abandon(exchangeId('x'), 'timeout')
  all.sim.run(10_000)
  expect([...a.inputs('exchangeFailed'), ...a.inputs('linkUp'), ...b.inputs('linkUp')]).toEqual([])
  all.sim.run(10_000)
  expect(a.inputs('exchangeFailed')).toMatchObject([{ exchange: exchangeId('x') }])
  expect(b.inputs('exchangeFailed')).toEqual([])
})

test('an answerer that dies during the set-up leaves no link behind', () => {
  const all = world(2)
  const [a, b] = all.peers as [Recorder, Recorder]
  signal(all, a, b)
  all.sim.crash([all.nodes[1]!])
  all.sim.run(30_000)
  expect(a.inputs('linkUp')).toEqual([])
  expect(a.inputs('exchangeFailed')).toHaveLength(1)
})

test('a description of another exchange, or by another peer, is refused', () => {
  const all = world(3)
  const [a, b, c] = all.peers as [Recorder, Recorder, Recorder]
  a.io.createOffer(exchangeId('x'), { remote: b.id, purpose: 'link' })
  all.sim.run(10)
  const offer = a.inputs('described')[0]!.description
  c.io.createAnswer(exchangeId('x'), { remote: a.id, purpose: 'link', description: offer })
  b.io.createAnswer(exchangeId('y'), { remote: a.id, purpose: 'link', description: offer })
  b.io.createAnswer(exchangeId('z'), { remote: a.id, purpose: 'link', description: { byteLength: 320 } })
  all.sim.run(10)
  expect(c.inputs('exchangeFailed')).toHaveLength(1)
  expect(b.inputs('exchangeFailed')).toHaveLength(2)
})

test('a call connects without becoming a link, and hanging up tells the other side', () => {
  const all = world(2)
  const [a, b] = all.peers as [Recorder, Recorder]
  const exchange = exchangeId('call')
  a.io.createOffer(exchange, { remote: b.id, purpose: 'call' })
  all.sim.run(10)
  b.io.createAnswer(exchange, { remote: a.id, purpose: 'call', description: a.inputs('described')[0]!.description })
  all.sim.run(10)
  a.io.acceptAnswer(exchange, b.inputs('described')[0]!.description)
  all.sim.run(1_000)
  expect([...a.inputs('connected'), ...b.inputs('connected')]).toHaveLength(2)
  expect(a.inputs('linkUp')).toEqual([])
  a.io.abandon(exchange, 'closed')
  all.sim.run(1_000)
  expect(b.inputs('exchangeFailed')).toEqual([{ kind: 'exchangeFailed', exchange, reason: 'closed' }])
})

test('a bootstrap sees a visitor, the peer sees a bootstrap, and neither channel is secure', () => {
  const all = world(1)
  all.sim.addBootstrap()
  all.peers[0]!.io.contactBootstrap('join')
  all.sim.run(1_000)
  expect(all.peers[0]!.inputs('linkUp')).toMatchObject([{ role: 'bootstrap', isSecure: false, transport: 'websocket' }])
  expect(all.servers[0]!.inputs('linkUp')).toMatchObject([{ role: 'visitor', isSecure: false, exchange: null }])
})

test('a dead bootstrap cannot be reached, its visitors notice, and a restarted one can', () => {
  const all = world(1)
  const peer = all.peers[0]!
  all.sim.addBootstrap()
  peer.io.contactBootstrap('join')
  all.sim.run(1_000)
  all.sim.killBootstrap()
  all.sim.run(1_000)
  expect(peer.inputs('linkDown')).toHaveLength(1)
  peer.io.contactBootstrap('join')
  all.sim.run(1_000)
  expect(peer.inputs('bootstrapFailed')).toHaveLength(1)
  all.sim.addBootstrap()
  peer.io.contactBootstrap('join')
  all.sim.run(1_000)
  expect(peer.inputs('linkUp')).toHaveLength(2)
})

test('one who leaves can still say goodbye, then its links close', () => {
  const all = linked()
  all.a.react = (input) => {
    if (input.kind === 'stop') all.a.io.send(all.a.link, { kind: 'goodbye', reason: 'leaving' })
  }
  all.sim.leave(all.nodes[0]!)
  all.sim.run(1_000)
  expect(all.b.heard.slice(-2).map(({ input }) => input.kind)).toEqual(['frame', 'linkDown'])
  expect(all.sim.peers).toEqual([all.nodes[1]])
})

test('timers come back as they were given, not early, and not to the dead', () => {
  const { sim, peers, nodes } = world(2)
  const token = { kind: 'attempt', id: messageId('m'), attempt: 3 } as const
  peers[0]!.io.schedule(token, 999.2)
  peers[1]!.io.schedule(token, 10)
  sim.crash([nodes[1]!])
  const setAt = sim.network.now
  sim.run(2_000)
  expect(peers[0]!.inputs('timer')).toEqual([{ kind: 'timer', token }])
  expect(peers[0]!.timeOf('timer') - setAt).toBe(1_000)
  expect(peers[1]!.inputs('timer')).toEqual([])
})

test('no effect calls back into the machine that asked for it', () => {
  let depth = 0
  const peers = recorders((self, input) => {
    expect(++depth).toBe(1)
    if (input.kind === 'start') everyEffect(self.io, self)
    depth--
  })
  const sim = new Simulation({ seed: SEED }, { peer: peers.maker, bootstrap: peers.maker })
  sim.addPeer()
  sim.run(60_000)
  expect(peers.made[0]!.heard.length).toBeGreaterThan(5)
})

function everyEffect(io: Io, self: Recorder): void {
  const job = {
    kind: 'seal',
    as: 'request',
    id: messageId('m'),
    attempt: 0,
    target: self.id,
    message: data(1),
    isFresh: false,
  } as const
  io.schedule({ kind: 'tick' }, 0)
  io.contactBootstrap('join')
  io.seal(job)
  io.sign(messageId('m'), { byteLength: 1 }, 'network' as Key)
  io.createOffer(exchangeId('x'), { remote: self.id, purpose: 'link' })
  io.acceptAnswer(exchangeId('y'), { byteLength: 1 })
  io.abandon(exchangeId('z'), 'timeout')
}

test('time stands where a run ended and starts at the epoch', () => {
  const { sim } = world(0)
  expect(sim.network.now).toBe((EPOCH_MS + 1) as Instant)
  sim.run(123_456)
  expect(sim.elapsedMs).toBe(123_457)
})
