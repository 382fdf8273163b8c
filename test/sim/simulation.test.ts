/**
 * A run as a whole: it repeats exactly, and its checkers catch who breaks the invariants. A checker that cannot fail
 * proves nothing, so each is shown a liar.
 */

import { describe, expect, test } from 'vitest'
import type { LinkId, RequestId } from '../../src/core/ids.ts'
import type { Input } from '../../src/core/io.ts'
import {
  componentSizes,
  type Machine,
  type MachineMaker,
  type SimNode,
  Simulation,
  type SimulationOptions,
  TraceHash,
} from '../../src/sim/index.ts'
import { mesh, randomBroadcast, randomUnicasts, sizeOf } from './scenario.ts'
import { heartbeat, messageId, type Recorder, recorders, SEED } from './support.ts'

describe('the same seed gives the same trace', () => {
  // 1,000 by hand or with LONG: 25 s each (mesh.test prints the digest of its runs, which is the same every time too).
  const SIZE = sizeOf(process.env['LONG'] ? 1_000 : 200)

  /** All verbs at once: joins, talk, crash, leave, loss of the bootstrap and its return. */
  function story(seed: number, count: number): Simulation {
    const sim = mesh(count, { withinMs: 1_000 }, { seed })
    randomUnicasts(sim, 300)
    randomBroadcast(sim)
    sim.crash(sim.rng.shuffle(sim.peers).slice(0, 20))
    sim.leave(sim.rng.pick(sim.peers))
    sim.killBootstrap()
    sim.run(10_000)
    sim.addBootstrap()
    sim.addPeers(5, { withinMs: 1_000 })
    sim.run(10_000)
    return sim
  }

  test('twice the same events, and others with another seed', () => {
    const [first, second] = [story(SEED, SIZE), story(SEED, SIZE)]
    expect(first.trace.digest).toBe(second.trace.digest)
    expect(first.trace.events).toBe(second.trace.events)
    expect(first.stats).toEqual(second.stats)
    expect(story(SEED, 30).trace.digest).not.toBe(story(SEED + 1, 30).trace.digest)
  })

  test('time, node, link, kind, id and hop limit of every event are in it', () => {
    const base = { at: 1, node: 2, link: 3, kind: 'broadcast', id: 'm', hopLimit: 40 } as const
    const digestOf = (event: {
      at: number
      node: number
      link: number
      kind: 'unicast' | 'broadcast'
      id: string
      hopLimit: number
    }) => {
      const { at, node, kind, hopLimit } = event
      const frame = {
        kind,
        hopLimit,
        hops: 0,
        attempt: 0,
        viaBootstrap: false,
        isDirect: false,
        id: messageId(event.id.padStart(26, 'a')),
        target: '' as never,
        body: { byteLength: 1 },
      }
      const trace = new TraceHash()
      trace.add(at, node, { kind: 'frame', link: event.link as LinkId, frame })
      return trace.digest
    }
    const changes = [
      {},
      { at: 2 },
      { node: 3 },
      { link: 4 },
      { kind: 'unicast' },
      { id: 'n' },
      { hopLimit: 39 },
    ] as const
    const digests = changes.map((change) => digestOf({ ...base, ...change }))
    expect(new Set(digests).size).toBe(changes.length)
    expect(digestOf(base)).toBe(digests[0])
    expect(digests[0]).toMatch(/^[0-9a-f]{16}$/)
  })

  test('a single frame more makes another trace', () => {
    const digestWith = (frames: number): string => {
      const { sim, pair } = linkedPair()
      for (let stamp = 0; stamp < frames; stamp++) pair[0].io.send(pair[0].link, heartbeat(stamp))
      sim.run(1_000)
      return sim.trace.digest
    }
    expect(digestWith(2)).toBe(digestWith(2))
    expect(digestWith(3)).not.toBe(digestWith(2))
  })
})

