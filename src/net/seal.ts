/**
 * Seals what travels through strangers and opens what comes from them (DESIGN §2): relays see a target, a random
 * message id and a size. Requests to a peer go out under HPKE (RFC 9180) with the source's signature inside, or in a
 * running session; replies under keys that the request left behind (as RFC 9458 §4.4 does), which only its target
 * could know, so they need no signature. Broadcasts are signed in the open.
 *
 * Bytes and key derivation: docs/PROTOCOL.md, "Sealing". Rate limits come before this file: opening costs 0.3 ms.
 */

import { RecentMap } from '../core/bounded.ts'
import type { Body, Message } from '../core/frames.ts'
import type { Instant, MessageId, NetworkId, PeerId } from '../core/ids.ts'
import type { OpenJob, RefusedReason, SealJob, VerifyJob } from '../core/io.ts'
import { bytesFromId, idFromBytes } from '../wire/ids.ts'
import { decodeMessage, encodeMessage } from '../wire/messages.ts'
import { concat, equalBytes, readU64, u64, utf8 } from './crypto/bytes.ts'
import { hkdfExpand, hkdfExtract } from './crypto/hkdf.ts'
import { type HpkeContext, setupRecipient, setupSender } from './crypto/hpke.ts'
import {
  type Aead,
  AEAD_KEY_BYTES,
  AEAD_TAG_BYTES,
  type CryptoSuite,
  type DhKey,
  KEY_BYTES,
  SIGNATURE_BYTES,
} from './crypto/suite.ts'
import { type Identity, PeerKeyCache, signedBytes, verifySignature } from './identity.ts'
import { deriveSessionKeys, replyNonce, requestNonce, SessionTable, TAG_BYTES } from './session.ts'

/** A message lives this long: DESIGN §2, "expiry at most 60 s ahead". */
export const LIFETIME_MS = 60_000
/** Two clocks may differ by this much: DESIGN §2. */
export const SKEW_MS = 30_000
/** Requests remembered, and reply keys kept, at least (at most twice as many), each for two minutes: DESIGN §2. */
const REMEMBERED_MAX = 4_096
const REMEMBERED_MS = 120_000
/** After asking for a session, for so long nobody else asks for one with the same peer. Guess: a slow answer. */
const ASKED_MS = 5_000
const ASKED_MAX = 256
/** Replies to one request: an answer, two batches of candidates, renegotiations; each perhaps several times. */
const REPLIES_MAX = 256

/** First byte of a sealed body. */
const TYPE = {
  request: 1,
  inSession: 2,
  offer: 3,
  replyInSession: 4,
  replyAndSession: 5,
  reply: 6,
  sessionLost: 0xff,
} as const
type SealedType = typeof TYPE.request | typeof TYPE.offer
type ReplyType = typeof TYPE.replyInSession | typeof TYPE.replyAndSession | typeof TYPE.reply

/** What a source signs begins with one of these. */
const SIGNED = { [TYPE.request]: 'musubi request 1', [TYPE.offer]: 'musubi offer 1' } as const
const SIGNED_BROADCAST = 'musubi broadcast 1'

const EMPTY = new Uint8Array(0)
const TIME_BYTES = 8
/** Before the message inside HPKE: source, expiry, flags, signature. */
const INNER_BYTES = KEY_BYTES + TIME_BYTES + 1 + SIGNATURE_BYTES
/** The source asks for a session: the reply shall carry an ephemeral key. */
const FLAG_SESSION = 1
/** Between a reply's index and its ciphertext: nothing, the responder's ephemeral key, or a random salt. */
const SALT_BYTES = { [TYPE.replyInSession]: 0, [TYPE.replyAndSession]: KEY_BYTES, [TYPE.reply]: 16 } as const
const BROADCAST_BYTES = KEY_BYTES + TIME_BYTES + SIGNATURE_BYTES

/** Sealed or signed bytes that are not accepted, or a seal that cannot be made; `reason` is what gets counted. */
export class Refused extends Error {
  readonly reason: RefusedReason

  constructor(reason: RefusedReason) {
    super(`refused: ${reason}`)
    this.name = 'Refused'
    this.reason = reason
  }
}

/** The reply to a request in a session that we do not have. Not sealed: there is no key. The other side starts anew. */
export function sessionLostBody(): Uint8Array {
  return Uint8Array.of(TYPE.sessionLost)
}

/** How replies to one request are sealed. */
interface ReplyKey {
  readonly type: ReplyType
  readonly salt: Uint8Array
  readonly aead: Aead
}

