/** Arbitrary frames and messages of every kind for fast-check, with the limits of the protocol as their limits. */

import fc from 'fast-check'
import type { Frame, LookupFrame, Message, UnicastFrame } from '../../src/core/frames.ts'
import {
  DIGEST_MAX,
  GRAFTS_PER_FRAME_MAX,
  HOP_LIMIT_MAX,
  IHAVES_PER_FRAME_MAX,
  PEERS_PER_FRAME_MAX,
} from '../../src/core/frames.ts'
import { ONLY_CLOSEST } from '../../src/core/geometry.ts'
import type { ExchangeId, Key, MessageId, PeerId } from '../../src/core/ids.ts'
import type { HandshakeFrame } from '../../src/wire/handshake.ts'
import { idFromBytes, messageIdFromBytes } from '../../src/wire/ids.ts'

export const bytes = (max: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: max })
const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
export const key = <T extends Key>(): fc.Arbitrary<T> => exactly(32).map((raw) => idFromBytes<T>(raw))
export const id16 = <T extends MessageId | ExchangeId>(): fc.Arbitrary<T> =>
  exactly(16).map((raw) => messageIdFromBytes<T>(raw))
const reason = fc.string({ unit: 'grapheme-ascii', maxLength: 64 })
const slot = fc.constantFrom('ring', 'bucket', 'random', 'guest')
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const refusal = fc.constantFrom('full', 'busy', 'glare', 'linked', 'rejected', 'failed', 'closed', 'timeout')

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('data'), payload: bytes(300) }),
  fc.record({ kind: fc.constant('ack') }),
  fc.record({
    kind: fc.constant('offer'),
    exchange: id16<ExchangeId>(),
    purpose: fc.constantFrom('link', 'call'),
    slot,
    description: bytes(300),
    metadata: bytes(100),
  }),
  fc.record({ kind: fc.constant('answer'), exchange: id16<ExchangeId>(), description: bytes(300) }),
  fc.record({ kind: fc.constant('signal'), exchange: id16<ExchangeId>(), signal: bytes(300) }),
  fc.record({ kind: fc.constant('refuse'), exchange: id16<ExchangeId>(), reason: refusal }),
)

/** Every hop has cost one of the hop limit. */
const travelled = fc
  .tuple(fc.integer({ min: 0, max: HOP_LIMIT_MAX }), fc.integer({ min: 0, max: HOP_LIMIT_MAX }))
  .map(([hopLimit, spent]) => ({ hopLimit, hops: Math.min(spent, HOP_LIMIT_MAX - hopLimit) }))
const onItsWay = <T extends object>(rest: fc.Arbitrary<T>) =>
  fc.tuple(travelled, rest).map(([way, fields]) => ({ ...way, ...fields }))
const routed = {
  attempt: fc.integer({ min: 0, max: 15 }),
  viaBootstrap: fc.boolean(),
  id: id16<MessageId>(),
}
const unicast: fc.Arbitrary<UnicastFrame> = onItsWay(
  fc.record({
    kind: fc.constant('unicast'),
    ...routed,
    target: key(),
    body: bytes(300),
  }),
)
const bucket = fc.integer({ min: 0, max: 255 })
const buckets = fc.oneof(
  fc.constant(ONLY_CLOSEST),
  fc.tuple(bucket, bucket).map(([a, b]) => ({ bucketMin: Math.min(a, b), bucketMax: Math.max(a, b) })),
)
const lookup: fc.Arbitrary<LookupFrame> = onItsWay(
  fc
    .tuple(
      buckets,
      fc.record({ kind: fc.constant('lookup'), ...routed, target: key(), requester: key<PeerId>(), slot }),
    )
    .map(([range, fields]) => ({ ...fields, ...range })),
)

export const frame: fc.Arbitrary<Frame | HandshakeFrame> = fc.oneof(
  unicast,
  lookup,
  onItsWay(fc.record({ kind: fc.constant('reply'), ...routed, body: bytes(300) })),
  onItsWay(
    fc.record({
      kind: fc.constant('broadcast'),
      id: routed.id,
      target: key(),
      isDirect: fc.boolean(),
      body: bytes(300),
    }),
  ),
  fc.record({
    kind: fc.constant('nack'),
    reason: fc.constantFrom('dead-end', 'seen', 'spent', 'busy', 'nobody'),
    frame: fc.oneof(unicast, lookup),
  }),
  fc.record({ kind: fc.constant('direct'), id: id16<MessageId>(), isReply: fc.boolean(), message }),
  fc.record({ kind: fc.constant('heartbeat'), isEcho: fc.boolean(), hasRoom: fc.boolean(), stamp: u32 }),
  fc.record({ kind: fc.constant('keep'), wanted: fc.boolean() }),
  fc.record({
    kind: fc.constant('peers'),
    room: u32,
    peers: fc.array(key(), { maxLength: PEERS_PER_FRAME_MAX, size: 'max' }),
  }),
  fc.record({ kind: fc.constant('introduction'), entries: fc.array(key(), { maxLength: 3 }), leaseMs: u32 }),
  fc.record({
    kind: fc.constant('ihave'),
    target: key(),
    entries: fc.array(fc.record({ id: id16<MessageId>(), hops: fc.integer({ min: 0, max: HOP_LIMIT_MAX }) }), {
      maxLength: IHAVES_PER_FRAME_MAX,
    }),
  }),
  fc.record({
    kind: fc.constant('graft'),
    target: key(),
    isEager: fc.boolean(),
    ids: fc.array(id16<MessageId>(), { maxLength: GRAFTS_PER_FRAME_MAX }),
  }),
  fc.record({ kind: fc.constant('prune'), target: key() }),
  fc.record({
    kind: fc.constant('digest'),
    target: key(),
    isReply: fc.boolean(),
    entries: fc.array(fc.record({ id: id16<MessageId>(), ageS: fc.integer({ min: 0, max: 255 }) }), {
      maxLength: DIGEST_MAX,
    }),
  }),
  fc.record({
    kind: fc.constant('topic'),
    target: key(),
    role: fc.constantFrom('out', 'relay', 'member'),
    isNeeded: fc.boolean(),
    isReply: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('goodbye'), reason }),
  fc.record({ kind: fc.constant('challenge'), server: key(), nonce: exactly(32) }),
  fc.record({
    kind: fc.constant('hello'),
    peer: key(),
    network: key(),
    nonce: exactly(32),
    role: fc.constantFrom('join', 'visit'),
    token: bytes(256),
    signature: exactly(64),
  }),
  fc.record({ kind: fc.constant('welcome'), signature: exactly(64) }),
  fc.record({ kind: fc.constant('proof'), signature: exactly(64) }),
  fc.record({ kind: fc.constant('denied'), reason }),
) as fc.Arbitrary<Frame | HandshakeFrame>
