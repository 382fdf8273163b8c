/**
 * Ids between their two forms: text (lower-case base32 without padding, RFC 4648 §6) inside the program, bytes on the
 * wire. Own tables instead of @scure/base, because a relay does this for every frame it carries: reading both ids of a
 * header takes 0.2 µs here and writing them as much, with @scure/base (and its upper case) 0.7 and 0.6 µs
 * (test/bench/wire.bench.ts). The tests hold the two against each other.
 *
 * 32 bytes leave four spare bits in the last of 52 characters, 16 bytes two in the last of 26. They must be zero, or
 * one peer would have several names.
 */

import { ALPHABET } from '../core/geometry.ts'
import type { ExchangeId, Key, MessageId } from '../core/ids.ts'

/** Bytes of a key: a peer id, a network id, or any other point of the key space. */
export const KEY_BYTES = 32
/** Bytes of a message id or exchange id. */
export const MESSAGE_ID_BYTES = 16

const KEY_CHARS = 52
const MESSAGE_ID_CHARS = 26
/** Marks characters outside the alphabet; its high bits survive an `|` over many values. */
const INVALID = 0xe0

/** Character codes by 5-bit value. */
const CODES = Uint8Array.from(ALPHABET, (char) => char.charCodeAt(0))
/** 5-bit values by character code, for codes 0…127. */
const VALUES = new Uint8Array(128).fill(INVALID)
CODES.forEach((code, value) => (VALUES[code] = value))

// Plain arrays that live for good: `fromCharCode.apply` takes 120 ns from them, joining 26 two-character strings 260 ns.
const keyCodes = Array.from({ length: KEY_CHARS }, () => 0)
const messageIdCodes = Array.from({ length: MESSAGE_ID_CHARS }, () => 0)

/** The 32 bytes at `offset` as text. The caller has checked that they are there, and says what kind of key they are. */
export function idFromBytes<T extends Key = Key>(bytes: Uint8Array, offset = 0): T {
  return textOf(bytes, offset, keyCodes) as T
}

/** The 16 bytes at `offset` as text. The caller has checked that they are there. */
export function messageIdFromBytes<T extends MessageId | ExchangeId = MessageId>(bytes: Uint8Array, offset = 0): T {
  return textOf(bytes, offset, messageIdCodes) as T
}

/** The bytes of an id: 32 for keys, 16 for message and exchange ids. Throws TypeError for text that is no id. */
export function bytesFromId(id: Key | MessageId | ExchangeId): Uint8Array {
  const bytes = new Uint8Array(id.length === KEY_CHARS ? KEY_BYTES : MESSAGE_ID_BYTES)
  writeId(id, bytes, 0)
  return bytes
}

/** Writes an id's 32 or 16 bytes at `offset`; returns the offset behind them. Throws TypeError for text that is no id. */
export function writeId(id: Key | MessageId | ExchangeId, bytes: Uint8Array, offset: number): number {
  if (id.length !== KEY_CHARS && id.length !== MESSAGE_ID_CHARS) throw notAnId(id)
  let seen = 0
  let rest = 0
  let bits = 0
  let to = offset
  for (let at = 0; at < id.length; at++) {
    const value = valueAt(id, at)
    seen |= value
    rest = (rest << 5) | value
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[to++] = rest >> bits
  }
  // Above 31, one of them was invalid; what is left are the spare bits.
  if (seen > 31 || (rest & ((1 << bits) - 1)) !== 0) throw notAnId(id)
  return to
}

/** Whether text from outside is a peer id (or another key): 52 characters of the alphabet, spare bits zero. */
export function isId(text: string): text is Key {
  return text.length === KEY_CHARS && isBase32(text, 0x0f)
}

/** Whether text from outside is a message id or exchange id: 26 characters of the alphabet, spare bits zero. */
export function isMessageId(text: string): text is MessageId & ExchangeId {
  return text.length === MESSAGE_ID_CHARS && isBase32(text, 0x03)
}

/** As many characters as there are `codes`. */
function textOf(bytes: Uint8Array, offset: number, codes: number[]): string {
  const end = offset + Math.floor((codes.length * 5) / 8)
  let rest = 0
  let bits = 0
  let to = 0
  for (let at = offset; at < end; at++) {
    rest = (rest << 8) | bytes[at]!
    bits += 3
    codes[to++] = CODES[(rest >> bits) & 31]!
    if (bits < 5) continue
    bits -= 5
    codes[to++] = CODES[(rest >> bits) & 31]!
  }
  codes[to] = CODES[(rest << (5 - bits)) & 31]!
  return String.fromCharCode.apply(null, codes)
}

function valueAt(text: string, at: number): number {
  return VALUES[text.charCodeAt(at)] ?? INVALID
}

/** Whether all characters are of the alphabet and the `spare` bits of the last are zero. */
function isBase32(text: string, spare: number): boolean {
  let seen = 0
  for (let at = 0; at < text.length; at++) seen |= valueAt(text, at)
  return seen <= 31 && (valueAt(text, text.length - 1) & spare) === 0
}

function notAnId(text: string): TypeError {
  return new TypeError(`not an id: ${JSON.stringify(text.slice(0, 64))}`)
}