describe('checkers catch', () => {
  test('a link to oneself', () => {
    const { sim, nodes } = linkedPair({ isStrict: false })
    join(sim, nodes[0], nodes[0])
    sim.run(1_000)
    expect(rules(sim)).toContain('self-link')
  })

  test('a peer above its cap, at the very link that is too many', () => {
    const { sim, nodes } = linkedPair({ isStrict: false, linksMax: 2 })
    join(sim, nodes[0], nodes[1])
    sim.run(1_000)
    expect(rules(sim)).toEqual([])
    join(sim, nodes[0], sim.addPeer())
    sim.run(1_000)
    expect(sim.violations).toMatchObject([{ rule: 'degree', node: 0, detail: '3 links of 2' }])
  })

  test('and a strict run ends at that instant', () => {
    const { sim, nodes } = linkedPair({ linksMax: 2 })
    join(sim, nodes[0], nodes[1])
    sim.run(1_000)
    join(sim, nodes[0], sim.addPeer())
    const before = sim.elapsedMs
    expect(() => sim.run(60_000)).toThrow('3 links of 2')
    expect(sim.elapsedMs - before).toBeLessThan(1_000)
    expect(sim.violations).toHaveLength(1)
  })

  test('a mesh link at a bootstrap', () => {
    const { sim, nodes } = linkedPair({ isStrict: false })
    join(sim, sim.addBootstrap(), nodes[0])
    sim.run(1_000)
    expect(rules(sim)).toEqual(['degree'])
  })

  test('links promised beyond the cap, and collections beyond their bounds, by what a node says of itself', () => {
    const inspections = [
      { degree: 33 },
      { collections: [{ paths: { size: 11, max: 10 } }] },
      { degree: 32, collections: [{ paths: { size: 10, max: 10 } }] },
    ]
    const liars = inspections.map((inspection): Machine => ({ handle: () => {}, measure: () => inspection }))
    const sim = new Simulation(
      { seed: SEED, isStrict: false },
      { peer: () => liars.shift()!, bootstrap: recorders().maker },
    )
    for (let i = 0; i < 3; i++) sim.addPeer()
    sim.run(sim.options.sampleMs)
    expect(sim.violations).toMatchObject([
      { node: 0, rule: 'degree', detail: '33 links of 32' },
      { node: 1, rule: 'bound', detail: 'paths holds 11 of 10' },
    ])
  })

  test('who keeps a link to the dead beyond the detection period', () => {
    const { sim, nodes } = linkedPair({ isStrict: false, detectionMs: 7_000, sampleMs: 1_000 })
    sim.crash([nodes[1]])
    sim.run(7_000)
    expect(rules(sim)).toEqual([])
    sim.run(2_000)
    expect(rules(sim)).toContain('symmetry')
  })

  test('a message that comes out twice', () => {
    expect(violationsOf((self, input) => repeat(self, input, 2))).toMatchObject([{ rule: 'twice', node: 1 }])
    expect(violationsOf((self, input) => repeat(self, input, 1))).toEqual([])
  })

  test('a message that comes out at the wrong peer, or from nobody', () => {
    const thief = (self: Recorder, input: Input): void => {
      if (input.kind === 'send') repeat(self, input, 1)
    }
    expect(violationsOf(thief, 'source')).toMatchObject([{ rule: 'stranger', node: 0 }])
    const liar = (self: Recorder, input: Input): void => {
      if (input.kind !== 'send') return
      self.io.emit({
        kind: 'message',
        from: self.id,
        payload: { byteLength: 1 },
        delivery: 'unicast',
        topic: null,
        hops: 1,
      })
    }
    expect(violationsOf(liar, 'source')).toMatchObject([{ rule: 'stranger', detail: 'a payload that nobody sent' }])
  })

  test('a receipt for what never came out at its target', () => {
    const receipt = { hops: 1, path: 'routed', ms: 1, attempts: 1 } as const
    const dupe = (self: Recorder, input: Input): void => {
      if (input.kind === 'send') self.io.emit({ kind: 'requestDone', request: input.request, receipt })
    }
    expect(violationsOf(dupe, 'source')).toMatchObject([{ rule: 'forged', node: 0 }])
  })

  test('a machine that throws, with the seed in the message', () => {
    const maker: MachineMaker = () => ({
      handle: () => {
        throw new TypeError('boom')
      },
    })
    const sim = new Simulation({ seed: 4711 }, { peer: maker, bootstrap: maker })
    sim.addPeer()
    expect(() => sim.run(1)).toThrow(/seed 4711: a machine threw at 0 ms: TypeError: boom/)
  })

  test('and a strict run ends at the first violation, naming seed and options', () => {
    const { sim, nodes } = linkedPair({ linksMax: 1 })
    join(sim, nodes[0], nodes[1])
    expect(() => sim.run(1_000)).toThrow(new RegExp(`seed ${SEED}: degree at .*"linksMax":1`, 's'))
  })
})

