/**
 * Node's Buffer for the browser build of simple-peer, whose `data` events are Buffers: all documented methods of Node's
 * and all of the `buffer` package's, with Node's results. Own code, against STYLE 19, for its size: of what every page
 * loads the package would be 7.9 KiB, because it brings its own UTF-8, base64, IEEE 754 and 64-bit integers to browsers
 * that lack them. Of smaller libraries none does: buffer-lite is GPL, buffer-esm has no numbers, the others are forks.
 *
 * Here is what simple-peer and its stream call themselves. Everything else comes on demand, before an application gets
 * its first Buffer (`buffer-methods.ts`, `Duplex.complete`).
 * What it leaves out: `Buffer(text)` and `new Buffer(text)`, deprecated since Node 6; `poolSize`, `TYPED_ARRAY_SUPPORT`
 * and the wording of errors. Tested against Node's own Buffer with arbitrary arguments, and in Chromium beside what
 * simple-peer ships.
 */

import { encodingOf } from './encodings.ts'

export class Buffer extends Uint8Array {
  /** A copy, unless it is an ArrayBuffer: that is shared. */
  static override from(value: unknown, encoding?: unknown): Buffer {
    return typeof value === 'string' ? sharing(encodingOf(encoding).encode(value)) : new Buffer(value as ArrayBuffer)
  }

  /** Also of another copy of the class, such as the `buffer` package's. */
  static isBuffer(value: unknown): boolean {
    return (value as { _isBuffer?: unknown } | null)?._isBuffer === true && value !== Buffer.prototype
  }

  static concat(list: readonly Uint8Array[]): Buffer {
    const whole = new Buffer(list.reduce((sum, bytes) => sum + bytes.length, 0))
    let at = 0
    for (const bytes of list) {
      whole.set(bytes, at)
      at += bytes.length
    }
    return whole
  }

  get _isBuffer(): boolean {
    return true
  }

  override toString(encoding?: unknown, start = 0, end = this.length): string {
    return encodingOf(encoding).decode(this.subarray(Math.max(start, 0), Math.max(end, 0)))
  }

  /** Another view of the same bytes, unlike Uint8Array's. */
  override slice(start?: number, end?: number): Buffer {
    return this.subarray(start, end) as Buffer
  }
}

/** Another view of the same bytes. */
export const sharing = ({ buffer, byteOffset, length }: Uint8Array): Buffer =>
  new Buffer(buffer as ArrayBuffer, byteOffset, length)
