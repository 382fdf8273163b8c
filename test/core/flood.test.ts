/**
 * A million mutated frames at a node, from every side: nothing throws, and no collection grows past the bound that the
 * node states for it. The node's jobs are answered too, some with success, so that the frames reach all layers.
 * `SEED` repeats a run.
 */

import { expect, it } from 'vitest'
import type { Frame, Message } from '../../src/core/frames.ts'
import type { ExchangeId, Instant, Key, LinkId, MessageId, NetworkId, PeerId, TopicId } from '../../src/core/ids.ts'
import type { Input, TimerToken } from '../../src/core/io.ts'
import { MeshNode } from '../../src/core/node.ts'
import { createTopics } from '../../src/core/topics.ts'
import { decodeFrame } from '../../src/wire/frames.ts'
import { idFromBytes, messageIdFromBytes } from '../../src/wire/ids.ts'
import { fromHex, vectors } from '../wire/golden.ts'
import { type Effect, generator, recordingIo } from './recorder.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const FRAMES = 1_000_000
const LINKS = 6

it(
  `a million mutated frames neither throw nor make a node grow past its bounds (SEED=${SEED})`,
  { timeout: 120_000 },
  () => {
    const random = generator(SEED)
    const below = (limit: number): number => random() % limit
    const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T
    const anId = <T>(): T => idFromBytes(Uint8Array.from({ length: 32 }, () => below(256))) as T
    const aName = <T>(): T => messageIdFromBytes(Uint8Array.from({ length: 16 }, () => below(256))) as T

    const self = anId<PeerId>()
    const network = anId<NetworkId>()
    const peers = Array.from({ length: 300 }, () => anId<PeerId>())
    const names = Array.from({ length: 2_000 }, () => aName<MessageId>())
    const exchanges: ExchangeId[] = Array.from({ length: 50 }, () => aName<ExchangeId>())
    const topics = Array.from({ length: 3 }, () => anId<TopicId>())
    const seeds = vectors.frames.map(({ hex }) => fromHex(hex))
    const queue: Input[] = []
    let timers: { readonly at: number; readonly token: TimerToken }[] = []
    const links: LinkId[] = []
    let nextLink = 1
    let now = 1_700_000_000_000

    const aMessage = (): Message =>
      pick<() => Message>([
        () => ({ kind: 'data', payload: new Uint8Array(10) }),
        () => ({ kind: 'ack' }),
        () => ({
          kind: 'offer',
          exchange: below(2) === 0 ? pick(exchanges) : aName(),
          purpose: pick(['link', 'call']),
          slot: pick(['ring', 'bucket', 'random', 'guest']),
          description: new Uint8Array(20),
          metadata: new Uint8Array(0),
        }),
        () => ({ kind: 'answer', exchange: pick(exchanges), description: new Uint8Array(20) }),
        () => ({ kind: 'signal', exchange: pick(exchanges), signal: new Uint8Array(20) }),
        () => ({ kind: 'refuse', exchange: pick(exchanges), reason: pick(['full', 'glare', 'closed']) }),
      ])()

    const answer = (effect: Effect): void => {
      if (effect.do === 'job' && effect.job.kind === 'verify') {
        const { tree, id, link } = effect.job
        if (below(3) === 0) queue.push({ kind: 'jobRefused', job: effect.job, reason: 'signature' })
        else
          queue.push({
            kind: 'verified',
            tree,
            id,
            link,
            source: pick(peers),
            signedAt: now as Instant,
            payload: new Uint8Array(5),
          })
      } else if (effect.do === 'job' && effect.job.kind === 'open') {
        if (below(3) === 0)
          queue.push({ kind: 'jobRefused', job: effect.job, reason: pick(['session', 'undecryptable']) })
        else queue.push({ kind: 'opened', job: effect.job, source: pick(peers), message: aMessage() })
      } else if (effect.do === 'job' && effect.job.kind === 'seal') {
        queue.push({ kind: 'sealed', job: effect.job, body: new Uint8Array(100) })
      } else if (effect.do === 'createOffer' || effect.do === 'createAnswer') {
        const exchange = effect.exchange as ExchangeId
        exchanges[below(exchanges.length)] = exchange
        if (below(4) === 0) queue.push({ kind: 'exchangeFailed', exchange, reason: 'stack' })
        else queue.push({ kind: 'described', exchange, description: new Uint8Array(30) })
      } else if (effect.do === 'acceptAnswer') {
        queue.push(linkUp(pick(peers), effect.exchange as ExchangeId))
      } else if (effect.do === 'schedule') {
        timers.push({ at: now + effect.delayMs, token: effect.token })
      } else if (effect.do === 'closeLink') {
        drop(effect.link)
      }
    }
    const node = new MeshNode({ self, network, linksMax: 12, hasBootstrap: true }, recordingIo(answer, SEED))
    const drop = (link: LinkId): void => {
      const at = links.indexOf(link)
      if (at >= 0) links.splice(at, 1)
      queue.push({ kind: 'linkDown', link, reason: 'closed' })
    }
    const linkUp = (peer: PeerId, exchange: ExchangeId | null): Input => {
      const link = nextLink++ as LinkId
      links.push(link)
      const role = exchange === null ? pick(['peer', 'peer', 'peer', 'bootstrap', 'visitor'] as const) : 'peer'
      return { kind: 'linkUp', link, peer, role, transport: 'memory', isSecure: below(2) === 0, exchange }
    }

    /** Bytes of a real frame with bits flipped, if they still decode; ids drawn from pools, so that paths cross. */
    const mutated = (): Frame | null => {
      const bytes = pick(seeds).slice()
      for (let flips = below(3); flips > 0; flips--) {
        const at = below(bytes.length)
        bytes[at] = (bytes[at] as number) ^ (1 << below(8))
      }
      const frame = decodeFrame(bytes)
      // Goodbyes end links, and everything else needs them.
      if (frame?.kind === 'goodbye' && below(500) > 0) return null
      return frame === null || isHandshake(frame.kind) ? null : redirect(frame as Frame)
    }
    const redirect = (frame: Frame): Frame => {
      const id = below(3) === 0 ? aName<MessageId>() : pick(names)
      switch (frame.kind) {
        case 'unicast':
          return { ...frame, id, attempt: below(3), target: below(2) === 0 ? self : pick(peers) }
        case 'lookup':
          return {
            ...frame,
            id,
            target: below(4) === 0 ? self : pick(peers),
            requester: below(8) === 0 ? self : pick(peers),
          }
        case 'reply':
        case 'direct':
          return { ...frame, id }
        case 'broadcast':
          return { ...frame, id, target: aTree() }
        case 'ihave':
          return { ...frame, target: aTree(), entries: someIds().map((one) => ({ id: one, hops: below(41) })) }
        case 'digest':
          return { ...frame, target: aTree(), entries: someIds().map((one) => ({ id: one, ageS: below(256) })) }
        case 'graft':
          return { ...frame, target: aTree(), ids: someIds() }
        case 'prune':
          return { ...frame, target: aTree() }
        case 'topic':
          // The few that messages come for, and many others.
          return { ...frame, target: below(4) === 0 ? anId<TopicId>() : pick(topics) }
        case 'nack':
          return { ...frame, frame: { ...frame.frame, id } }
        case 'peers':
          return { ...frame, peers: Array.from({ length: below(33) }, () => anId<PeerId>()) }
        default:
          return frame
      }
    }

    const aTree = (): Key => (below(2) === 0 ? network : pick(topics))
    const someIds = (): MessageId[] =>
      Array.from({ length: below(20) }, () => (below(2) === 0 ? aName<MessageId>() : pick(names)))

    let handled = 0
    const kinds = new Set<string>()
    node.handle({ kind: 'start' }, now as Instant)
    node.handle({ kind: 'carryTopics', create: createTopics }, now as Instant)
    node.handle({ kind: 'joinTopic', topic: topics[0] as TopicId }, now as Instant)
    while (handled < FRAMES) {
      while (links.length < LINKS) queue.push(linkUp(pick(peers), null))
      const frame = mutated()
      if (frame !== null) {
        queue.push({ kind: 'frame', link: below(50) === 0 ? (below(100) as LinkId) : pick(links), frame })
        kinds.add(frame.kind)
      }
      handled++
      // Each frame may cause a few further inputs, which may cause more: a bounded share of them per frame.
      for (let i = 0; i < 4 && queue.length > 0; i++) node.handle(queue.shift() as Input, now as Instant)
      if (queue.length > 2_000) queue.length = 0
      if (handled % 100 === 0) now += below(1_000)
      if (handled % 500 === 0) {
        for (const { token } of timers.filter(({ at }) => at <= now)) queue.push({ kind: 'timer', token })
        timers = timers.filter(({ at }) => at > now)
      }
      if (handled % 5_000 === 0) expectBounds(node)
    }
    expect([...kinds].toSorted()).toEqual([
      'broadcast',
      'digest',
      'direct',
      'goodbye',
      'graft',
      'heartbeat',
      'ihave',
      'introduction',
      'keep',
      'lookup',
      'nack',
      'peers',
      'prune',
      'reply',
      'topic',
      'unicast',
    ])
    const { counters } = node.inspect()
    if (process.env['SHOW']) console.log(counters)
    // The flood went through all layers, not past them.
    for (const [part, name] of [
      ['router', 'forwarded'],
      ['requests', 'retransmissions'],
      ['broadcast', 'delivered'],
      ['topics', 'delivered'],
      ['broadcast', 'sent'],
      ['broadcast', 'grafts'],
      ['broadcast', 'prunes'],
      ['broadcast', 'digests'],
      ['signaling', 'answered'],
      ['neighbors', 'evictions'],
    ] as const)
      expect(counters[part]?.[name], `${part}.${name}`).toBeGreaterThan(0)
  },
)

const isHandshake = (kind: string): boolean => ['challenge', 'hello', 'welcome', 'proof', 'denied'].includes(kind)

function expectBounds(node: MeshNode): void {
  const { collections, neighbors, linksMax } = node.inspect()
  for (const [name, { size, max }] of Object.entries(collections)) expect(size, name).toBeLessThanOrEqual(max)
  expect(neighbors.length).toBeLessThanOrEqual(linksMax)
}