/** A request that we have opened and may answer. */
interface OpenedRequest {
  /** Its number in its session; 0 outside of sessions. */
  readonly counter: number
  /** Made when the first reply is sealed: many requests get none. */
  key: Promise<ReplyKey> | null
  readonly makeKey: () => Promise<ReplyKey>
  nextIndex: number
}

/** A request that we have sealed and whose replies we can open. */
interface SentRequest {
  readonly target: PeerId
  readonly counter: number
  readonly replyType: ReplyType
  /** Indexes of the replies that have been opened. */
  readonly opened: Set<number>
  /** The key that goes with a reply's salt; null if the salt is no good. `confirm`: a reply has opened under it. */
  keyFor(salt: Uint8Array): Promise<{ readonly aead: Aead; confirm(): void } | null>
}

interface SealerOptions {
  readonly identity: Identity
  readonly network: NetworkId
  readonly crypto: CryptoSuite
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
}

/** Holds one identity's sessions, reply keys and replay window; all bounded. Rejects with `Refused` only. */
export class Sealer {
  private readonly identity: Identity
  private readonly crypto: CryptoSuite
  private readonly network: Uint8Array
  private readonly clock: () => number
  private readonly peerKeys = new PeerKeyCache()
  private readonly sessions: SessionTable
  /** HPKE requests and offers that were opened, by type, id and source. Session tags see to themselves. */
  private readonly seen = remembered<string, true>()
  private readonly opened = new ReplyTable<string, OpenedRequest>()
  private readonly sent = new ReplyTable<MessageId, SentRequest>()
  private readonly asked = new RecentMap<PeerId, true>({ max: 2 * ASKED_MAX, keepMs: ASKED_MS })

  constructor(options: SealerOptions) {
    this.identity = options.identity
    this.crypto = options.crypto
    this.network = bytesFromId(options.network)
    this.clock = options.now
    this.sessions = new SessionTable(options.crypto)
  }

  /** Table sizes, for `inspect` and for tests of their bounds. */
  get size(): {
    readonly seen: number
    readonly opened: number
    readonly sent: number
    readonly sessions: number
    readonly tags: number
  } {
    return { seen: this.seen.size, opened: this.opened.size, sent: this.sent.size, ...this.sessions.size }
  }

  /**
   * The body for a message. Refused: 'target' if the target's id is no acceptable key; 'expired' if an answer comes
   * after the key of its request has been forgotten, or is the 257th.
   */
  async seal(job: SealJob): Promise<Uint8Array> {
    switch (job.as) {
      case 'request':
        return this.sealRequest(job)
      case 'answer':
        return this.sealAnswer(job)
      case 'offer':
        return (await this.sealFor(TYPE.offer, job, 0)).body
    }
  }

  /** Who sent what. Refused with the reason otherwise. */
  async open(job: OpenJob): Promise<{ source: PeerId; message: Message }> {
    const body = bytesOf(job.body)
    if (job.as === 'reply') return job.from === null ? this.openOffer(job, body) : this.openReply(job, body)
    switch (body[0]) {
      case TYPE.request:
        return this.openRequest(job, body)
      case TYPE.inSession:
        return this.openInSession(job, body)
      default:
        throw new Refused('malformed')
    }
  }

  /** A broadcast's body: source, time, signature, payload. */
  async sign(id: MessageId, payload: Body): Promise<Uint8Array> {
    const bytes = bytesOf(payload)
    const time = u64(this.clock())
    const signature = await this.identity.sign(this.broadcastBytes(id, time, bytes))
    return concat(this.identity.publicKey, time, signature, bytes)
  }

  /** Who broadcast what. Another network's broadcast shows as 'signature': the network is signed, not sent. */
  async verify(job: VerifyJob): Promise<{ source: PeerId; payload: Uint8Array }> {
    const body = bytesOf(job.body)
    if (body.length < BROADCAST_BYTES) throw new Refused('malformed')
    const source = idFromBytes<PeerId>(body)
    const time = body.subarray(KEY_BYTES, KEY_BYTES + TIME_BYTES)
    const signature = body.subarray(KEY_BYTES + TIME_BYTES, BROADCAST_BYTES)
    const payload = body.subarray(BROADCAST_BYTES)
    this.checkExpiry(readU64(time, 0) + LIFETIME_MS)
    const bytes = this.broadcastBytes(job.id, time, payload)
    if (!(await verifySignature(this.crypto, { peer: source, signature, bytes }))) throw new Refused('signature')
    return { source, payload }
  }

  // Requests.

