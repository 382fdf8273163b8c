/**
 * Frames as bytes: version, kind, and what the kind needs (docs/PROTOCOL.md has the tables). Routed frames start with a
 * fixed header, read and written here by hand and in place, because every relayed frame passes through it; the rest of
 * such a frame is a body that a relay does not look into. All other kinds are declared with `schema.ts`.
 */

import type { BroadcastFrame, Frame, LookupFrame, ReplyFrame, UnicastFrame } from '../core/frames.ts'
import {
  ATTEMPTS_MAX,
  DIGEST_MAX,
  GRAFTS_PER_FRAME_MAX,
  HOP_LIMIT_MAX,
  IHAVES_PER_FRAME_MAX,
  PEERS_PER_FRAME_MAX,
} from '../core/frames.ts'
import { type BucketRange, isOnlyClosest, ONLY_CLOSEST } from '../core/geometry.ts'
import type { Key, MessageId, PeerId } from '../core/ids.ts'
import { type HandshakeFrame, handshakeVariants, REASON_CHARS_MAX } from './handshake.ts'
import { idFromBytes, KEY_BYTES, MESSAGE_ID_BYTES, messageIdFromBytes, writeId } from './ids.ts'
import { messageField, slotField } from './messages.ts'
import type { Cursor, Field, FieldsOf } from './schema.ts'
import {
  bool,
  bytesOf,
  decodeWith,
  fields,
  id16,
  id32,
  list,
  oneOf,
  text,
  u32,
  u8,
  union,
  viewOf,
  checkRange,
} from './schema.ts'

/** The first byte of every frame. */
export const PROTOCOL_VERSION = 1
/** Greatest frame, in bytes: with its length in front it fills one transport message of 16 KiB (`batch.ts`). */
export const FRAME_BYTES_MAX = 16 * 1024 - 2
/** Version, kind, hop limit, hops, flags, message id, target. A reply has no target and is 32 bytes shorter. */
export const ROUTED_HEADER_BYTES = 5 + MESSAGE_ID_BYTES + KEY_BYTES
/** Version, kind and reason that a nack puts in front of the frame it returns. */
const NACK_HEADER_BYTES = 3
/** Greatest body of a routed frame, in bytes: a nack must be able to bring the whole frame back. */
export const BODY_BYTES_MAX = FRAME_BYTES_MAX - ROUTED_HEADER_BYTES - NACK_HEADER_BYTES
/** Entries that a bootstrap names in one introduction (DESIGN §7). */
export const ENTRIES_PER_FRAME_MAX = 3

const ATTEMPT_BITS = ATTEMPTS_MAX - 1
const VIA_BOOTSTRAP_BIT = 0x80
/** In broadcasts, which have no other flag. */
const DIRECT_BIT = 0x40
// Offsets from behind version and kind.
const HOPS = 1
const FLAGS = 2
const ID = 3
const TARGET = ID + MESSAGE_ID_BYTES
const BODY = TARGET + KEY_BYTES
const anyBuckets = fields<BucketRange>({ bucketMin: u8(), bucketMax: u8() })

/** The exact number of bytes that `encodeFrame` gives for `frame`. */
export function frameBytes(frame: Frame | HandshakeFrame): number {
  return anyFrame.size(frame)
}

/** A frame as bytes. Throws RangeError for values outside the protocol's limits, TypeError for bodies without bytes. */
export function encodeFrame(frame: Frame | HandshakeFrame): Uint8Array {
  const bytes = new Uint8Array(frameBytes(frame))
  encodeFrameInto(frame, bytes, 0)
  return bytes
}

/** Writes a frame at `offset`, where `frameBytes` must fit; returns the offset behind it. Throws like `encodeFrame`. */
export function encodeFrameInto(frame: Frame | HandshakeFrame, bytes: Uint8Array, offset: number): number {
  return anyFrame.write(frame, bytes, offset)
}

/**
 * The frame that `bytes[start…end)` are, exactly; else null. Never throws. Bodies are views into `bytes`: who keeps a
 * body for long keeps the whole transport message it came in.
 */
export function decodeFrame(bytes: Uint8Array, start = 0, end = bytes.byteLength): Frame | HandshakeFrame | null {
  return end - start > FRAME_BYTES_MAX ? null : decodeWith(anyFrame, bytes, start, end)
}

const unicastField: Field<UnicastFrame> = {
  size: (frame) => BODY + frame.body.byteLength,
  write(frame, bytes, offset) {
    writeHeader(frame, bytes, offset, flagsOf(frame))
    writeId(frame.target, bytes, offset + TARGET)
    return writeBody(frame, bytes, offset + BODY)
  },
  read(cursor) {
    const { bytes, offset } = cursor
    const flags = readFlags(cursor, BODY)
    if (flags < 0) return undefined
    const hopLimit = readHopLimit(bytes, offset)
    return {
      kind: 'unicast',
      hopLimit,
      hops: readHops(bytes, offset, hopLimit),
      attempt: flags & ATTEMPT_BITS,
      viaBootstrap: (flags & VIA_BOOTSTRAP_BIT) !== 0,
      id: messageIdFromBytes<MessageId>(bytes, offset + ID),
      target: idFromBytes<PeerId>(bytes, offset + TARGET),
      body: readBody(cursor, offset + BODY),
    }
  },
}

