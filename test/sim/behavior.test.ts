/**
 * Hostile members. First each behaviour by itself: `b` stands between `a` and `c` and honestly wants to forward whatever
 * comes from one to the other; what gets through is what the behaviour lets through. Then in a mesh.
 */

import { describe, expect, test } from 'vitest'
import type { BroadcastFrame, Frame, LookupFrame, ReplyFrame, UnicastFrame } from '../../src/core/frames.ts'
import type { LinkId, NetworkId, PeerId } from '../../src/core/ids.ts'
import { type Behavior, MeshPeer, type SimNode, Simulation } from '../../src/sim/index.ts'
import { mesh, randomBroadcast, randomUnicasts } from './scenario.ts'
import { exchangeId, heartbeat, messageId, type Recorder, recorders, SEED } from './support.ts'

const BEHAVIORS: readonly Behavior[] = [
  'silentDropper',
  'misrouter',
  'ackForger',
  'idFlooder',
  'freeRider',
  'broadcastFlooder',
]

/** Twelve of sixty; one who sends 2,000 broadcasts a second is enough. */
const countOf = (behavior: Behavior): number => (behavior === 'broadcastFlooder' ? 1 : 12)

/** a — b — c, all recorders; b passes on all routed frames. */
function relay(behavior: Behavior | null) {
  const peers = recorders()
  const sim = new Simulation({ seed: SEED }, { peer: peers.maker, bootstrap: peers.maker })
  const nodes = [sim.addPeer(), sim.addPeer(), sim.addPeer()] as [SimNode, SimNode, SimNode]
  for (const other of [nodes[0], nodes[2]]) join(sim, nodes[1], other)
  sim.run(100)
  const [a, b, c] = peers.made as [Recorder, Recorder, Recorder]
  b.react = (input) => {
    if (input.kind !== 'frame' || !('id' in input.frame) || input.frame.kind === 'direct') return
    for (const link of linksOf(b)) if (link !== input.link) b.io.send(link, input.frame)
  }
  if (behavior !== null) sim.corrupt([nodes[1]], behavior)
  return { sim, nodes, a, b, c }
}

function join(sim: Simulation, a: SimNode, b: SimNode): void {
  const plan = (node: SimNode) => ({ node, role: 'peer' as const, delayMs: 0, isWanted: () => true })
  sim.network.connect(plan(a), plan(b), { transport: 'memory', isSecure: true, exchange: null })
}

const linksOf = (recorder: Recorder): LinkId[] => recorder.inputs('linkUp').map(({ link }) => link)

const routed = (name: string) =>
  ({ hopLimit: 9, attempt: 0, viaBootstrap: false, hops: 0, id: messageId(name) }) as const
const unicast = (target: PeerId, name = 'u'): UnicastFrame => ({
  kind: 'unicast',
  ...routed(name),
  target,
  body: { byteLength: 9 },
})
const lookup = (requester: PeerId): LookupFrame => ({
  kind: 'lookup',
  ...routed('l'),
  target: requester,
  requester,
  bucketMin: 255,
  bucketMax: 0,
  slot: 'ring',
})
const reply: ReplyFrame = { kind: 'reply', ...routed('r'), body: { byteLength: 9 } }
const broadcast: BroadcastFrame = {
  kind: 'broadcast',
  isDirect: false,
  hopLimit: 9,
  hops: 0,
  id: messageId('b'),
  target: '' as NetworkId,
  body: { byteLength: 9 },
}

/** What of a's frames comes out at c. */
function through({ sim, a, c }: ReturnType<typeof relay>, frames: readonly Frame[]): string[] {
  const before = c.inputs('frame').length
  for (const frame of frames) a.io.send(a.link, frame)
  sim.run(500)
  return c
    .inputs('frame')
    .slice(before)
    .map(({ frame }) => frame.kind)
}

test('an honest peer lets everything through, and has no behaviour to show', () => {
  const all = relay(null)
  expect(all.nodes[1].behavior).toBeNull()
  expect(through(all, [unicast(all.c.id), lookup(all.a.id), reply, broadcast])).toHaveLength(4)
})

test.each(BEHAVIORS)('a %s is known by its behaviour until it goes, and can change its ways', (behavior) => {
  const { sim, nodes } = relay(behavior)
  expect(nodes[1].behavior).toBe(behavior)
  sim.corrupt([nodes[1]], 'freeRider')
  expect(nodes[1].behavior).toBe('freeRider')
  sim.crash([nodes[1]])
  expect(nodes[1].behavior).toBeNull()
})

describe('a silent dropper', () => {
  test('forwards no unicast, lookup or reply, and says nothing', () => {
    const all = relay('silentDropper')
    expect(through(all, [unicast(all.c.id), lookup(all.a.id), reply])).toEqual([])
    expect(all.a.inputs('frame')).toEqual([])
  })

  test('passes broadcasts on, and sees everything that its neighbours say to it', () => {
    const all = relay('silentDropper')
    expect(through(all, [broadcast, heartbeat(1)])).toEqual(['broadcast'])
    expect(all.b.inputs('frame').map(({ frame }) => frame.kind)).toEqual(['broadcast', 'heartbeat'])
  })

  test('sends, and answers, for itself', () => {
    const { sim, b, c } = relay('silentDropper')
    const toC = linksOf(b)[1]!
    b.react = (input) => {
      if (input.kind === 'timer') for (const frame of [unicast(c.id, 'own'), reply]) b.io.send(toC, frame)
    }
    b.io.schedule({ kind: 'tick' }, 1)
    sim.run(500)
    expect(c.inputs('frame').map(({ frame }) => frame.kind)).toEqual(['unicast', 'reply'])
  })
})

