/** Text from bytes that come in pieces, for `setEncoding`: half a character, or a piece of a group of base64, waits. */

import { Buffer } from './buffer.ts'
import { type Encoding, encodingOf } from './encodings.ts'

export class Decoder {
  readonly encoding: Encoding
  /** What waits. */
  rest = Buffer.alloc(0)

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
    this.rest = Buffer.alloc(0)
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
  if (name === 'utf8') {
    // The last three may be the beginning of a character of up to four.
    for (let back = 1; back <= Math.min(3, length); back++) {
      const byte = bytes[length - back]!
      if ((byte & 0xc0) === 0x80) continue
      return byte >= 0xc0 && back < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) ? length - back : length
    }
  }
  return length
}
