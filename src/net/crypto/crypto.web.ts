/**
 * `CryptoSuite` over WebCrypto, for browsers (`#crypto` of package.json's "imports"), and the decision which suite a
 * browser gets. Ed25519 and X25519 are in Chrome 137, Firefox 130 and Safari 17; older ones, and pages that are no secure
 * context (there `crypto.subtle` does not exist at all), load the pure JavaScript suite on demand.
 *
 * WebCrypto answers each step from another thread (0.1–0.2 ms), so hashes are plain JavaScript (`sha256.ts`) and a spare
 * ephemeral key is always made ahead.
 */

import { concat, equalBytes, isAllZero, fromHex } from './bytes.ts'
import { clampScalar, montgomeryFromEdwards } from './points.ts'
import { hmac, sha256 } from './sha256.ts'
import { type Aead, type CryptoSuite, type DhKey, KEY_BYTES } from './suite.ts'

const AEAD_NAME = 'AES-GCM'
/** PKCS #8 around a 32-byte private key (RFC 8410 §7); the last byte of the algorithm identifier names the curve. */
const pkcs8 = (curve: string): Uint8Array => fromHex(`302e020100300506032b65${curve}04220420`)
const PKCS8_X25519 = pkcs8('6e')
const PKCS8_ED25519 = pkcs8('70')

/** WebCrypto's types want to know that the memory is not shared. Ours never is. */
type Bytes = Uint8Array<ArrayBuffer>

/** The suite over one `SubtleCrypto`. Whether the runtime has all of it shows when it is used: see `loadCrypto`. */
export function webCrypto(subtle: SubtleCrypto): CryptoSuite {
  let spare: Promise<DhKey> | null = null
  return {
    name: 'webcrypto',

    async signingKey(seed: Bytes) {
      const key = await subtle.importKey('pkcs8', concat(PKCS8_ED25519, seed), 'Ed25519', true, ['sign'])
      const publicKey = fromBase64Url((await subtle.exportKey('jwk', key)).x!)
      return { publicKey, sign: async (bytes: Bytes) => new Uint8Array(await subtle.sign('Ed25519', key, bytes)) }
    },

    async verify(publicKey: Bytes, signature: Bytes, bytes: Bytes) {
      try {
        const key = await subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify'])
        return await subtle.verify('Ed25519', key, signature, bytes)
      } catch {
        return false
      }
    },

    async dhKey(secret: Bytes, publicKey) {
      const key = await subtle.importKey('pkcs8', concat(PKCS8_X25519, secret), 'X25519', false, ['deriveBits'])
      return dhKeyOf(subtle, key, publicKey)
    },

    generateDhKey() {
      const ready = spare ?? generate(subtle)
      spare = generate(subtle)
      // Whoever takes it will see the failure.
      spare.catch(() => {})
      return ready
    },

    async aead(key: Bytes) {
      return aeadOf(subtle, await subtle.importKey('raw', key, AEAD_NAME, false, ['encrypt', 'decrypt']))
    },

    sha256,
    sha512: async (bytes: Bytes) => new Uint8Array(await subtle.digest('SHA-512', bytes)),
    hmac,
    randomBytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
  }
}

/**
 * The suite for this runtime: WebCrypto if it does everything we need, found out by doing it once, else the fallback.
 * `subtle` is the platform's unless a caller says otherwise; null is none.
 */
export async function loadCrypto(
  subtle: SubtleCrypto | null = globalThis.crypto?.subtle ?? null,
): Promise<CryptoSuite> {
  if (subtle !== null) {
    const suite = webCrypto(subtle)
    if (await isComplete(suite)) return suite
  }
  const { nobleCrypto } = await import('./crypto.noble.ts')
  return nobleCrypto
}

/** Signs, verifies, agrees and seals once. Half-way implementations exist: present in `importKey`, missing in JWK. */
async function isComplete(suite: CryptoSuite): Promise<boolean> {
  try {
    const bytes = suite.randomBytes(KEY_BYTES)
    const signing = await suite.signingKey(bytes)
    if (signing.publicKey.length !== KEY_BYTES) return false
    // As `identity.ts` does: the halves must belong together.
    const publicKey = montgomeryFromEdwards(signing.publicKey)!
    const [one, other] = [
      await suite.generateDhKey(),
      await suite.dhKey(clampScalar(await suite.sha512(bytes)), publicKey),
    ]
    const secrets = await Promise.all([one.agree(publicKey), other.agree(one.publicKey)])
    const nonce = new Uint8Array(12)
    const aead = await suite.aead(bytes.subarray(0, 16))
    const opened = await aead.open(nonce, await aead.seal(nonce, bytes, bytes), bytes)
    return (
      (await suite.verify(signing.publicKey, await signing.sign(bytes), bytes)) &&
      equalBytes(secrets[0]!, secrets[1]!) &&
      equalBytes(opened!, bytes)
    )
  } catch {
    return false
  }
}

async function generate(subtle: SubtleCrypto): Promise<DhKey> {
  const pair = (await subtle.generateKey('X25519', false, ['deriveBits'])) as CryptoKeyPair
  return dhKeyOf(subtle, pair.privateKey, new Uint8Array(await subtle.exportKey('raw', pair.publicKey)))
}

function dhKeyOf(subtle: SubtleCrypto, key: CryptoKey, publicKey: Uint8Array): DhKey {
  return {
    publicKey,
    async agree(remote: Bytes) {
      try {
        const theirs = await subtle.importKey('raw', remote, 'X25519', false, [])
        const secret = new Uint8Array(await subtle.deriveBits({ name: 'X25519', public: theirs }, key, 256))
        return isAllZero(secret) ? null : secret
      } catch {
        // WebCrypto rejects where the secret would be zero.
        return null
      }
    },
  }
}

function aeadOf(subtle: SubtleCrypto, key: CryptoKey): Aead {
  const parameters = (nonce: Bytes, aad: Bytes): AesGcmParams => ({
    name: AEAD_NAME,
    iv: nonce,
    additionalData: aad,
  })
  return {
    async seal(nonce: Bytes, plaintext: Bytes, aad: Bytes) {
      return new Uint8Array(await subtle.encrypt(parameters(nonce, aad), key, plaintext))
    },
    async open(nonce: Bytes, ciphertext: Bytes, aad: Bytes) {
      try {
        return new Uint8Array(await subtle.decrypt(parameters(nonce, aad), key, ciphertext))
      } catch {
        return null
      }
    },
  }
}

function fromBase64Url(text: string): Uint8Array {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
}
