/** The hashes that browsers get, against the vectors of FIPS 180-4 and RFC 4231 and against @noble/hashes. */

import { hmac as nobleHmac } from '@noble/hashes/hmac.js'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { describe, expect, test } from 'vitest'
import { utf8 } from '../../src/net/crypto/bytes.ts'
import { hmac, sha256 } from '../../src/net/crypto/sha256.ts'
import { fromHex, toHex } from './bytes.ts'

/** Different at every place, so that a word or a byte in the wrong one shows. */
const counting = (length: number): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * 31 + length) & 0xff)

describe('SHA-256', () => {
  test.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
    ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
  ])('gives the digests of FIPS 180-4 (%#)', (text, digest) => {
    expect(toHex(sha256(utf8(text)))).toBe(digest)
  })

  test('is the same as another implementation at every length up to five blocks', () => {
    for (let length = 0; length <= 320; length++) {
      expect(toHex(sha256(counting(length))), `${length} bytes`).toBe(toHex(nobleSha256(counting(length))))
    }
  })

  test('hashes a view of a greater buffer, and leaves it as it was', () => {
    const whole = counting(100)
    expect(toHex(sha256(whole.subarray(10, 60)))).toBe(toHex(sha256(whole.slice(10, 60))))
    expect(whole).toEqual(counting(100))
  })
})

describe('HMAC-SHA-256', () => {
  test.each([
    ['0b'.repeat(20), '4869205468657265', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      '4a656665',
      '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    ['aa'.repeat(20), 'dd'.repeat(50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
    [
      'aa'.repeat(131),
      '54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ])('gives the codes of RFC 4231 (%#)', (key, data, code) => {
    expect(toHex(hmac(fromHex(key), fromHex(data)))).toBe(code)
  })

  test('is the same as another implementation for every length of key around the block', () => {
    for (let length = 0; length <= 130; length++) {
      const [key, data] = [counting(length), counting(200 - length)]
      expect(toHex(hmac(key, data)), `${length} bytes`).toBe(toHex(nobleHmac(nobleSha256, key, data)))
    }
  })
})
