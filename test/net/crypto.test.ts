/** The three crypto suites against the RFCs' vectors, against each other, and on the inputs RFC 8032 leaves to taste. */

import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import { equalBytes } from '../../src/net/crypto/bytes.ts'
import { loadCrypto as loadNode } from '../../src/net/crypto/crypto.node.ts'
import { loadCrypto as loadWeb } from '../../src/net/crypto/crypto.web.ts'
import { hkdfExpand, hkdfExtract } from '../../src/net/crypto/hkdf.ts'
import { isAcceptablePublicKey, isCanonicalSignature, montgomeryFromEdwards } from '../../src/net/crypto/points.ts'
import golden from '../golden/crypto.json' with { type: 'json' }
import { flipEachByte, fromHex, toHex } from './bytes.ts'
import { SUITES } from './sealing.ts'

const EMPTY = new Uint8Array(0)
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const PRIME = 2n ** 255n - 19n

describe.each(SUITES.map((suite) => [suite.name, suite] as const))('suite %s', (_name, suite) => {
  test.each(golden.rfc8032)('signs and verifies as RFC 8032 $name says', async (vector) => {
    const key = await suite.signingKey(fromHex(vector.seed))
    const message = fromHex(vector.message)
    expect(toHex(key.publicKey)).toBe(vector.publicKey)
    expect(toHex(await key.sign(message))).toBe(vector.signature)
    expect(await suite.verify(key.publicKey, fromHex(vector.signature), message)).toBe(true)
  })

  test('refuses a signature with any byte changed, or over other bytes', async () => {
    const vector = golden.rfc8032[2]!
    const publicKey = fromHex(vector.publicKey)
    const message = fromHex(vector.message)
    for (const signature of flipEachByte(fromHex(vector.signature))) {
      expect(await suite.verify(publicKey, signature, message)).toBe(false)
    }
    expect(await suite.verify(publicKey, fromHex(vector.signature), fromHex('af83'))).toBe(false)
  })

  test.each(golden.rfc7748)('agrees on the secret of RFC 7748 $name', async (vector) => {
    const secret = fromHex(vector.secret)
    const key = await suite.dhKey(secret, x25519.getPublicKey(secret))
    expect(toHex((await key.agree(fromHex(vector.remote)))!)).toBe(vector.shared)
  })

  test('agrees on nothing with the small-order points of X25519', async () => {
    const key = await suite.generateDhKey()
    for (const u of X25519_SMALL_ORDER) expect(await key.agree(fromHex(u)), u).toBe(null)
  })

  test.each(golden.rfc5869)('derives keys as RFC 5869 $name says', (vector) => {
    const prk = hkdfExtract(suite, fromHex(vector.salt), fromHex(vector.ikm))
    expect(toHex(prk)).toBe(vector.prk)
    expect(toHex(hkdfExpand(suite, prk, fromHex(vector.info), vector.length))).toBe(vector.okm)
  })

  test.each(golden.gcm)('encrypts as $name says', async (vector) => {
    const aead = await suite.aead(fromHex(vector.key))
    const [nonce, aad] = [fromHex(vector.nonce), fromHex(vector.aad)]
    const sealed = await aead.seal(nonce, fromHex(vector.plaintext), aad)
    expect(toHex(sealed)).toBe(vector.ciphertext)
    expect(toHex((await aead.open(nonce, sealed, aad))!)).toBe(vector.plaintext)
  })

  test('opens nothing that was changed, moved to other data, or cut short', async () => {
    const aead = await suite.aead(suite.randomBytes(16))
    const nonce = new Uint8Array(12)
    const sealed = await aead.seal(nonce, fromHex('00112233'), fromHex('aa'))
    for (const changed of flipEachByte(sealed)) expect(await aead.open(nonce, changed, fromHex('aa'))).toBe(null)
    expect(await aead.open(nonce, sealed, fromHex('ab'))).toBe(null)
    for (let length = 0; length < sealed.length; length++) {
      expect(await aead.open(nonce, sealed.subarray(0, length), fromHex('aa'))).toBe(null)
    }
    expect(toHex((await aead.open(nonce, await aead.seal(nonce, EMPTY, EMPTY), EMPTY))!)).toBe('')
  })

  test('hands out random bytes and keys that differ', async () => {
    expect(equalBytes(suite.randomBytes(32), suite.randomBytes(32))).toBe(false)
    const [one, other] = [await suite.generateDhKey(), await suite.generateDhKey()]
    expect(equalBytes(one.publicKey, other.publicKey)).toBe(false)
  })

  test('keeps its own copy of keys that the caller overwrites', async () => {
    const seed = suite.randomBytes(32)
    const key = await suite.signingKey(seed)
    const aeadKey = suite.randomBytes(16)
    const aead = await suite.aead(aeadKey)
    const before = [await key.sign(EMPTY), await aead.seal(new Uint8Array(12), EMPTY, EMPTY)]
    seed.fill(0)
    aeadKey.fill(0)
    expect([await key.sign(EMPTY), await aead.seal(new Uint8Array(12), EMPTY, EMPTY)]).toEqual(before)
  })

  test.each(SUITES.map((other) => [other.name, other] as const))('reads what %s writes', async (_other, other) => {
    const seed = suite.randomBytes(32)
    const [ours, theirs] = [await suite.signingKey(seed), await other.signingKey(seed)]
    expect(ours.publicKey).toEqual(theirs.publicKey)
    expect(await other.verify(ours.publicKey, await ours.sign(seed), seed)).toBe(true)
    const [a, b] = [await suite.generateDhKey(), await other.generateDhKey()]
    expect(await a.agree(b.publicKey)).toEqual(await b.agree(a.publicKey))
    const [one, two] = [await suite.aead(seed.subarray(16)), await other.aead(seed.subarray(16))]
    const nonce = seed.subarray(0, 12)
    expect(await two.open(nonce, await one.seal(nonce, seed, seed), seed)).toEqual(seed)
    expect(suite.sha256(seed)).toEqual(other.sha256(seed))
    expect(await suite.sha512(seed)).toEqual(await other.sha512(seed))
    expect(suite.hmac(seed, seed)).toEqual(other.hmac(seed, seed))
  })
})