  private async sealRequest(job: SealJob): Promise<Uint8Array> {
    const outgoing = job.isFresh ? null : this.sessions.take(job.target, this.now)
    if (outgoing === null) return this.sealFreshRequest(job)
    const { session, counter, tag } = outgoing
    this.sent.set(job.id, job.message, this.now, {
      target: job.target,
      counter,
      replyType: TYPE.replyInSession,
      opened: new Set(),
      keyFor: async () => ({ aead: session.keys.receive, confirm: () => {} }),
    })
    const plaintext = concat(this.expiry(), encodeMessage(job.message))
    const aad = this.aad(TYPE.inSession, job.id, bytesFromId(job.target))
    const ciphertext = await session.keys.send.seal(requestNonce(counter), plaintext, aad)
    return concat(Uint8Array.of(TYPE.inSession), tag, ciphertext)
  }

  private async sealFreshRequest(job: SealJob): Promise<Uint8Array> {
    this.asked.rotate(this.now)
    const wantsSession = !this.asked.has(job.target)
    if (wantsSession) this.asked.set(job.target, true, this.now)
    const { body, context, ephemeral } = await this.sealFor(TYPE.request, job, wantsSession ? FLAG_SESSION : 0)
    this.sent.set(job.id, job.message, this.now, {
      target: job.target,
      counter: 0,
      replyType: wantsSession ? TYPE.replyAndSession : TYPE.reply,
      opened: new Set(),
      keyFor: wantsSession
        ? this.initiatorKeys(job.target, context, ephemeral)
        : async (salt) => ({ aead: await this.singleReplyKey(context, salt), confirm: () => {} }),
    })
    return body
  }

  /** HPKE to the target, with our id, an expiry and our signature inside. */
  private async sealFor(
    type: SealedType,
    job: SealJob,
    flags: number,
  ): Promise<{ body: Uint8Array; context: HpkeContext; ephemeral: DhKey }> {
    const target = this.peerKeys.get(job.target)
    if (target === null) throw new Refused('target')
    const ephemeral = await this.crypto.generateDhKey()
    const enc = ephemeral.publicKey
    const head = concat(this.expiry(), Uint8Array.of(flags))
    const message = encodeMessage(job.message)
    // At once: with WebCrypto both wait for other threads.
    const [context, signature] = await Promise.all([
      setupSender(this.crypto, { recipient: target.x25519, ephemeral }, this.info(type, job.id, target.ed25519)),
      this.identity.sign(this.requestBytes(type, job.id, target.ed25519, { head, enc, message })),
    ])
    if (context === null) throw new Refused('target')
    const ciphertext = await context.seal(concat(this.identity.publicKey, head, signature, message), EMPTY)
    return { body: concat(Uint8Array.of(type), enc, ciphertext), context, ephemeral }
  }

  private async openRequest(job: OpenJob, body: Uint8Array): Promise<{ source: PeerId; message: Message }> {
    const { source, message, flags, context } = await this.openFor(TYPE.request, job, body)
    const makeKey =
      flags === FLAG_SESSION
        ? () => this.responderKey(source, context)
        : async () => {
            const salt = this.crypto.randomBytes(SALT_BYTES[TYPE.reply])
            return { type: TYPE.reply, salt, aead: await this.singleReplyKey(context, salt) }
          }
    this.opened.set(job.id + source, message, this.now, { counter: 0, key: null, makeKey, nextIndex: 0 })
    return { source, message }
  }

  private async openOffer(job: OpenJob, body: Uint8Array): Promise<{ source: PeerId; message: Message }> {
    if (body[0] !== TYPE.offer) throw new Refused('malformed')
    const { source, message } = await this.openFor(TYPE.offer, job, body)
    return { source, message }
  }