test('components are counted over links whose both ends stand', () => {
  const peers = recorders()
  const sim = new Simulation({ seed: SEED, isStrict: false }, { peer: peers.maker, bootstrap: recorders().maker })
  const nodes = Array.from({ length: 6 }, () => sim.addPeer())
  for (const [a, b] of [
    [0, 1],
    [1, 2],
    [3, 4],
  ] as const)
    join(sim, nodes[a]!, nodes[b]!)
  sim.run(1_000)
  expect(sim.components).toEqual([3, 2, 1])
  sim.crash([nodes[1]!])
  expect(componentSizes(sim.network.nodes)).toEqual([2, 1, 1, 1])
})

test('a sender that is told nothing keeps its request pending, and a failure is counted under its code', () => {
  const peers = recorders((self, input) => {
    if (input.kind === 'send' && input.request === (1 as RequestId)) {
      self.io.emit({ kind: 'requestFailed', request: input.request, code: 'unreachable', detail: '' })
    }
  })
  const sim = new Simulation({ seed: SEED }, { peer: peers.maker, bootstrap: peers.maker })
  const [a, b] = [sim.addPeer(), sim.addPeer()]
  const [silent, failed] = [sim.unicast(a, b), sim.unicast(a, b)]
  expect(sim.runUntil(() => sim.requests.pending === 0, { limitMs: 1_000 })).toBe(false)
  expect([silent.state, failed.state, failed.code]).toEqual(['pending', 'failed', 'unreachable'])
  expect(sim.stats.requestFailures).toEqual({ unreachable: 1 })
})

/** Two recorders with a link between them. */
function linkedPair(options: Partial<SimulationOptions> = {}) {
  const peers = recorders()
  const sim = new Simulation({ seed: SEED, ...options }, { peer: peers.maker, bootstrap: recorders().maker })
  const nodes: [SimNode, SimNode] = [sim.addPeer(), sim.addPeer()]
  join(sim, ...nodes)
  sim.run(100)
  return { sim, nodes, pair: peers.made as [Recorder, Recorder] }
}

/** A link without any signaling. */
function join(sim: Simulation, a: SimNode, b: SimNode): void {
  const plan = (node: SimNode) => ({ node, role: 'peer' as const, delayMs: 0, isWanted: () => true })
  sim.network.connect(plan(a), plan(b), { transport: 'memory', isSecure: true, exchange: null })
}

const rules = (sim: Simulation): string[] => sim.violations.map(({ rule }) => rule)

/** Says `times` that what it was asked to send, or was sent, has arrived here. */
function repeat(self: Recorder, input: Input, times: number): void {
  if (input.kind === 'send') deliver(self, { from: self.id, payload: input.payload, times })
  if (input.kind !== 'frame' || input.frame.kind !== 'direct' || input.frame.message.kind !== 'data') return
  deliver(self, { from: senderOf(self), payload: input.frame.message.payload, times })
}

function deliver(
  self: Recorder,
  what: { readonly from: Recorder['id']; readonly payload: { readonly byteLength: number }; readonly times: number },
): void {
  const { from, payload, times } = what
  for (let i = 0; i < times; i++)
    self.io.emit({ kind: 'message', from, payload, delivery: 'unicast', topic: null, hops: 1 })
}

const senderOf = (self: Recorder) => self.inputs('linkUp')[0]!.peer

/** One unicast between two linked peers; `at` misbehaves at the target (by default) or at the source. */
function violationsOf(at: (self: Recorder, input: Input) => void, where: 'source' | 'target' = 'target') {
  const { sim, nodes, pair } = linkedPair({ isStrict: false })
  const [source, target] = pair
  source.react = (input) => {
    if (where === 'source') at(source, input)
    else if (input.kind === 'send') {
      const message = { kind: 'data', payload: input.payload } as const
      source.io.send(source.link, { kind: 'direct', id: '' as never, isReply: false, message })
    }
  }
  if (where === 'target') target.react = (input) => at(target, input)
  sim.unicast(...nodes)
  sim.run(1_000)
  return sim.violations
}
