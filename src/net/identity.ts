/**
 * Who a peer is: an Ed25519 key made from a 32-byte seed. The public key is the peer id, so an id is all one needs to
 * check a peer's signature and, converted to X25519, to write to it (DESIGN §2). Using one key for both signing and
 * Diffie-Hellman is sound for exactly this pair (Thormarker 2021, "On using the same key pair for Ed25519 and an X25519
 * based KEM"). Bytes: docs/PROTOCOL.md, "Identity".
 */

import { loadCrypto } from '#crypto'
import { evictOldest } from '../core/bounded.ts'
import type { NetworkId, PeerId, TopicId } from '../core/ids.ts'
import { bytesFromId, idFromBytes } from '../wire/ids.ts'
import { concat, utf8 } from './crypto/bytes.ts'
import { clampScalar, isAcceptablePublicKey, isCanonicalSignature, montgomeryFromEdwards } from './crypto/points.ts'
import { type CryptoSuite, type DhKey, KEY_BYTES } from './crypto/suite.ts'

export type { CryptoSuite } from './crypto/suite.ts'
export { loadCrypto }

export interface Identity {
  readonly id: PeerId
  /** 32 secret bytes: save them, and the peer is the same the next time. */
  readonly seed: Uint8Array
  /** The id as bytes. */
  readonly publicKey: Uint8Array
  /** The same key for Diffie-Hellman. */
  readonly dhKey: DhKey
  /** The suite that holds the keys. */
  readonly crypto: CryptoSuite
  /** An Ed25519 signature, 64 bytes. Callers start `bytes` with a tag that says what is signed. */
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/**
 * An identity from a seed, by default a new random one. `crypto` is by default the best suite of this runtime. Throws
 * TypeError for a seed that is not 32 bytes.
 */
export async function createIdentity(
  options: { readonly seed?: Uint8Array | undefined; readonly crypto?: CryptoSuite | undefined } = {},
): Promise<Identity> {
  const crypto = options.crypto ?? (await loadCrypto())
  const seed = options.seed?.slice() ?? crypto.randomBytes(KEY_BYTES)
  if (seed.length !== KEY_BYTES) throw new TypeError(`a seed is ${KEY_BYTES} bytes, not ${seed.length}`)
  const signing = await crypto.signingKey(seed)
  const scalar = clampScalar(await crypto.sha512(seed))
  const dhKey = await crypto.dhKey(scalar, montgomeryFromEdwards(signing.publicKey)!)
  const id = idFromBytes<PeerId>(signing.publicKey)
  return { id, seed, publicKey: signing.publicKey, dhKey, crypto, sign: (bytes) => signing.sign(bytes) }
}

/**
 * Whether `peer` has signed `bytes`. Refuses small-order and non-canonical keys and non-canonical signatures before any
 * curve arithmetic; never throws or rejects on bad input.
 */
export async function verifySignature(
  crypto: CryptoSuite,
  claim: { readonly peer: PeerId; readonly signature: Uint8Array; readonly bytes: Uint8Array },
): Promise<boolean> {
  const publicKey = bytesFromId(claim.peer)
  if (!isAcceptablePublicKey(publicKey) || !isCanonicalSignature(claim.signature)) return false
  return crypto.verify(publicKey, claim.signature, claim.bytes)
}

/** The id of the network called `name`: SHA-256("musubi network 1" ‖ name in UTF-8). */
export async function networkIdOf(name: string, crypto?: CryptoSuite): Promise<NetworkId> {
  const suite = crypto ?? (await loadCrypto())
  return idFromBytes<NetworkId>(suite.sha256(utf8(`musubi network 1${name}`)))
}

/** The id of the topic called `name` in a network: SHA-256("musubi topic 1" ‖ network id ‖ name in UTF-8). */
export function topicIdOf(name: string, network: NetworkId, crypto: CryptoSuite): TopicId {
  return idFromBytes<TopicId>(crypto.sha256(concat(utf8('musubi topic 1'), bytesFromId(network), utf8(name))))
}

/** An id's two public keys. */
export interface PeerKeys {
  /** Ed25519: the id as bytes. */
  readonly ed25519: Uint8Array
  readonly x25519: Uint8Array
}

/** Conversions cost 40 µs, and a peer writes to the same few again and again. Guess: the neighbours and a few calls. */
const PEER_KEYS_MAX = 512

/** Converts ids to keys and remembers the last 512; the oldest goes first. */
export class PeerKeyCache {
  readonly #keys = new Map<PeerId, PeerKeys | null>()

  /** Null for ids that are no acceptable key: non-canonical, or of small order. */
  get(peer: PeerId): PeerKeys | null {
    const known = this.#keys.get(peer)
    if (known !== undefined) return known
    const ed25519 = bytesFromId(peer)
    const x25519 = montgomeryFromEdwards(ed25519)
    const keys = x25519 && { ed25519, x25519 }
    evictOldest(this.#keys, PEER_KEYS_MAX)
    this.#keys.set(peer, keys)
    return keys
  }

  get size(): number {
    return this.#keys.size
  }
}

/** `parts` behind a tag that keeps signatures made for one purpose from serving another. */
export function signedBytes(tag: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return concat(utf8(tag), ...parts)
}
