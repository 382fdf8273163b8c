/**
 * What an application may call of a Buffer, and neither simple-peer nor its stream does: `buffer.ts` has those. Comes on
 * demand, with the numbers.
 */

import { Buffer, sharing } from './buffer.ts'
import { encodingOf, findEncoding } from './encodings.ts'
import { outOfRange, TEXT_OR_BYTES, wrongType } from './errors.ts'
import { defineNumbers } from './numbers.ts'

/** A string with its encoding, or bytes. */
type Content = string | Uint8Array

/** Bytes that `inspect` shows. */
const INSPECT_BYTES_MAX = 50

/** Gives the class all of Node's methods. Twice is fine. */
export function completeBuffer(): void {
  define(Buffer, Whole, ['length', 'name', 'prototype'])
  define(Buffer.prototype, Whole.prototype, ['constructor'])
  defineNumbers(Buffer.prototype)
}

function define(target: object, source: object, others: readonly string[]): void {
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(source)))
    if (!others.includes(name)) Object.defineProperty(target, name, property)
}

class Whole extends Buffer {
  /** A copy, unless it is an ArrayBuffer: that is shared. */
  static override from(value: unknown, encodingOrOffset?: unknown, length?: number): Buffer {
    if (typeof value === 'string') return sharing(encodingOf(encodingOrOffset).encode(value))
    if (isArrayBuffer(value)) return new Buffer(value, encodingOrOffset as number, length)
    if (typeof value === 'object' && value !== null) {
      const primitive = primitiveOf(value)
      if (primitive !== value) return Whole.from(primitive, encodingOrOffset, length)
      const { length: items, type, data } = value as { length?: unknown; type?: unknown; data?: unknown }
      if (typeof items === 'number') return new Buffer(value as ArrayLike<number>)
      // What `toJSON` makes.
      if (type === 'Buffer' && Array.isArray(data)) return new Buffer(data as number[])
    }
    throw wrongType('value', 'a string, bytes or an array', value)
  }

  static alloc(size: number, fill: Content | number = 0, encoding?: unknown): Buffer {
    if (typeof size !== 'number') throw wrongType('size', 'a number', size)
    if (!(size >= 0)) throw outOfRange('size', size)
    const buffer = new Buffer(size)
    return fill === 0 ? buffer : (buffer as Whole).fill(fill, encoding as string)
  }

  /** Cut, or filled up with zeros, to a length if there is one. */
  static override concat(list: readonly Uint8Array[], length?: number): Buffer {
    if (!Array.isArray(list)) throw wrongType('list', 'an array of bytes', list)
    if (list.length === 0) return new Buffer(0)
    for (const bytes of list) checkBytes(bytes)
    const whole = Whole.alloc(length ?? list.reduce((sum, bytes) => sum + bytes.length, 0))
    let at = 0
    for (const bytes of list) at += Whole.prototype.copy.call(bytes as Whole, whole, at)
    return whole
  }

  /** Zeroed all the same: browsers have no other memory. */
  static allocUnsafe(size: number): Buffer {
    return Whole.alloc(size)
  }

  static allocUnsafeSlow(size: number): Buffer {
    return Whole.alloc(size)
  }

  static isEncoding(name: unknown): boolean {
    return typeof name === 'string' && findEncoding(name) !== undefined
  }

  static byteLength(value: unknown, encoding?: unknown): number {
    if (ArrayBuffer.isView(value) || isArrayBuffer(value)) return value.byteLength
    if (typeof value !== 'string') throw wrongType('string', TEXT_OR_BYTES, value)
    return encodingOf(encoding).encode(value).length
  }

  static compare(one: Uint8Array, other: Uint8Array): number {
    checkBytes(one)
    checkBytes(other)
    const length = Math.min(one.length, other.length)
    for (let at = 0; at < length; at++) {
      if (one[at] !== other[at]) return one[at]! < other[at]! ? -1 : 1
    }
    return Math.sign(one.length - other.length)
  }

  get parent(): ArrayBufferLike {
    return this.buffer
  }

  get offset(): number {
    return this.byteOffset
  }

  override toLocaleString(encoding?: unknown, ...range: unknown[]): string {
    return this.toString(encoding, ...(range as number[]))
  }

  toJSON(): { type: 'Buffer'; data: number[] } {
    return { type: 'Buffer', data: Array.from(this) }
  }

  inspect(): string {
    const bytes = this.toString('hex', 0, INSPECT_BYTES_MAX).match(/../g) ?? []
    return `<Buffer ${bytes.join(' ')}${this.length > INSPECT_BYTES_MAX ? ' ... ' : ''}>`
  }

  equals(other: Uint8Array): boolean {
    return Whole.compare(this, other) === 0
  }

  compare(target: Uint8Array, targetStart = 0, targetEnd = target.length, start = 0, end = this.length): number {
    checkBytes(target)
    checkRange(target, targetStart, targetEnd)
    checkRange(this, start, end)
    return Whole.compare(this.subarray(start, end), target.subarray(targetStart, targetEnd))
  }

  /** Answers with the bytes copied: as many as there is room for. */
  copy(target: Uint8Array, targetStart = 0, start = 0, end = this.length): number {
    if (start < 0 || start > this.length) throw outOfRange('sourceStart', start)
    if (end < 0) throw outOfRange('sourceEnd', end)
    const room = Math.max(target.length - targetStart, 0)
    const bytes = this.subarray(start, end).subarray(0, room)
    if (bytes.length > 0) target.set(bytes, targetStart)
    return bytes.length
  }

