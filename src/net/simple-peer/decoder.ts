/** Text from bytes that come in pieces, for `setEncoding`: half a character, or a piece of a group of base64, waits. */

import { Buffer } from './buffer.ts'
import { type Encoding, encodingOf } from './encodings.ts'

export class Decoder {
  readonly encoding: Encoding
  /** What waits. */
  rest = new Buffer(0)

  /** Throws TypeError if there is no such encoding. */
  constructor(name: unknown) {
    this.encoding = encodingOf(name)
  }

  write(bytes: Uint8Array): string {
    const all = Buffer.concat([this.rest, bytes])
    const whole = wholeBytes(this.encoding.name, all)
    this.rest = all.slice(whole)
    return this.encoding.decode(all.slice(0, whole))
  }

  /** What is left, as well as it can be said. */
  end(): string {
    const { rest } = this
    this.rest = new Buffer(0)
    return this.encoding.decode(rest)
  }
}

/** How many of these bytes need not wait. */
function wholeBytes(name: string, bytes: Buffer): number {
  const { length } = bytes
  if (name.startsWith('base64')) return length - (length % 3)
  if (name === 'utf16le') {
    const even = length - (length % 2)
    // The first half of a surrogate pair.
    return even > 0 && (bytes[even - 1]! & 0xfc) === 0xd8 ? even - 2 : even
  }
  const begun = name === 'utf8' ? BEGUN.exec(bytes.toString('latin1', length - 3)) : null
  return length - (begun?.[0].length ?? 0)
}

/** UTF-8 as Latin-1 that ends before the last character of two, three or four bytes does. */
const BEGUN = /(?:[\xc0-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xff][\x80-\xbf]{0,2})$/
