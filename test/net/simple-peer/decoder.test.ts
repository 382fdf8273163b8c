/** The decoder of the browser build of simple-peer beside Node's: the same text from bytes that come in whatever pieces. */

import { StringDecoder } from 'node:string_decoder'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Decoder } from '../../../src/net/simple-peer/decoder.ts'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const NAMES = ['utf8', 'utf-8', 'ucs2', 'utf16le', 'base64', 'base64url', 'hex', 'latin1', 'binary', 'ascii'] as const
const name = fc.constantFrom(...NAMES)
const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '€', '𝄞', '\ufeff'), maxLength: 6 }))

/** Bytes in pieces. */
const cut = (bytes: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))

const size = fc.integer({ min: 1, max: 5 })

test(`gives whole characters as soon as they are there, like Node's, seed ${seed}`, () => {
  fc.assert(
    fc.property(name, text, size, (encoding, texts, length) => {
      const ours = new Decoder(encoding)
      const nodes = new StringDecoder(encoding)
      // Byte by byte, Node's gives half of a surrogate pair.
      const [unit, unitBytes] = ours.encoding.name === 'utf16le' ? (['ucs2', 2] as const) : (['utf8', 1] as const)
      for (const piece of cut(Buffer.from(texts.join(''), unit), unitBytes * length))
        expect(ours.write(piece)).toBe(nodes.write(Buffer.from(piece)))
      expect(ours.end()).toBe(nodes.end())
    }),
    { numRuns: 1_000, seed },
  )
})

test(`gives what the bytes say together, whatever they are, seed ${seed}`, () => {
  fc.assert(
    fc.property(name, fc.uint8Array({ maxLength: 12 }), size, (encoding, bytes, length) => {
      const decoder = new Decoder(encoding)
      const pieces = cut(bytes, length).map((piece) => decoder.write(piece))
      expect(pieces.join('') + decoder.end()).toBe(Buffer.from(bytes).toString(encoding))
    }),
    { numRuns: 1_000, seed },
  )
})

test('is of UTF-8 if nothing else is said, and of nothing unknown', () => {
  expect(new Decoder(null).encoding.name).toBe('utf8')
  expect(() => new Decoder('utf9')).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_ENCODING' }))
})