  /** `write(text, encoding)`, `write(text, offset, encoding)` as well. Answers with the bytes written, whole characters. */
  write(text: string, offset: number | string = 0, length?: number | string, encoding?: unknown): number {
    if (typeof offset === 'string') return this.write(text, 0, undefined, offset)
    if (typeof length === 'string') return this.write(text, offset, undefined, length)
    if (offset > this.length) throw outOfRange('offset', offset)
    checkRange(this, offset)
    const room = this.subarray(offset, offset + Math.max(length ?? this.length, 0))
    const { encode, encodeInto, unitBytes } = encodingOf(encoding)
    if (encodeInto) return encodeInto(text, room)
    const bytes = encode(text).subarray(0, room.length - (room.length % unitBytes))
    room.set(bytes)
    return bytes.length
  }

  /** `fill(text, encoding)` and `fill(text, offset, encoding)` as well. */
  override fill(value: Content | number, offset: number | string = 0, end?: number | string, encoding?: unknown): this {
    if (typeof offset === 'string') return this.fill(value, 0, undefined, offset)
    if (typeof end === 'string') return this.fill(value, offset, undefined, end)
    checkRange(this, offset, end)
    if (offset >= (end ?? this.length)) return this
    // Not `super`: that is this very method once the Buffer is complete.
    if (typeof value !== 'string' && !isBytes(value))
      return Uint8Array.prototype.fill.call(this, value, offset, end) as this
    const bytes = bytesOf(value, encoding)
    if (bytes.length === 0 && value !== '') throw new TypeError('nothing to fill with')
    for (let at = offset; at < (end ?? this.length); at++) this[at] = bytes[(at - offset) % bytes.length] ?? 0
    return this
  }

  /** `indexOf(value, encoding)` as well. */
  override indexOf(value: Content | number, from?: number | string, encoding?: unknown): number {
    return search(this, value, { from, encoding, isForward: true })
  }

  override lastIndexOf(value: Content | number, from?: number | string, encoding?: unknown): number {
    return search(this, value, { from, encoding, isForward: false })
  }

  override includes(value: Content | number, from?: number | string, encoding?: unknown): boolean {
    return this.indexOf(value, from, encoding) !== -1
  }

  swap16(): this {
    return swap(this, 2)
  }

  swap32(): this {
    return swap(this, 4)
  }

  swap64(): this {
    return swap(this, 8)
  }
}

const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1)

/** By its tag, because those of an iframe are no instances. */
const isBytes = (value: unknown): value is Uint8Array => tagOf(value) === 'Uint8Array'

const isArrayBuffer = (value: unknown): value is ArrayBuffer => /^(?:Shared)?ArrayBuffer$/.test(tagOf(value))

function checkBytes(value: unknown): void {
  if (!isBytes(value)) throw wrongType('buffer', 'a Buffer or Uint8Array', value)
}

function checkRange(bytes: Uint8Array, start: number, end = bytes.length): void {
  if (start < 0) throw outOfRange('start', start)
  if (end < 0 || end > bytes.length) throw outOfRange('end', end)
}

function bytesOf(content: Content, encoding: unknown): Uint8Array {
  if (typeof content === 'string') return encodingOf(encoding).encode(content)
  checkBytes(content)
  return content
}

function swap<Bytes extends Uint8Array>(bytes: Bytes, size: number): Bytes {
  if (bytes.length % size !== 0) throw new RangeError(`length must be a multiple of ${size} bytes`)
  for (let at = 0; at < bytes.length; at += size) bytes.subarray(at, at + size).reverse()
  return bytes
}

interface Search {
  /** Negative: from the end. */
  readonly from: number | string | undefined
  readonly encoding: unknown
  readonly isForward: boolean
}

/** The first or the last place at or after, or at or before `from`; −1 if there is none. */
function search(bytes: Uint8Array, value: Content | number, { from, encoding, isForward }: Search): number {
  if (typeof from === 'string') return search(bytes, value, { from: undefined, encoding: from, isForward })
  const wanted = typeof value === 'number' ? Uint8Array.of(value) : bytesOf(value, encoding)
  const step = typeof value === 'string' ? encodingOf(encoding).unitBytes : 1
  const offset = Math.trunc(Number(from))
  const start = Number.isNaN(offset) ? (isForward ? 0 : bytes.length) : offset + (offset < 0 ? bytes.length : 0)
  // Nothing is everywhere.
  if (wanted.length === 0) return Math.min(Math.max(start, 0), bytes.length)

  const last = bytes.length - wanted.length
  const first = isForward ? Math.max(start, 0) : Math.min(start, last)
  if (first > last) return -1
  for (let at = Math.floor(first / step) * step; at >= 0 && at <= last; at += isForward ? step : -step) {
    if (wanted.every((byte, index) => byte === bytes[at + index])) return at
  }
  return -1
}

/** What an object says it stands for; itself if nothing. */
function primitiveOf(value: object): unknown {
  const { [Symbol.toPrimitive]: toPrimitive } = value as { [Symbol.toPrimitive]?: (hint: string) => unknown }
  return toPrimitive ? toPrimitive.call(value, 'string') : (value.valueOf?.() ?? value)
}