  /** The reverse of `sealFor`. Cheap checks first, the signature last, and only then is the id remembered. */
  private async openFor(
    type: SealedType,
    job: OpenJob,
    body: Uint8Array,
  ): Promise<{ source: PeerId; message: Message; flags: number; context: HpkeContext }> {
    if (body.length < 1 + KEY_BYTES + INNER_BYTES + AEAD_TAG_BYTES) throw new Refused('malformed')
    const enc = body.slice(1, 1 + KEY_BYTES)
    const us = this.identity.publicKey
    const keys = { enc, recipient: this.identity.dhKey }
    const context = await setupRecipient(this.crypto, keys, this.info(type, job.id, us))
    const inner = context && (await context.open(body.subarray(1 + KEY_BYTES), EMPTY))
    if (context === null || inner === null) throw new Refused('undecryptable')

    const source = idFromBytes<PeerId>(inner)
    const head = inner.subarray(KEY_BYTES, KEY_BYTES + TIME_BYTES + 1)
    const signature = inner.subarray(KEY_BYTES + TIME_BYTES + 1, INNER_BYTES)
    const encoded = inner.subarray(INNER_BYTES)
    const flags = head[TIME_BYTES]!
    this.checkExpiry(readU64(head, 0))
    const once = `${type}${job.id}${source}`
    if (this.seen.has(once)) throw new Refused('replayed')
    const message = decodeMessage(encoded)
    if (message === null || flags > FLAG_SESSION) throw new Refused('malformed')
    const bytes = this.requestBytes(type, job.id, us, { head, enc, message: encoded })
    if (!(await verifySignature(this.crypto, { peer: source, signature, bytes }))) throw new Refused('signature')
    // Asked again: another copy may have been opened meanwhile.
    if (this.seen.has(once)) throw new Refused('replayed')
    this.seen.set(once, true, this.now)
    return { source, message, flags, context }
  }

  private async openInSession(job: OpenJob, body: Uint8Array): Promise<{ source: PeerId; message: Message }> {
    if (body.length < 1 + TAG_BYTES + TIME_BYTES + AEAD_TAG_BYTES) throw new Refused('malformed')
    const tag = body.subarray(1, 1 + TAG_BYTES)
    const incoming = this.sessions.find(tag, this.now)
    if (incoming === null) throw new Refused('session')
    if (incoming.isUsed) throw new Refused('replayed')
    const { session, counter } = incoming
    const aad = this.aad(TYPE.inSession, job.id, this.identity.publicKey)
    const plaintext = await session.keys.receive.open(requestNonce(counter), body.subarray(1 + TAG_BYTES), aad)
    if (plaintext === null) throw new Refused('undecryptable')
    this.checkExpiry(readU64(plaintext, 0))
    const message = decodeMessage(plaintext.subarray(TIME_BYTES))
    if (message === null) throw new Refused('malformed')
    if (!this.sessions.markOpened(tag)) throw new Refused('replayed')
    const makeKey = async (): Promise<ReplyKey> => ({
      type: TYPE.replyInSession,
      salt: EMPTY,
      aead: session.keys.send,
    })
    this.opened.set(job.id + session.peer, message, this.now, { counter, key: null, makeKey, nextIndex: 0 })
    return { source: session.peer, message }
  }

  // Replies.

  private async sealAnswer(job: SealJob): Promise<Uint8Array> {
    const request = this.opened.get(job.id + job.target)
    if (request === undefined || request.nextIndex >= REPLIES_MAX) throw new Refused('expired')
    const index = request.nextIndex++
    const { type, salt, aead } = await (request.key ??= request.makeKey())
    const aad = this.aad(type, job.id, bytesFromId(job.target))
    const ciphertext = await aead.seal(replyNonce(request.counter, index), encodeMessage(job.message), aad)
    return concat(Uint8Array.of(type, index), salt, ciphertext)
  }

  private async openReply(job: OpenJob, body: Uint8Array): Promise<{ source: PeerId; message: Message }> {
    const request = this.sent.get(job.id)
    if (request === undefined) throw new Refused('expired')
    if (request.target !== job.from) throw new Refused('target')
    const type = request.replyType
    if (body.length === 1 && body[0] === TYPE.sessionLost && type === TYPE.replyInSession) throw new Refused('session')
    const saltEnd = 2 + SALT_BYTES[type]
    if (body[0] !== type || body.length < saltEnd + AEAD_TAG_BYTES) throw new Refused('malformed')
    const index = body[1]!
    if (request.opened.has(index)) throw new Refused('replayed')
    const key = await request.keyFor(body.slice(2, saltEnd))
    const aad = this.aad(type, job.id, this.identity.publicKey)
    const plaintext = key && (await key.aead.open(replyNonce(request.counter, index), body.subarray(saltEnd), aad))
    if (key === null || plaintext === null) throw new Refused('undecryptable')
    const message = decodeMessage(plaintext)
    if (message === null) throw new Refused('malformed')
    // Asked again: another copy may have been opened meanwhile.
    if (request.opened.has(index)) throw new Refused('replayed')
    request.opened.add(index)
    key.confirm()
    return { source: request.target, message }
  }

