/**
 * One sealed message that stands on its own: HPKE to its target, and inside it the source, an expiry and the source's
 * signature. Also what all of sealing shares: body types, the window of time, the bytes that bind a body to its place,
 * and `Refused`. Bytes: docs/PROTOCOL.md, "Sealing".
 */

import { RecentMap } from '../core/bounded.ts'
import type { Message } from '../core/frames.ts'
import type { Instant, Key, MessageId, NetworkId, PeerId } from '../core/ids.ts'
import type { OpenJob, RefusedReason, SealJob } from '../core/io.ts'
import { bytesFromId, idFromBytes } from '../wire/ids.ts'
import { decodeMessage, encodeMessage } from '../wire/messages.ts'
import { concat, readU64, u64, utf8 } from './crypto/bytes.ts'
import { type HpkeContext, setupRecipient, setupSender } from './crypto/hpke.ts'
import { AEAD_TAG_BYTES, type CryptoSuite, type DhKey, KEY_BYTES, SIGNATURE_BYTES } from './crypto/suite.ts'
import { type Identity, PeerKeyCache, signedBytes, verifySignature } from './identity.ts'

/** A message lives this long: DESIGN §2, "expiry at most 60 s ahead". */
export const LIFETIME_MS = 60_000
/** Two clocks may differ by this much: DESIGN §2. */
export const SKEW_MS = 30_000
/**
 * Requests remembered, and reply keys kept, at least (at most twice as many), each for two minutes, which is how long
 * a request from a clock that is 30 s ahead stays acceptable: DESIGN §2.
 */
const REMEMBERED_MAX = 4_096
const REMEMBERED_MS = 2 * (LIFETIME_MS / 2 + SKEW_MS)

/** First byte of a sealed body. */
export const TYPE = {
  request: 1,
  inSession: 2,
  offer: 3,
  replyInSession: 4,
  replyAndSession: 5,
  reply: 6,
  sessionLost: 0xff,
} as const
export type EnvelopeType = typeof TYPE.request | typeof TYPE.offer

/** What a source signs begins with one of these. */
const SIGNED = { [TYPE.request]: 'musubi request 1', [TYPE.offer]: 'musubi offer 1' } as const
const INFO = utf8('musubi seal 1')
const EMPTY = new Uint8Array(0)

export const TIME_BYTES = 8
/** Expiry and flags. */
const HEAD_BYTES = TIME_BYTES + 1
/** Before the message inside HPKE: source, head, signature. */
const INNER_BYTES = KEY_BYTES + HEAD_BYTES + SIGNATURE_BYTES
/** The source asks for a session: the reply shall carry an ephemeral key. */
export const FLAG_SESSION = 1

/** Sealed or signed bytes that are not accepted, or a seal that cannot be made; `reason` is what gets counted. */
export class Refused extends Error {
  readonly reason: RefusedReason

  constructor(reason: RefusedReason) {
    super(`refused: ${reason}`)
    this.name = 'Refused'
    this.reason = reason
  }
}

export interface SealerOptions {
  readonly identity: Identity
  readonly network: NetworkId
  readonly crypto: CryptoSuite
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
}

/** RecentMap forgets in halves: at least `REMEMBERED_MAX` of the latest, at most twice as many. */
export function remembered<K, V>(): RecentMap<K, V> {
  return new RecentMap<K, V>({ max: 2 * REMEMBERED_MAX, keepMs: REMEMBERED_MS })
}

export interface SealedEnvelope {
  readonly body: Uint8Array
  readonly context: HpkeContext
  /** The private half of `context.enc`: a session takes it further. */
  readonly ephemeral: DhKey
}

export interface OpenedEnvelope {
  readonly source: PeerId
  readonly message: Message
  readonly flags: number
  readonly context: HpkeContext
}

/** Seals and opens envelopes for one identity in one network, each of them once. */
export class Envelopes {
  readonly identity: Identity
  readonly crypto: CryptoSuite
  readonly #network: Uint8Array
  readonly #clock: () => number
  readonly #peerKeys = new PeerKeyCache()
  /** What was opened: requests by id and source, replies to lookups by id and `enc`. */
  readonly #seen = remembered<string, true>()

  constructor(options: SealerOptions) {
    this.identity = options.identity
    this.crypto = options.crypto
    this.#network = bytesFromId(options.network)
    this.#clock = options.now
  }

