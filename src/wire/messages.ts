/**
 * What two peers say to each other end to end, as bytes: the inside of a seal, or of a direct frame. A message has no
 * version of its own; the frame around it has one.
 */

import type { Message } from '../core/frames.ts'
import { blob, decodeWith, encodeWith, type Field, id16, oneOf, union } from './schema.ts'

/**
 * Greatest payload of one `data` message or broadcast, in bytes: what fits into a frame after header, message header
 * and seal, rounded down to a number people remember. 963 bytes are left for the seal.
 */
export const PAYLOAD_BYTES_MAX = 15 * 1024
/** Greatest metadata of a call, in bytes. Source: guess, enough for a name, an avatar's hash and a purpose. */
export const METADATA_BYTES_MAX = 1024
/** Greatest session description of an offer or answer, in bytes; compact SDP for links is about a tenth of it. */
export const DESCRIPTION_BYTES_MAX = 12 * 1024
/** Greatest batch of further signaling, in bytes: renegotiation carries a whole description. */
export const SIGNAL_BYTES_MAX = 12 * 1024

/** Slots by their number on the wire; also the last byte of a lookup. Append only. */
export const slotField = oneOf(['ring', 'bucket', 'random', 'guest'])

/** The format of a message, for frames that nest one. */
export const messageField: Field<Message> = union<Message>({
  data: { code: 1, fields: { payload: blob(PAYLOAD_BYTES_MAX) } },
  ack: { code: 2, fields: {} },
  offer: {
    code: 3,
    fields: {
      exchange: id16(),
      purpose: oneOf(['link', 'call']),
      slot: slotField,
      description: blob(DESCRIPTION_BYTES_MAX),
      metadata: blob(METADATA_BYTES_MAX),
    },
  },
  answer: { code: 4, fields: { exchange: id16(), description: blob(DESCRIPTION_BYTES_MAX) } },
  signal: { code: 5, fields: { exchange: id16(), signal: blob(SIGNAL_BYTES_MAX) } },
  refuse: {
    code: 6,
    fields: {
      exchange: id16(),
      reason: oneOf(['full', 'busy', 'glare', 'linked', 'rejected', 'failed', 'closed', 'timeout']),
    },
  },
})

/** A message as bytes. Throws RangeError above the limits in this file, TypeError for bodies that are no bytes. */
export function encodeMessage(message: Message): Uint8Array {
  return encodeWith(messageField, message)
}

/** The message that `bytes` are, exactly; else null. Bodies are views into `bytes`. Never throws. */
export function decodeMessage(bytes: Uint8Array): Message | null {
  return decodeWith(messageField, bytes)
}
