/**
 * The Buffer of the browser build of simple-peer beside Node's own: any method, with any arguments, comes to the same
 * result, changes the same bytes or throws the same class of error.
 */

import { Buffer as NodeBuffer } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Buffer as OurBuffer } from '../../../src/net/simple-peer/buffer.ts'
import { Duplex } from '../../../src/net/simple-peer/duplex.ts'

await Duplex.complete()

type BufferClass = typeof NodeBuffer
type Bytes = NodeBuffer & Record<string, (...values: unknown[]) => unknown>

const Ours = OurBuffer as unknown as BufferClass
const CLASSES: readonly BufferClass[] = [Ours, NodeBuffer]

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const RUNS = { numRuns: 400, seed }

const ENCODINGS = [
  'utf8',
  'UTF-8',
  'hex',
  'base64',
  'base64url',
  'latin1',
  'binary',
  'ascii',
  'ucs2',
  'utf16le',
] as const
const encoding = fc.constantFrom(...ENCODINGS)
const bytes = fc.uint8Array({ maxLength: 12 })
const units = (max: number) => fc.integer({ min: 0, max }).map((unit) => String.fromCharCode(unit))
/** Any UTF-16, halves of surrogate pairs too; digits of hex and base64, and what is none. */
const text = fc.oneof(
  fc.string({ unit: units(0xffff), maxLength: 9 }),
  fc.string({ unit: units(0xff), maxLength: 9 }),
  fc.string({ unit: fc.constantFrom('0', '9', 'a', 'F', 'é', '€', '𝄞', '\ud834', '\ufeff'), maxLength: 9 }),
  fc.string({ unit: fc.constantFrom('a', 'Z', '0', '+', '/', '-', '_', '=', ' ', '\n', '!'), maxLength: 9 }),
)
const index = fc.option(fc.integer({ min: -14, max: 14 }), { nil: undefined })
const position = fc.option(fc.nat(14), { nil: undefined })
/** Arguments: text, whatever comes between, an encoding. Node takes what is beyond Latin-1 for digits of hex and base64. */
const told = (...between: fc.Arbitrary<unknown>[]): fc.Arbitrary<unknown[]> =>
  fc
    .tuple(text, fc.tuple(...between), encoding)
    .map(([value, values, name]) => [
      /hex|base64/.test(name) ? value.replaceAll(/[^\0-\xff]/g, '') : value,
      ...values,
      name,
    ])
/** What is looked for, or filled with: often a part of what is there. */
const content = fc.oneof(text, fc.uint8Array({ max: 3, maxLength: 3 }), fc.integer({ min: -300, max: 600 }))

/** In words that do not depend on the class. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { isBuffer: CLASSES.some((one) => one.isBuffer(value)), bytes: [...value] }
  return value
}

/** What comes of it: a result, or the class of the error. */
function outcome(run: () => unknown): unknown {
  try {
    return plain(run())
  } catch (error) {
    return `throws ${(error as Error).name}`
  }
}

/** Calls the method on the same bytes with the same arguments, for both classes. */
function expectSame(method: string, data: Uint8Array, values: readonly unknown[]): void {
  const [ours, nodes] = CLASSES.map((one) => {
    const target = one.from(data) as unknown as Bytes
    return { result: outcome(() => target[method]!(...values)), after: [...target] }
  })
  expect(ours, `${method}(${values.map(String).join(', ')})`).toEqual(nodes)
}

const anyCallOf = (method: string, values: fc.Arbitrary<unknown[]>): void =>
  fc.assert(
    fc.property(bytes, values, (data, args) => expectSame(method, data, args)),
    RUNS,
  )
const anyCall = (method: string, ...values: fc.Arbitrary<unknown>[]): void => anyCallOf(method, fc.tuple(...values))

type Static = 'from' | 'alloc' | 'concat' | 'byteLength' | 'compare'
const anyStaticOf = (method: Static, values: fc.Arbitrary<unknown[]>): void =>
  fc.assert(
    fc.property(values, (args) => {
      const [ours, nodes] = CLASSES.map((one) =>
        outcome(() => (one[method] as (...args: unknown[]) => unknown)(...args)),
      )
      expect(ours).toEqual(nodes)
    }),
    RUNS,
  )
const anyStatic = (method: Static, ...values: fc.Arbitrary<unknown>[]): void => anyStaticOf(method, fc.tuple(...values))