  get now(): Instant {
    return this.#clock() as Instant
  }

  get seenCount(): number {
    return this.#seen.size
  }

  /** HPKE to the target, with our id, an expiry and our signature inside. Refused: 'target', a key nobody may have. */
  async seal(type: EnvelopeType, job: SealJob, flags: number): Promise<SealedEnvelope> {
    const target = this.#peerKeys.get(job.target)
    if (target === null) throw new Refused('target')
    const ephemeral = await this.crypto.generateDhKey()
    const enc = ephemeral.publicKey
    const place = this.place(type, job.id, target.ed25519)
    const head = concat(this.expiry(), Uint8Array.of(flags))
    const message = encodeMessage(job.message)
    // At once: with WebCrypto both wait for other threads.
    const [context, signature] = await Promise.all([
      setupSender(this.crypto, { recipient: target.x25519, ephemeral }, concat(INFO, place)),
      this.identity.sign(signedBytes(SIGNED[type], place, head, enc, message)),
    ])
    if (context === null) throw new Refused('target')
    const ciphertext = await context.seal(concat(this.identity.publicKey, head, signature, message), EMPTY)
    return { body: concat(Uint8Array.of(type), enc, ciphertext), context, ephemeral }
  }

  /** The reverse. Cheap checks first, the signature last; only what passed is remembered, so nobody can fill the window. */
  async open(type: EnvelopeType, job: OpenJob, body: Uint8Array): Promise<OpenedEnvelope> {
    if (body[0] !== type || body.length < 1 + KEY_BYTES + INNER_BYTES + AEAD_TAG_BYTES) throw new Refused('malformed')
    const place = this.place(type, job.id, this.identity.publicKey)
    const keys = { enc: body.slice(1, 1 + KEY_BYTES), recipient: this.identity.dhKey }
    const context = await setupRecipient(this.crypto, keys, concat(INFO, place))
    const inner = context && (await context.open(body.subarray(1 + KEY_BYTES), EMPTY))
    if (context === null || inner === null) throw new Refused('undecryptable')

    const source = idFromBytes<PeerId>(inner)
    const head = inner.subarray(KEY_BYTES, KEY_BYTES + HEAD_BYTES)
    const signature = inner.subarray(KEY_BYTES + HEAD_BYTES, INNER_BYTES)
    const encoded = inner.subarray(INNER_BYTES)
    const flags = head[TIME_BYTES]!
    this.checkExpiry(readU64(head, 0))
    // A lookup may get several replies from one peer (an offer, then candidates), so these are told apart by `enc`.
    const once = `${type}${job.id}${type === TYPE.offer ? idFromBytes(keys.enc) : source}`
    if (this.#seen.has(once)) throw new Refused('replayed')
    const message = decodeMessage(encoded)
    if (message === null || flags > FLAG_SESSION) throw new Refused('malformed')
    const bytes = signedBytes(SIGNED[type], place, head, keys.enc, encoded)
    if (!(await verifySignature(this.crypto, { peer: source, signature, bytes }))) throw new Refused('signature')
    // Asked again: another copy may have been opened meanwhile.
    if (this.#seen.has(once)) throw new Refused('replayed')
    this.#seen.set(once, true, this.now)
    return { source, message, flags, context }
  }

  /** Type, network, whom it is for, message id (81 bytes): a body moved to another place does not open there. */
  place(type: number, id: MessageId, target: Uint8Array): Uint8Array {
    return concat(Uint8Array.of(type), this.#network, target, bytesFromId(id))
  }

  /** A broadcast's place is the whole network, or a topic of it. */
  broadcastBytes(
    { tree, id }: { readonly tree: Key; readonly id: MessageId },
    time: Uint8Array,
    payload: Uint8Array,
  ): Uint8Array {
    return signedBytes('musubi broadcast 1', bytesFromId(tree), bytesFromId(id), time, payload)
  }

  expiry(): Uint8Array {
    return u64(this.#clock() + LIFETIME_MS)
  }

  checkExpiry(expiry: number): void {
    const now = this.#clock()
    if (expiry < now - SKEW_MS) throw new Refused('expired')
    if (expiry > now + LIFETIME_MS + SKEW_MS) throw new Refused('future')
  }
}
