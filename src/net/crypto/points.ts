/**
 * What can be said about an Ed25519 public key or signature without curve arithmetic, and the way from an Ed25519 to
 * an X25519 public key. Implementations disagree on the odd corners of RFC 8032 (OpenSSL, BoringSSL and noble differ on
 * small-order keys and non-canonical encodings; "Taming the many EdDSAs", SSR 2020), so those never reach them.
 *
 * Not checked here: whether y belongs to a point of the curve at all. Half of all strings do not. Nobody can sign for
 * such an id, so it cannot be proven or appear as a source; sealing to it harms nobody, because X25519 is safe on the
 * twist. The check would cost a Legendre symbol (0.2 ms) for each new id.
 */

import { fromHex, hexPairs } from './bytes.ts'
import { KEY_BYTES, SIGNATURE_BYTES } from './suite.ts'

/** The field's prime, 2^255 − 19. */
const P = 2n ** 255n - 19n
/** The group's order, little-endian as signatures have it: 2^252 + 27742317777372353535851937790883648493. */
const L = littleEndian(2n ** 252n + 27742317777372353535851937790883648493n)
/** Two points of order 8 have this y, two its negative. */
const Y_ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n
/** y of the eight points whose order divides eight. */
const Y_SMALL_ORDER: ReadonlySet<bigint> = new Set([0n, 1n, P - 1n, Y_ORDER_8, P - Y_ORDER_8])

/** Whether the bytes can be somebody's Ed25519 public key: canonical, and not of small order. */
export function isAcceptablePublicKey(bytes: Uint8Array): boolean {
  if (bytes.length !== KEY_BYTES) return false
  const y = edwardsY(bytes)
  return y < P && !Y_SMALL_ORDER.has(y)
}

/**
 * The X25519 public key of an Ed25519 public key: u = (1 + y) / (1 − y) (RFC 7748 §4.1). Null for keys that
 * `isAcceptablePublicKey` refuses. 40 µs, nearly all of it the inversion.
 */
export function montgomeryFromEdwards(bytes: Uint8Array): Uint8Array | null {
  if (!isAcceptablePublicKey(bytes)) return null
  const y = edwardsY(bytes)
  return littleEndian(((1n + y) * inverse(P + 1n - y)) % P)
}

/** Whether S of a signature R ‖ S is below the group's order (RFC 8032 §5.1.7: else one could make a second one). */
export function isCanonicalSignature(signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false
  for (let at = KEY_BYTES - 1; at >= 0; at--) {
    const difference = signature[KEY_BYTES + at]! - L[at]!
    if (difference !== 0) return difference < 0
  }
  return false
}

/** Clamps 32 bytes into an X25519 scalar (RFC 7748 §5), in new memory. */
export function clampScalar(bytes: Uint8Array): Uint8Array {
  const scalar = bytes.slice(0, KEY_BYTES)
  scalar[0]! &= 248
  scalar[31]! = (scalar[31]! & 127) | 64
  return scalar
}

/** y without the sign of x, which is the top bit. */
function edwardsY(bytes: Uint8Array): bigint {
  const bigEndian = bytes.toReversed()
  bigEndian[0]! &= 127
  return BigInt(`0x${hexPairs(bigEndian).join('')}`)
}

/** Extended Euclid: 24 µs where Fermat's 255 squarings take 300. Public values only, so its running time may vary. */
function inverse(value: bigint): bigint {
  let [a, b, x, y] = [P, value % P, 0n, 1n]
  while (b !== 0n) {
    const quotient = a / b
    ;[a, b] = [b, a - quotient * b]
    ;[x, y] = [y, x - quotient * y]
  }
  return x < 0n ? x + P : x
}

function littleEndian(value: bigint): Uint8Array {
  return fromHex(value.toString(16).padStart(2 * KEY_BYTES, '0')).reverse()
}
