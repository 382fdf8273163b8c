/** The estimated size of a frame is near what `wire/` writes: within a tenth, or a few bytes for the tiny ones. */

import { expect, test } from 'vitest'
import type { Frame } from '../../src/core/frames.ts'
import type { Key, NetworkId, PeerId } from '../../src/core/ids.ts'
import { Rng } from '../../src/sim/index.ts'
import { frameBytes } from '../../src/sim/sizes.ts'
import { encodeFrame } from '../../src/wire/frames.ts'
import { idFromBytes } from '../../src/wire/ids.ts'
import { exchangeId, messageId, SEED } from './support.ts'

const rng = new Rng(SEED)
const key = <T extends Key>(): T => idFromBytes<T>(rng.bytes(32))
const id = messageId('m')
const body = rng.bytes(500)
const routed = { hopLimit: 40, hops: 0, attempt: 0, viaBootstrap: false, id, body }
const unicast = { kind: 'unicast', ...routed, target: key<PeerId>() } as const
const offer = {
  kind: 'offer',
  exchange: exchangeId('x'),
  purpose: 'link',
  slot: 'ring',
  description: body,
  metadata: rng.bytes(10),
} as const
const lookup = {
  kind: 'lookup',
  ...routed,
  target: key(),
  requester: key<PeerId>(),
  bucketMin: 7,
  bucketMax: 9,
  slot: 'bucket',
} as const
const direct = { kind: 'direct', id, isReply: false } as const

const frames: readonly Frame[] = [
  unicast,
  lookup,
  { kind: 'reply', ...routed },
  { kind: 'broadcast', isDirect: false, hopLimit: 40, hops: 0, id, target: key<NetworkId>(), body },
  { kind: 'nack', reason: 'dead-end', frame: unicast },
  { kind: 'nack', reason: 'seen', frame: lookup },
  { ...direct, message: { kind: 'data', payload: body } },
  { ...direct, message: { kind: 'ack' } },
  { ...direct, message: offer },
  { ...direct, message: { kind: 'answer', exchange: offer.exchange, description: body } },
  { ...direct, message: { kind: 'signal', exchange: offer.exchange, signal: body } },
  { ...direct, message: { kind: 'refuse', exchange: offer.exchange, reason: 'full' } },
  { kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 4_000_000_000 },
  { kind: 'keep', wanted: true },
  { kind: 'peers', peers: [key(), key(), key()], room: 0xffff_ffff },
  { kind: 'introduction', entries: [key(), key()], leaseMs: 60_000 },
  { kind: 'ihave', target: key(), entries: [{ id, hops: 3 }] },
  { kind: 'graft', target: key(), isEager: true, ids: [id, id] },
  { kind: 'prune', target: key() },
  { kind: 'digest', target: key(), isReply: false, entries: Array.from({ length: 9 }, () => ({ id, ageS: 9 })) },
  { kind: 'goodbye', reason: 'leaving' },
]

test.each(frames.map((frame) => [frame.kind, 'message' in frame ? frame.message.kind : '', frame] as const))(
  '%s %s',
  (_, __, frame) => {
    const onWire = encodeFrame(frame).byteLength + 2
    expect(Math.abs(frameBytes(frame) - onWire)).toBeLessThanOrEqual(Math.max(3, onWire / 10))
  },
)
