/**
 * The primitives that identities and seals are made of, as one injected object. Three implementations: `crypto.node.ts`
 * (node:crypto, synchronous inside), `crypto.web.ts` (WebCrypto) and `crypto.noble.ts` (pure JavaScript, loaded only
 * where a runtime lacks Ed25519 or X25519). All three pass the same vectors and read each other's output.
 *
 * Hashes are synchronous everywhere: a seal takes eight HMACs, and WebCrypto needs 0.1 ms of thread hopping for each,
 * a library in JavaScript 0.01 ms without any. Bad input from outside never throws: the operation says `null` or `false`.
 */

/** Bytes of seeds, public keys, Diffie-Hellman outputs and SHA-256 digests. */
export const KEY_BYTES = 32
/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64
/** Bytes of an AES-128-GCM key, nonce and tag (NIST SP 800-38D; RFC 9180 §7.3). */
export const AEAD_KEY_BYTES = 16
export const AEAD_NONCE_BYTES = 12
export const AEAD_TAG_BYTES = 16

/** Ed25519 private key (RFC 8032 §5.1.5). */
export interface SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** A deterministic signature, 64 bytes. */
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/** X25519 private key (RFC 7748 §5). */
export interface DhKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** The shared secret, 32 bytes; null if `remote` is a point of small order (RFC 7748 §6.1). */
  agree(remote: Uint8Array): Promise<Uint8Array | null>
}

/** AES-128-GCM under one key. The caller never uses a nonce twice. */
export interface Aead {
  /** Ciphertext and tag: 16 bytes more than the plaintext. */
  seal(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
  /** The plaintext, or null if anything was changed. */
  open(nonce: Uint8Array, ciphertext: Uint8Array, aad: Uint8Array): Promise<Uint8Array | null>
}

export interface CryptoSuite {
  /** For logs and benchmarks. */
  readonly name: 'node' | 'webcrypto' | 'noble'
  /** From a 32-byte seed. */
  signingKey(seed: Uint8Array): Promise<SigningKey>
  /**
   * The equation of RFC 8032 §5.1.7. Callers go through `verifySignature` (`identity.ts`), which first refuses the keys
   * and signatures on which implementations disagree.
   */
  verify(publicKey: Uint8Array, signature: Uint8Array, bytes: Uint8Array): Promise<boolean>
  /** From both halves, 32 bytes each; the public one is taken on trust. */
  dhKey(secret: Uint8Array, publicKey: Uint8Array): Promise<DhKey>
  /** A new random pair. */
  generateDhKey(): Promise<DhKey>
  /** From a 16-byte key. */
  aead(key: Uint8Array): Promise<Aead>
  sha256(bytes: Uint8Array): Uint8Array
  /** Only needed once per identity, so it may take its time. */
  sha512(bytes: Uint8Array): Promise<Uint8Array>
  /** HMAC-SHA-256, 32 bytes. */
  hmac(key: Uint8Array, bytes: Uint8Array): Uint8Array
  /** Cryptographically secure, at most 65,536 bytes. */
  randomBytes(length: number): Uint8Array
}
