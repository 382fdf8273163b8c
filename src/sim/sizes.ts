/**
 * About how many bytes a frame would take on a link: what the traffic counters add up. The simulator never encodes.
 * The figures follow docs/PROTOCOL.md; test/sim/sizes holds them to within a tenth of what `wire/` really writes.
 */

import type { Frame, Message } from '../core/frames.ts'

/** Version, kind, hop limit, hops, flags, 16-byte id, 32-byte target (docs/PROTOCOL.md). */
const HEADER_BYTES = 53
/** The same without a target: replies follow breadcrumbs. */
const SHORT_HEADER_BYTES = 21
/** Every frame in a batch has its length before it (DESIGN §3). */
const LENGTH_PREFIX_BYTES = 2
const ID_BYTES = 32
const MESSAGE_ID_BYTES = 16
/** A message id and one byte about it. */
const ENTRY_BYTES = MESSAGE_ID_BYTES + 1
/** Version, kind, and which tree. */
const TREE_BYTES = 2 + ID_BYTES

/** Bytes of a frame on a link, its share of the batch included. */
export function frameBytes(frame: Frame): number {
  return LENGTH_PREFIX_BYTES + bareFrameBytes(frame)
}

function bareFrameBytes(frame: Frame): number {
  switch (frame.kind) {
    case 'unicast':
    case 'broadcast':
      return HEADER_BYTES + frame.body.byteLength
    case 'reply':
      return SHORT_HEADER_BYTES + frame.body.byteLength
    case 'lookup':
      return HEADER_BYTES + ID_BYTES + 3
    case 'nack':
      return 3 + bareFrameBytes(frame.frame)
    case 'direct':
      return SHORT_HEADER_BYTES + messageBytes(frame.message)
    case 'heartbeat':
      return 8
    case 'keep':
      return 3
    case 'peers':
      return 7 + ID_BYTES * frame.peers.length
    case 'introduction':
      return 7 + ID_BYTES * frame.entries.length
    case 'ihave':
      return TREE_BYTES + 2 + ENTRY_BYTES * frame.entries.length
    case 'graft':
      return TREE_BYTES + 3 + MESSAGE_ID_BYTES * frame.ids.length
    case 'prune':
      return TREE_BYTES
    case 'topic':
      return TREE_BYTES + 3
    case 'digest':
      return TREE_BYTES + 3 + ENTRY_BYTES * frame.entries.length
    case 'goodbye':
      return 3 + frame.reason.length
  }
}

/** Bytes of a message inside its seal or direct frame. */
export function messageBytes(message: Message): number {
  switch (message.kind) {
    case 'data':
      return 1 + message.payload.byteLength
    case 'ack':
      return 1
    case 'offer':
      return 23 + message.description.byteLength + message.metadata.byteLength
    case 'answer':
      return 19 + message.description.byteLength
    case 'signal':
      return 19 + message.signal.byteLength
    case 'refuse':
      return 18
  }
}