describe(`a Buffer of the browser build (SEED=${seed})`, () => {
  test('has every method of Node’s', () => {
    // Undocumented halves of `toString` and `write`.
    const names = Object.getOwnPropertyNames(NodeBuffer.prototype).filter((name) => !/.(Slice|Write)$/.test(name))
    for (const name of names) expect(name in Ours.prototype, name).toBe(true)
    expect(names.length).toBeGreaterThan(80)
  })

  test('reads as text in every encoding, whole or in part', () => {
    anyCall('toString', encoding)
    anyCall('toString', encoding, index, index)
    anyCall('toLocaleString', encoding)
    anyCall('toJSON')
    anyCall('inspect')
  })

  test('takes text in every encoding, as far as there is room for whole characters', () => {
    anyCall('write', text)
    anyCallOf('write', told())
    anyCallOf('write', told(fc.nat(14)))
    // Node refuses a length that is more than the whole Buffer's; the package and we write what there is room for.
    const fourteen = fc.uint8Array({ minLength: 14, maxLength: 14 })
    fc.assert(
      fc.property(fourteen, told(fc.nat(14), position), (data, args) => expectSame('write', data, args)),
      RUNS,
    )
  })

  test('is filled with numbers, text or bytes', () => {
    anyCall('fill', content)
    anyCall('fill', content, index)
    anyCall('fill', content, fc.integer({ min: -3, max: 14 }), index)
    anyCallOf('fill', told())
    anyCallOf('fill', told(fc.nat(14)))
    anyCallOf('fill', told(fc.nat(14), index))
  })

  test('finds numbers, text or bytes, from either end', () => {
    for (const method of ['indexOf', 'lastIndexOf', 'includes']) {
      const few = fc.uint8Array({ max: 3, maxLength: 12 })
      fc.assert(
        fc.property(few, content, index, (data, value, from) => expectSame(method, data, [value, from])),
        RUNS,
      )
      // Node has several opinions on where nothing is, and finds no halves of surrogate pairs.
      const something = (...between: fc.Arbitrary<unknown>[]) =>
        told(...between).filter(([value]) => value !== '' && !/\p{Cs}/u.test(value as string))
      anyCallOf(method, something())
      anyCallOf(method, something(index))
      fc.assert(
        fc.property(something(index), ([value, from, name]) =>
          expectSame(method, NodeBuffer.from(`_${value as string}_`, name as 'utf8'), [value, from, name]),
        ),
        RUNS,
      )
    }
  })

  test('compares, copies and slices', () => {
    anyCall('equals', bytes)
    anyCall('compare', bytes)
    anyCall('compare', bytes, index, index, index, index)
    anyCall('slice', index, index)
    anyCall('subarray', index, index)
    for (const method of ['swap16', 'swap32', 'swap64']) anyCall(method)
    const four = fc.tuple(bytes, fc.nat(12), position, index, index)
    fc.assert(
      fc.property(four, ([data, length, ...range]) => {
        const [ours, nodes] = CLASSES.map((one) => {
          const target = one.alloc(length)
          return { copied: outcome(() => one.from(data).copy(target, ...range)), after: [...target] }
        })
        expect(ours).toEqual(nodes)
      }),
      RUNS,
    )
  })

  const numberMethods = Object.getOwnPropertyNames(NodeBuffer.prototype).filter((name) =>
    /^(read|write)[A-Z]/.test(name),
  )
  const fraction = fc.double({ noNaN: false })
  const integer = fc.oneof(
    fc.integer({ min: -300, max: 70_000 }),
    fc.constantFrom(-(2 ** 15), 2 ** 15, -(2 ** 31), 2 ** 31, 2 ** 32, 2 ** 40 + 1, -(2 ** 47), 2 ** 48, 2 ** 48 - 1),
  )
  const bigint = fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n })

  test.each(numberMethods)('%s', (method) => {
    const isWriter = method.startsWith('write')
    const value = method.includes('Big') ? bigint : /Float|Double/.test(method) ? fraction : integer
    const size = /Int[LB]E|int[LB]E/.test(method) ? [fc.integer({ min: 0, max: 7 })] : []
    anyCall(
      method,
      ...(isWriter ? [value] : []),
      ...(size.length ? [fc.integer({ min: -2, max: 14 })] : [index]),
      ...size,
    )
  })

  test('is made from text, bytes, arrays, objects that stand for one, and memory that it shares', () => {
    anyStaticOf('from', told())
    anyStatic('from', fc.oneof(bytes, fc.array(fc.integer()), fc.array(fc.double()), fc.float32Array({ maxLength: 5 })))
    anyStatic(
      'from',
      bytes.map((data) => data.slice().buffer),
      position,
      position,
    )
    const objects = [
      { length: 2, 0: 7, 1: 300 },
      NodeBuffer.from('json').toJSON(),
      Object('boxed'),
      new Date(0),
      {},
      null,
    ]
    anyStatic(
      'from',
      fc.constantFrom<unknown>(...objects, undefined, 5, 5n, true, Symbol.iterator, { valueOf: () => 'it' }),
    )
    const memory = new ArrayBuffer(4)
    Ours.from(memory)[1] = 9
    expect([...new Uint8Array(memory)]).toEqual([0, 9, 0, 0])
  })

  test('is allocated, concatenated, measured and compared by its class', () => {
    anyStatic('alloc', fc.oneof(fc.integer({ min: -2, max: 9 }), fc.constantFrom<unknown>('5', NaN, null)), content)
    anyStatic('concat', fc.array(bytes, { maxLength: 3 }))
    anyStatic('concat', fc.array(bytes, { maxLength: 3 }), position)
    anyStatic('concat', fc.constantFrom<unknown>(['text'], 'text', [null], undefined))
    anyStatic('compare', bytes, bytes)
    anyStatic('byteLength', text, fc.constantFrom('utf8', 'latin1', 'ucs2', undefined))
    anyStatic('byteLength', fc.oneof(bytes, fc.constantFrom<unknown>(5, null, new ArrayBuffer(3))))
    for (const name of [...ENCODINGS, 'utf-16le', 'ucs-2', 'UTF8', '', 'utf9', 'constructor', 7, null]) {
      expect(Ours.isEncoding(name as string), String(name)).toBe(NodeBuffer.isEncoding(name as string))
    }
  })
})