describe('a misrouter', () => {
  test('leads unicasts and lookups astray: to a random link or to the one farthest from the target', () => {
    const all = relay('misrouter')
    const frames = Array.from({ length: 100 }, (_, i) => unicast(all.c.id, `u${i}`))
    const arrived = through(all, frames).length
    // Half at random over two links, half to `a`, which is farther from `c` than `c` itself.
    expect(arrived).toBeGreaterThan(10)
    expect(arrived).toBeLessThan(45)
    expect(all.a.inputs('frame')).toHaveLength(100 - arrived)
  })

  test('takes itself for suitable whatever a lookup asks for', () => {
    const all = relay('misrouter')
    through(all, [lookup(all.a.id)])
    expect(all.b.inputs('frame')[0]!.frame).toEqual({ ...lookup(all.a.id), bucketMin: 0, bucketMax: 255 })
  })

  test('leaves replies, broadcasts and its own frames alone', () => {
    const all = relay('misrouter')
    expect(through(all, [reply, broadcast])).toEqual(['reply', 'broadcast'])
  })
})

test('an ack forger answers unicasts to others instead of forwarding them', () => {
  const all = relay('ackForger')
  expect(through(all, [unicast(all.c.id, 'first'), reply])).toEqual(['reply'])
  expect(all.a.inputs('frame')).toMatchObject([{ frame: { kind: 'reply', id: messageId('first') } }])
  through(all, [unicast(all.b.id)])
  expect(all.b.inputs('frame').at(-1)!.frame).toEqual(unicast(all.b.id))
})

test('an id flooder names peers that do not exist and looks for such, for as long as it is awake', () => {
  const all = relay('idFlooder')
  all.b.io.send(linksOf(all.b)[1]!, { kind: 'peers', peers: [all.a.id], room: 0xffff_ffff })
  all.sim.run(1_000)
  const frames = all.c.inputs('frame').map(({ frame }) => frame)
  const named = frames.find((frame) => frame.kind === 'peers')!.peers
  expect(named).toHaveLength(1)
  expect(all.sim.network.nodeOf(named[0]!)).toBeUndefined()
  const targets = frames.flatMap((frame) => (frame.kind === 'unicast' || frame.kind === 'lookup' ? [frame.target] : []))
  expect(targets.length).toBeGreaterThan(30)
  expect(targets.length).toBeLessThan(70)
  expect(new Set(targets).size).toBe(targets.length)
  all.sim.freeze([all.nodes[1]], 1_000)
  all.sim.run(100)
  const asleepFrom = all.c.inputs('frame').length
  all.sim.run(800)
  expect(all.c.inputs('frame')).toHaveLength(asleepFrom)
})

test('a free rider takes broadcasts and never passes them on, but its own', () => {
  const all = relay('freeRider')
  expect(through(all, [broadcast, unicast(all.c.id), reply])).toEqual(['unicast', 'reply'])
  expect(all.b.inputs('frame')[0]!.frame).toEqual(broadcast)
  all.b.io.send(linksOf(all.b)[1]!, { ...broadcast, id: messageId('own') })
  all.sim.run(500)
  expect(all.c.inputs('frame').at(-1)!.frame.kind).toBe('broadcast')
})

describe('in a mesh of 60', () => {
  /** A fifth of the peers misbehaves. */
  function corrupted(behavior: Behavior): Simulation {
    const sim = mesh(60, { withinMs: 1_000 }, { seed: SEED, linksMax: 8 })
    sim.corrupt(sim.rng.shuffle(sim.peers).slice(0, countOf(behavior)), behavior)
    return sim
  }

  test.each(BEHAVIORS)('%ss are the very same nodes, and the checkers stay silent', (behavior) => {
    const sim = corrupted(behavior)
    const records = randomUnicasts(sim, 100)
    randomBroadcast(sim)
    expect(sim.violations).toEqual([])
    expect(sim.peers.filter((peer) => peer.behavior === behavior)).toHaveLength(countOf(behavior))
    for (const { hostile } of sim.peers) if (hostile !== null) expect(hostile.inner).toBeInstanceOf(MeshPeer)
    expect(records.filter((record) => record.state === 'done').length).toBeGreaterThan(50)
  })

  test('silent droppers cost tries, ack forgers cost refused answers', () => {
    const retries = (sim: Simulation): number => sim.stats.timeouts.slice(1).reduce((sum, count) => sum + count, 0)
    const honest = mesh(60, { withinMs: 1_000 }, { seed: SEED, linksMax: 8 })
    randomUnicasts(honest, 100)
    expect(honest.stats.refusals).toEqual({})
    const dropping = corrupted('silentDropper')
    randomUnicasts(dropping, 100)
    expect(retries(dropping)).toBeGreaterThan(5 + 2 * retries(honest))
    const forging = corrupted('ackForger')
    randomUnicasts(forging, 100)
    const { malformed = 0, undecryptable = 0, target = 0 } = forging.stats.refusals
    expect(malformed + undecryptable + target).toBeGreaterThan(5)
  })
})

test('exchanges with a hostile node are as good as any', () => {
  const { sim, a, b } = relay('silentDropper')
  b.io.createOffer(exchangeId('x'), { remote: a.id, purpose: 'link' })
  sim.run(100)
  expect(b.inputs('described')).toHaveLength(1)
})