  /** Ends a request that asked for a session: our ephemeral key goes into the reply, and the session stands on our side. */
  private async responderKey(peer: PeerId, context: HpkeContext): Promise<ReplyKey> {
    const ephemeral = await this.crypto.generateDhKey()
    const shared = await ephemeral.agree(context.enc)
    if (shared === null) throw new Refused('undecryptable')
    const secrets = { exported: sessionExport(context), shared, ephemeral: ephemeral.publicKey }
    const keys = await deriveSessionKeys(this.crypto, secrets, { isInitiator: false })
    this.sessions.add(peer, keys, false, this.now)
    return { type: TYPE.replyAndSession, salt: ephemeral.publicKey, aead: keys.send }
  }

  /** The other half: the first reply that opens makes the session, later ones repeat its ephemeral key. */
  private initiatorKeys(peer: PeerId, context: HpkeContext, ephemeral: DhKey): SentRequest['keyFor'] {
    let begun: { readonly salt: Uint8Array; readonly aead: Aead } | null = null
    return async (salt) => {
      if (begun !== null) return equalBytes(begun.salt, salt) ? { aead: begun.aead, confirm: () => {} } : null
      const shared = await ephemeral.agree(salt)
      if (shared === null) return null
      const secrets = { exported: sessionExport(context), shared, ephemeral: salt }
      const keys = await deriveSessionKeys(this.crypto, secrets, { isInitiator: true })
      const confirm = (): void => {
        if (begun !== null) return
        begun = { salt, aead: keys.receive }
        this.sessions.add(peer, keys, true, this.now)
        this.asked.delete(peer)
      }
      return { aead: keys.receive, confirm }
    }
  }

  /** For replies outside of sessions (RFC 9458 §4.4): the salt is random, so a request opened twice repeats no nonce. */
  private singleReplyKey(context: HpkeContext, salt: Uint8Array): Promise<Aead> {
    const prk = hkdfExtract(this.crypto, salt, context.export(utf8('musubi reply 1'), 32))
    return this.crypto.aead(hkdfExpand(this.crypto, prk, utf8('key'), AEAD_KEY_BYTES))
  }

  // Bytes that bind things together.

  private info(type: SealedType, id: MessageId, target: Uint8Array): Uint8Array {
    return concat(utf8('musubi seal 1'), this.aad(type, id, target))
  }

  /** Type, network, whom it is for, message id: a body moved to another place does not open there. */
  private aad(type: number, id: MessageId, target: Uint8Array): Uint8Array {
    return concat(Uint8Array.of(type), this.network, target, bytesFromId(id))
  }

  private requestBytes(
    type: SealedType,
    id: MessageId,
    target: Uint8Array,
    parts: { readonly head: Uint8Array; readonly enc: Uint8Array; readonly message: Uint8Array },
  ): Uint8Array {
    return signedBytes(SIGNED[type], this.network, target, bytesFromId(id), parts.head, parts.enc, parts.message)
  }

  private broadcastBytes(id: MessageId, time: Uint8Array, payload: Uint8Array): Uint8Array {
    return signedBytes(SIGNED_BROADCAST, this.network, bytesFromId(id), time, payload)
  }

  private expiry(): Uint8Array {
    return u64(this.clock() + LIFETIME_MS)
  }

  private checkExpiry(expiry: number): void {
    const now = this.clock()
    if (expiry < now - SKEW_MS) throw new Refused('expired')
    if (expiry > now + LIFETIME_MS + SKEW_MS) throw new Refused('future')
  }

  private get now(): Instant {
    return this.clock() as Instant
  }
}

/**
 * Requests by id, until their replies are done. Signaling has a table of its own: a burst of thousands of data messages
 * must not make us forget the keys for candidates that are still on their way.
 */
class ReplyTable<K, V> {
  private readonly data = remembered<K, V>()
  private readonly signaling = remembered<K, V>()

  get size(): number {
    return this.data.size + this.signaling.size
  }

  get(key: K): V | undefined {
    return this.data.get(key) ?? this.signaling.get(key)
  }

  set(key: K, message: Message, now: Instant, value: V): void {
    const table = message.kind === 'data' ? this.data : this.signaling
    table.set(key, value, now)
  }
}

/** RecentMap forgets in halves: at least `REMEMBERED_MAX` of the latest, at most twice as many. */
function remembered<K, V>(): RecentMap<K, V> {
  return new RecentMap<K, V>({ max: 2 * REMEMBERED_MAX, keepMs: REMEMBERED_MS })
}

function sessionExport(context: HpkeContext): Uint8Array {
  return context.export(utf8('musubi session 1'), 32)
}

function bytesOf(body: Body): Uint8Array {
  if (body instanceof Uint8Array) return body
  throw new Refused('malformed')
}
