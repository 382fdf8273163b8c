/**
 * The text encodings of Node's Buffer, by what browsers have: TextEncoder and TextDecoder, atob and btoa. As lenient as
 * Node's: what is wrong in a text is skipped, or ends it, and a lone half of a surrogate pair survives in UTF-16. An
 * encoding is about bytes and text only; ranges and names are the Buffer's.
 */

import { withCode } from './errors.ts'

export interface Encoding {
  /** In the spelling that a stream compares. */
  readonly name: string
  /** Bytes that belong together: writing stops between them, and a search looks at each first of them. */
  readonly unitBytes: 1 | 2
  readonly decode: (bytes: Uint8Array) => string
  readonly encode: (text: string) => Uint8Array
  /** What fits, in whole characters, if those are not all of one length; answers with the bytes written. */
  readonly encodeInto?: (text: string, room: Uint8Array) => number
}

const encoder = new TextEncoder()
/** A byte order mark is data like any other. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const utf8: Encoding = {
  name: 'utf8',
  unitBytes: 1,
  decode: (bytes) => decoder.decode(bytes),
  encode: (text) => encoder.encode(text),
  encodeInto: (text, room) => encoder.encodeInto(text, room).written,
}

const latin1: Encoding = {
  name: 'latin1',
  unitBytes: 1,
  decode: textOfUnits,
  encode: (text) => unitsOf(text, Uint8Array),
}

const ascii: Encoding = {
  ...latin1,
  name: 'ascii',
  decode: (bytes) => textOfUnits(bytes.map((byte) => byte & 0x7f)),
}

const utf16: Encoding = { name: 'utf16le', unitBytes: 2, decode: textOfUtf16, encode: bytesOfUtf16 }

const hex: Encoding = {
  name: 'hex',
  unitBytes: 1,
  decode: (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''),
  encode: bytesOfHex,
}

const base64: Encoding = {
  name: 'base64',
  unitBytes: 1,
  decode: (bytes) => btoa(textOfUnits(bytes)),
  encode: bytesOfBase64,
}

const base64url: Encoding = {
  ...base64,
  name: 'base64url',
  decode: (bytes) => base64.decode(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
}

const ENCODINGS: ReadonlyMap<string, Encoding> = new Map([
  ...[utf8, hex, base64, base64url, latin1, ascii, utf16].map((encoding) => [encoding.name, encoding] as const),
  ['binary', latin1],
  ['ucs2', utf16],
])

/** In whatever case, `utf-8` as well as `utf8`; undefined if there is no such encoding. */
export const findEncoding = (name: unknown): Encoding | undefined =>
  ENCODINGS.get(
    String(name)
      .toLowerCase()
      .replace(/^(utf|ucs)-/, '$1'),
  )

/** UTF-8 if none is named. Throws TypeError if there is no such encoding. */
export function encodingOf(name: unknown): Encoding {
  const encoding = findEncoding(name || 'utf8')
  if (encoding) return encoding
  throw withCode(new TypeError(`Unknown encoding: ${String(name)}`), 'ERR_UNKNOWN_ENCODING')
}

/** How many arguments one call takes differs; all browsers take this many. */
const UNITS_PER_CALL = 4096

function textOfUnits(units: Uint8Array | Uint16Array): string {
  let text = ''
  for (let at = 0; at < units.length; at += UNITS_PER_CALL) {
    text += String.fromCharCode(...units.subarray(at, at + UNITS_PER_CALL))
  }
  return text
}

/** UTF-16 units of a text, or what fits into a byte of each. */
function unitsOf<Units extends Uint8Array | Uint16Array>(text: string, type: new (length: number) => Units): Units {
  const units = new type(text.length)
  for (let at = 0; at < text.length; at++) units[at] = text.charCodeAt(at)
  return units
}

/** Little-endian whatever the machine is, and from any offset. A byte that is left over says nothing. */
function textOfUtf16(bytes: Uint8Array): string {
  const units = new Uint16Array(bytes.length >> 1)
  for (let at = 0; at < units.length; at++) units[at] = bytes[2 * at]! | (bytes[2 * at + 1]! << 8)
  return textOfUnits(units)
}

function bytesOfUtf16(text: string): Uint8Array {
  const bytes = new Uint8Array(2 * text.length)
  unitsOf(text, Uint16Array).forEach((unit, at) => bytes.set([unit, unit >> 8], 2 * at))
  return bytes
}

/** Up to the first two characters that are no byte. */
function bytesOfHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1)
  for (let at = 0; at < bytes.length; at++) {
    const pair = text.slice(2 * at, 2 * at + 2)
    if (/[^\da-f]/i.test(pair)) return bytes.subarray(0, at)
    bytes[at] = parseInt(pair, 16)
  }
  return bytes
}

/** Either alphabet, padded or not. `=` ends it; what is in neither alphabet is skipped. */
function bytesOfBase64(text: string): Uint8Array {
  const digits = text
    .split('=', 1)[0]!
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replaceAll(/[^\w+/]/g, '')
  // A digit too many is less than a byte, and `atob` refuses it.
  return latin1.encode(atob(digits.length % 4 === 1 ? digits.slice(0, -1) : digits))
}