/** There are many empty ranges, and one way to write them. */
const bucketsField: Field<BucketRange> = {
  ...anyBuckets,
  write(range, bytes, offset) {
    if (!isWritable(range)) throw new RangeError(`no buckets: ${range.bucketMin} to ${range.bucketMax}`)
    return anyBuckets.write(range, bytes, offset)
  },
  read(cursor) {
    const range = anyBuckets.read(cursor)
    return range && isWritable(range) ? range : undefined
  },
}

function isWritable(range: BucketRange): boolean {
  return !isOnlyClosest(range) || (range.bucketMin === ONLY_CLOSEST.bucketMin && range.bucketMax === 0)
}

const lookupField: Field<LookupFrame> = {
  size: () => BODY + KEY_BYTES + 3,
  write(frame, bytes, offset) {
    writeHeader(frame, bytes, offset, flagsOf(frame))
    writeId(frame.target, bytes, offset + TARGET)
    const next = bucketsField.write(frame, bytes, writeId(frame.requester, bytes, offset + BODY))
    return slotField.write(frame.slot, bytes, next)
  },
  read(cursor) {
    const { bytes, offset } = cursor
    const flags = readFlags(cursor, BODY + KEY_BYTES)
    if (flags < 0) return undefined
    cursor.offset = offset + BODY + KEY_BYTES
    const buckets = bucketsField.read(cursor)
    const slot = slotField.read(cursor)
    if (buckets === undefined || slot === undefined) return undefined
    const hopLimit = readHopLimit(bytes, offset)
    return {
      kind: 'lookup',
      hopLimit,
      hops: readHops(bytes, offset, hopLimit),
      attempt: flags & ATTEMPT_BITS,
      viaBootstrap: (flags & VIA_BOOTSTRAP_BIT) !== 0,
      id: messageIdFromBytes<MessageId>(bytes, offset + ID),
      target: idFromBytes<Key>(bytes, offset + TARGET),
      requester: idFromBytes<PeerId>(bytes, offset + BODY),
      bucketMin: buckets.bucketMin,
      bucketMax: buckets.bucketMax,
      slot,
    }
  },
}

const replyField: Field<ReplyFrame> = {
  size: (frame) => TARGET + frame.body.byteLength,
  write(frame, bytes, offset) {
    writeHeader(frame, bytes, offset, flagsOf(frame))
    return writeBody(frame, bytes, offset + TARGET)
  },
  read(cursor) {
    const { bytes, offset } = cursor
    const flags = readFlags(cursor, TARGET)
    if (flags < 0) return undefined
    const hopLimit = readHopLimit(bytes, offset)
    return {
      kind: 'reply',
      hopLimit,
      hops: readHops(bytes, offset, hopLimit),
      attempt: flags & ATTEMPT_BITS,
      viaBootstrap: (flags & VIA_BOOTSTRAP_BIT) !== 0,
      id: messageIdFromBytes<MessageId>(bytes, offset + ID),
      body: readBody(cursor, offset + TARGET),
    }
  },
}

const broadcastField: Field<BroadcastFrame> = {
  size: (frame) => BODY + frame.body.byteLength,
  write(frame, bytes, offset) {
    writeHeader(frame, bytes, offset, frame.isDirect ? DIRECT_BIT : 0)
    writeId(frame.target, bytes, offset + TARGET)
    return writeBody(frame, bytes, offset + BODY)
  },
  read(cursor) {
    const { bytes, offset } = cursor
    const flags = readFlags(cursor, BODY, DIRECT_BIT)
    if (flags < 0) return undefined
    const hopLimit = readHopLimit(bytes, offset)
    return {
      kind: 'broadcast',
      hopLimit,
      hops: readHops(bytes, offset, hopLimit),
      id: messageIdFromBytes<MessageId>(bytes, offset + ID),
      target: idFromBytes<Key>(bytes, offset + TARGET),
      isDirect: flags !== 0,
      body: readBody(cursor, offset + BODY),
    }
  },
}

/** The frame that a nack brings back: a whole one, version included, of a kind that can be refused. */
const returnedField: Field<UnicastFrame | LookupFrame> = {
  size: (frame) => frameBytes(frame),
  write: (frame, bytes, offset) => encodeFrameInto(frame, bytes, offset),
  read(cursor) {
    // Looks at the kind first: only one level is ever nested, so a frame of nothing but nacks costs no stack.
    const kind = cursor.bytes[cursor.offset + 1]
    if (kind !== 0x01 && kind !== 0x02) return undefined
    return anyFrame.read(cursor) as UnicastFrame | LookupFrame | undefined
  },
}

