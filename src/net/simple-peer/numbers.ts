/**
 * The 60 methods of Node's Buffer that read and write numbers, from one table: `readUInt32BE`, `writeDoubleLE` and so on
 * by DataView, and those whose number of bytes is an argument by its 64 bits. What does not fit is a RangeError.
 */

import { outOfRange } from './errors.ts'

/** DataView's names, which say the number of bits. */
const NUMBERS = 'Int8 Uint8 Int16 Uint16 Int32 Uint32 BigInt64 BigUint64 Float32 Float64'.split(' ')

/** Buffer's name for it. */
const nameOf = (type: string): string =>
  type.replace('Float32', 'Float').replace('Float64', 'Double').replace('Uint', 'UInt')

type Reader = (this: Uint8Array, offset?: number, byteLength?: number) => number | bigint
type Writer = (this: Uint8Array, value: number | bigint, offset?: number, byteLength?: number) => number
/** DataView, whose methods are picked by name. */
type View = Record<string, (offset: number, ...rest: unknown[]) => number | bigint>

/** Gives the prototype all of them; those with `UInt` by the name with `Uint` as well. */
export function defineNumbers(prototype: object): void {
  for (const [suffix, isLittle] of [
    ['LE', true],
    ['BE', false],
  ] as const) {
    for (const type of NUMBERS) {
      const bytes = parseInt(type.replace(/\D+/, ''), 10) / 8
      define(prototype, nameOf(type) + (bytes === 1 ? '' : suffix), fixed(type, bytes, isLittle))
    }
    define(prototype, `Int${suffix}`, sized({ isSigned: true, isLittle }))
    define(prototype, `UInt${suffix}`, sized({ isSigned: false, isLittle }))
  }
}

function define(prototype: object, name: string, { read, write }: { read: Reader; write: Writer }): void {
  for (const alias of [name, name.replace('UInt', 'Uint')]) {
    Object.assign(prototype, { [`read${alias}`]: read, [`write${alias}`]: write })
  }
}

function fixed(type: string, size: number, isLittle: boolean): { read: Reader; write: Writer } {
  return {
    read(offset = 0) {
      return viewOf(field(this, offset, size))[`get${type}`]!(0, isLittle)
    },
    write(value, offset = 0) {
      if (!type.startsWith('F')) checkValue(value, 8 * size, type.includes('Int'))
      viewOf(field(this, offset, size))[`set${type}`]!(0, value, isLittle)
      return offset + size
    },
  }
}

/** As the low bytes of 64 bits. */
function sized({ isSigned, isLittle }: { isSigned: boolean; isLittle: boolean }): { read: Reader; write: Writer } {
  const low = (eight: Uint8Array, size: number): Uint8Array => eight.subarray(isLittle ? 0 : 8 - size).subarray(0, size)
  return {
    read(offset = 0, size = 0) {
      const eight = new Uint8Array(8)
      low(eight, checkSize(size)).set(field(this, offset, size))
      const value = viewOf(eight)['getBigUint64']!(0, isLittle) as bigint
      return Number(isSigned ? BigInt.asIntN(8 * size, value) : value)
    },
    write(value, offset = 0, size = 0) {
      checkValue(value, 8 * checkSize(size), isSigned)
      const eight = new Uint8Array(8)
      viewOf(eight)['setBigInt64']!(0, BigInt(Math.trunc(Number(value)) || 0), isLittle)
      field(this, offset, size).set(low(eight, size))
      return offset + size
    },
  }
}

const viewOf = (bytes: Uint8Array): View =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) as unknown as View

/** The bytes that a number takes; throws if they are not all there, or if the offset is none. */
function field(bytes: Uint8Array, offset: number, size: number): Uint8Array {
  if (bytes[offset] === undefined || bytes[offset + size - 1] === undefined) throw outOfRange('offset', offset)
  return bytes.subarray(offset, offset + size)
}

function checkSize(size: number): number {
  if (!(size >= 1 && size <= 6)) throw outOfRange('byteLength', size)
  return size
}

function checkValue(value: number | bigint, bits: number, isSigned: boolean): void {
  const end = 2 ** (isSigned ? bits - 1 : bits)
  if (value < (isSigned ? -end : 0) || value >= end) throw outOfRange('value', value)
}