describe('which suite a runtime gets', () => {
  test('Node gets node:crypto', async () => {
    expect((await loadNode()).name).toBe('node')
  })

  test('a runtime with complete WebCrypto gets that', async () => {
    expect((await loadWeb()).name).toBe('webcrypto')
  })

  test('a page that is no secure context gets the fallback', async () => {
    expect((await loadWeb(null)).name).toBe('noble')
  })

  test.each(['Ed25519', 'X25519', 'AES-GCM'])(
    'a browser whose WebCrypto lacks %s gets the fallback',
    async (missing) => {
      expect((await loadWeb(without(missing))).name).toBe('noble')
    },
  )
})

describe('public keys', () => {
  test.each([...SMALL_ORDER_KEYS()])('refuses the small-order or non-canonical key %s', (hex) => {
    expect(isAcceptablePublicKey(fromHex(hex))).toBe(false)
    expect(montgomeryFromEdwards(fromHex(hex))).toBe(null)
  })

  test('refuses keys of another length', () => {
    expect(isAcceptablePublicKey(new Uint8Array(31).fill(9))).toBe(false)
    expect(isAcceptablePublicKey(new Uint8Array(33).fill(9))).toBe(false)
  })

  test('converts Ed25519 public keys to X25519 as noble does', () => {
    for (let round = 0; round < 50; round++) {
      const publicKey = ed25519.getPublicKey(ed25519.utils.randomSecretKey())
      expect(montgomeryFromEdwards(publicKey)).toEqual(ed25519.utils.toMontgomery(publicKey))
    }
  })
})

test('a signature is canonical exactly below the group order', () => {
  const signature = (s: bigint): Uint8Array => fromHex('00'.repeat(32) + littleEndian(s))
  for (const s of [0n, 1n, ORDER - 1n]) expect(isCanonicalSignature(signature(s))).toBe(true)
  for (const s of [ORDER, ORDER + 1n, 2n ** 253n, 2n ** 256n - 1n])
    expect(isCanonicalSignature(signature(s))).toBe(false)
  expect(isCanonicalSignature(new Uint8Array(63))).toBe(false)
})

function littleEndian(value: bigint): string {
  return toHex(fromHex(value.toString(16).padStart(64, '0')).toReversed())
}

/** All encodings of the eight small-order points with either sign bit, and y ≥ p. Made by noble's point arithmetic. */
function* SMALL_ORDER_KEYS(): Iterable<string> {
  const torsion = ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')
  const seen = new Set<string>()
  for (let times = 1n; times <= 8n; times++) {
    const y = (times === 8n ? ed25519.Point.ZERO : torsion.multiply(times)).toAffine().y
    for (const sign of [0n, 2n ** 255n]) seen.add(littleEndian(y + sign))
  }
  for (let y = PRIME; y < 2n ** 255n; y++) for (const sign of [0n, 2n ** 255n]) seen.add(littleEndian(y + sign))
  yield* seen
}

/** RFC 7748 §6.1 leaves the list to the reader; these are the points whose order divides eight, and their aliases. */
const X25519_SMALL_ORDER = [
  0n,
  1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
  PRIME - 1n,
  PRIME,
  PRIME + 1n,
].map(littleEndian)

/** This runtime's WebCrypto as an older browser would have it. */
function without(algorithm: string): SubtleCrypto {
  const real = globalThis.crypto.subtle
  return new Proxy(real, {
    get(target, name: keyof SubtleCrypto) {
      const method = target[name] as (...args: unknown[]) => unknown
      return (...args: unknown[]) => {
        const names = args.map((arg) => (typeof arg === 'object' && arg !== null && 'name' in arg ? arg.name : arg))
        if (names.includes(algorithm)) return Promise.reject(new DOMException('unrecognized name', 'NotSupportedError'))
        return method.apply(target, args)
      }
    },
  })
}