const frameUnion = union<Frame | HandshakeFrame>({
  unicast: { code: 0x01, format: unicastField },
  lookup: { code: 0x02, format: lookupField },
  reply: { code: 0x03, format: replyField },
  broadcast: { code: 0x04, format: broadcastField },
  nack: {
    code: 0x10,
    fields: {
      reason: oneOf(['dead-end', 'seen', 'spent', 'busy', 'nobody']),
      frame: returnedField,
    },
  },
  direct: { code: 0x11, fields: { id: id16(), isReply: bool, message: messageField } },
  heartbeat: { code: 0x12, fields: { isEcho: bool, hasRoom: bool, stamp: u32() } },
  keep: { code: 0x13, fields: { wanted: bool } },
  peers: { code: 0x14, fields: { room: u32(), peers: idList(PEERS_PER_FRAME_MAX) } },
  introduction: {
    code: 0x15,
    fields: { entries: idList(ENTRIES_PER_FRAME_MAX), leaseMs: u32() },
  },
  ihave: {
    code: 0x17,
    fields: {
      target: id32(),
      entries: entryList({ hops: u8(HOP_LIMIT_MAX) }, IHAVES_PER_FRAME_MAX),
    },
  },
  graft: {
    code: 0x18,
    fields: {
      target: id32(),
      isEager: bool,
      ids: list(id16<MessageId>(), { itemBytes: MESSAGE_ID_BYTES, max: GRAFTS_PER_FRAME_MAX }),
    },
  },
  prune: { code: 0x19, fields: { target: id32() } },
  digest: {
    code: 0x1a,
    fields: {
      target: id32(),
      isReply: bool,
      entries: entryList({ ageS: u8() }, DIGEST_MAX),
    },
  },
  topic: {
    code: 0x1b,
    fields: {
      target: id32(),
      role: oneOf(['out', 'relay', 'member']),
      isNeeded: bool,
      isReply: bool,
    },
  },
  goodbye: { code: 0x16, fields: { reason: text(REASON_CHARS_MAX) } },
  ...handshakeVariants,
})

/** The version, then the kind. */
const anyFrame: Field<Frame | HandshakeFrame> = {
  size: (frame) => 1 + frameUnion.size(frame),
  write(frame, bytes, offset) {
    bytes[offset] = PROTOCOL_VERSION
    return frameUnion.write(frame, bytes, offset + 1)
  },
  read(cursor) {
    return cursor.bytes[cursor.offset++] === PROTOCOL_VERSION ? frameUnion.read(cursor) : undefined
  },
}

function idList(max: number): Field<readonly PeerId[]> {
  return list(id32<PeerId>(), { itemBytes: KEY_BYTES, max })
}

/** Message ids, each with one byte about it. */
function entryList<Name extends string>(
  about: { readonly [N in Name]: Field<number> },
  max: number,
): Field<readonly Entry<Name>[]> {
  const field = fields<Entry<Name>>({ id: id16(), ...about } as FieldsOf<Entry<Name>>)
  return list(field, { itemBytes: MESSAGE_ID_BYTES + 1, max })
}

type Entry<Name extends string> = { readonly id: MessageId } & { readonly [N in Name]: number }

function flagsOf(frame: UnicastFrame | LookupFrame | ReplyFrame): number {
  checkRange(frame.attempt, ATTEMPTS_MAX - 1)
  return frame.attempt | (frame.viaBootstrap ? VIA_BOOTSTRAP_BIT : 0)
}

function writeHeader(
  frame: { hopLimit: number; hops: number; id: MessageId },
  bytes: Uint8Array,
  offset: number,
  flags: number,
): void {
  checkRange(frame.hopLimit, HOP_LIMIT_MAX)
  checkRange(frame.hops, HOP_LIMIT_MAX - frame.hopLimit)
  bytes[offset] = frame.hopLimit
  bytes[offset + HOPS] = frame.hops
  bytes[offset + FLAGS] = flags
  writeId(frame.id, bytes, offset + ID)
}

function writeBody(frame: UnicastFrame | ReplyFrame | BroadcastFrame, bytes: Uint8Array, offset: number): number {
  const { byteLength } = frame.body
  checkRange(byteLength, BODY_BYTES_MAX)
  bytes.set(bytesOf(frame.body), offset)
  return offset + byteLength
}

/** The flags of a header that takes `headerBytes`; −1 if it is truncated or sets bits that mean nothing. */
function readFlags(cursor: Cursor, headerBytes: number, known = ATTEMPT_BITS | VIA_BOOTSTRAP_BIT): number {
  const rest = cursor.end - cursor.offset - headerBytes
  if (rest < 0 || rest > BODY_BYTES_MAX) return -1
  const flags = cursor.bytes[cursor.offset + FLAGS]!
  return (flags & ~known) === 0 ? flags : -1
}

function readHopLimit(bytes: Uint8Array, offset: number): number {
  return Math.min(bytes[offset]!, HOP_LIMIT_MAX)
}

/** Each hop has cost one of the hop limit, so who lies about them can claim no more than what is spent. */
function readHops(bytes: Uint8Array, offset: number, hopLimit: number): number {
  return Math.min(bytes[offset + HOPS]!, HOP_LIMIT_MAX - hopLimit)
}

/** Everything from `start` to the end of the frame. */
function readBody(cursor: Cursor, start: number): Uint8Array {
  cursor.offset = cursor.end
  return viewOf(cursor.bytes, start, cursor.end - start)
}
