/**
 * `CryptoSuite` over node:crypto, reached through `#crypto` of package.json's "imports". Everything runs on the calling
 * thread: a seal and its opening take 0.4 ms so, and 1.1 ms through Node's WebCrypto, which visits the thread pool for
 * every step. Keys travel as JWK, because OpenSSL's DER decoder takes 0.1 ms for what JWK does in 0.01, and 1.9 ms for a
 * private key that takes 0.2 (test/bench, set-up).
 */

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomFillSync,
  sign,
  verify,
} from 'node:crypto'
import { isAllZero } from './bytes.ts'
import { type Aead, AEAD_TAG_BYTES, type CryptoSuite, type DhKey, KEY_BYTES } from './suite.ts'

type Curve = 'Ed25519' | 'X25519'

const AEAD_NAME = 'aes-128-gcm'

export const nodeCrypto: CryptoSuite = {
  name: 'node',

  async signingKey(seed) {
    const key = privateKey('Ed25519', seed)
    const publicKey = rawPublicKey(createPublicKey(key))
    return { publicKey, sign: async (bytes) => plain(sign(null, bytes, key)) }
  },

  async verify(publicKey, signature, bytes) {
    try {
      return verify(null, bytes, importPublicKey('Ed25519', publicKey), signature)
    } catch {
      return false
    }
  },

  async dhKey(secret, publicKey) {
    return dhKeyOf(privateKey('X25519', secret), publicKey)
  },

  async generateDhKey() {
    // Not generateKeyPairSync: what it leaves behind is collected under the lock of its keys, and if that happens while
    // one of them is being exported, which takes the same lock, Node 20 hangs for good (`node --gc-interval=37` does
    // within 12,000 pairs). test/bench, memory, once did.
    const key = privateKey('X25519', randomFillSync(new Uint8Array(KEY_BYTES)))
    return dhKeyOf(key, rawPublicKey(createPublicKey(key)))
  },

  async aead(key) {
    return aeadOf(key.slice())
  },

  sha256: (bytes) => plain(createHash('sha256').update(bytes).digest()),
  sha512: async (bytes) => plain(createHash('sha512').update(bytes).digest()),
  hmac: (key, bytes) => plain(createHmac('sha256', key).update(bytes).digest()),
  randomBytes: (length) => randomFillSync(new Uint8Array(length)),
}

/** The suite for this runtime: Node always has all of it. */
export function loadCrypto(): Promise<CryptoSuite> {
  return Promise.resolve(nodeCrypto)
}

function dhKeyOf(key: KeyObject, publicKey: Uint8Array): DhKey {
  return {
    publicKey,
    async agree(remote) {
      try {
        const secret = plain(diffieHellman({ privateKey: key, publicKey: importPublicKey('X25519', remote) }))
        return isAllZero(secret) ? null : secret
      } catch {
        // OpenSSL throws where the secret would be zero.
        return null
      }
    },
  }
}

function aeadOf(key: Uint8Array): Aead {
  return {
    async seal(nonce, plaintext, aad) {
      const cipher = createCipheriv(AEAD_NAME, key, nonce).setAAD(aad)
      const sealed = new Uint8Array(plaintext.length + AEAD_TAG_BYTES)
      sealed.set(cipher.update(plaintext))
      cipher.final()
      sealed.set(cipher.getAuthTag(), plaintext.length)
      return sealed
    },
    async open(nonce, ciphertext, aad) {
      const length = ciphertext.length - AEAD_TAG_BYTES
      if (length < 0) return null
      try {
        const decipher = createDecipheriv(AEAD_NAME, key, nonce, { authTagLength: AEAD_TAG_BYTES }).setAAD(aad)
        decipher.setAuthTag(ciphertext.subarray(length))
        const plaintext = plain(decipher.update(ciphertext.subarray(0, length)))
        decipher.final()
        return plaintext
      } catch {
        return null
      }
    },
  }
}

/** A JWK wants the public key too (`x`), but Node has OpenSSL derive it from `d` and never looks. */
function privateKey(curve: Curve, secret: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: { kty: 'OKP', crv: curve, x: '', d: base64url(secret) }, format: 'jwk' })
  } catch {
    // A Node that looks.
    return createPrivateKey({ key: pkcs8(curve, secret), format: 'der', type: 'pkcs8' })
  }
}

/** RFC 8410 §7; the last byte of the algorithm identifier names the curve. */
function pkcs8(curve: Curve, secret: Uint8Array): Buffer {
  const oid = curve === 'X25519' ? 110 : 112
  return Buffer.concat([Buffer.from([48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, oid, 4, 34, 4, 32]), secret])
}

function importPublicKey(curve: Curve, bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: curve, x: base64url(bytes) }, format: 'jwk' })
}

const base64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url')

function rawPublicKey(key: KeyObject): Uint8Array {
  return new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).x!, 'base64url'))
}

/** The same bytes as a plain Uint8Array: a Buffer's `slice` is a view, and code above counts on a copy. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}
