/**
 * `CryptoSuite` in pure JavaScript (@noble/curves, @noble/ciphers, @noble/hashes), for browsers whose WebCrypto lacks
 * Ed25519 or X25519 and for pages without a secure context, which have no WebCrypto but may still use WebRTC. It is 18 KiB
 * gzip and ten to twenty times slower than native code, so nothing imports it statically.
 */

import { gcm } from '@noble/ciphers/aes.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { AEAD_TAG_BYTES, type CryptoSuite, type DhKey, KEY_BYTES } from './suite.ts'

/** `crypto.getRandomValues` exists in insecure contexts too. */
const randomBytes = (length: number): Uint8Array => globalThis.crypto.getRandomValues(new Uint8Array(length))

export const nobleCrypto: CryptoSuite = {
  name: 'noble',

  async signingKey(seed) {
    const secret = seed.slice()
    return { publicKey: ed25519.getPublicKey(secret), sign: async (bytes) => ed25519.sign(bytes, secret) }
  },

  async verify(publicKey, signature, bytes) {
    try {
      // Strict RFC 8032 decoding, as native implementations have it; ZIP-215 would accept more.
      return ed25519.verify(signature, bytes, publicKey, { zip215: false })
    } catch {
      return false
    }
  },

  async dhKey(secret, publicKey) {
    return dhKeyOf(secret.slice(), publicKey)
  },

  async generateDhKey() {
    const secret = randomBytes(KEY_BYTES)
    return dhKeyOf(secret, x25519.getPublicKey(secret))
  },

  async aead(key) {
    const owned = key.slice()
    return {
      seal: async (nonce, plaintext, aad) => gcm(owned, nonce, aad).encrypt(plaintext),
      async open(nonce, ciphertext, aad) {
        if (ciphertext.length < AEAD_TAG_BYTES) return null
        try {
          return gcm(owned, nonce, aad).decrypt(ciphertext)
        } catch {
          return null
        }
      },
    }
  },

  sha256: (bytes) => sha256(bytes),
  sha512: async (bytes) => sha512(bytes),
  hmac: (key, bytes) => hmac(sha256, key, bytes),
  randomBytes,
}

function dhKeyOf(secret: Uint8Array, publicKey: Uint8Array): DhKey {
  return {
    publicKey,
    async agree(remote) {
      try {
        return x25519.getSharedSecret(secret, remote)
      } catch {
        // noble throws where the secret would be zero.
        return null
      }
    },
  }
}
