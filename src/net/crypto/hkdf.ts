/** HKDF-SHA-256 (RFC 5869) over a suite's HMAC: twenty lines, synchronous, the same for all suites. */

import { concat } from './bytes.ts'
import type { CryptoSuite } from './suite.ts'

const HASH_BYTES = 32

/** HKDF-Extract: 32 bytes. An empty salt means 32 zeros, which HMAC pads an empty key to anyway. */
export function hkdfExtract(suite: CryptoSuite, salt: Uint8Array, ikm: Uint8Array): Uint8Array {
  return suite.hmac(salt, ikm)
}

/** HKDF-Expand: `length` bytes, at most 255 × 32. */
export function hkdfExpand(suite: CryptoSuite, prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  const okm = new Uint8Array(length)
  let previous: Uint8Array = new Uint8Array(0)
  for (let block = 1, at = 0; at < length; block++, at += HASH_BYTES) {
    previous = suite.hmac(prk, concat(previous, info, Uint8Array.of(block)))
    okm.set(previous.subarray(0, length - at), at)
  }
  return okm
}
