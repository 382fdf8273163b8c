/**
 * Replies: sealed under keys that a request left behind on both sides (as RFC 9458 §4.4 does). Only the request's target
 * could make one, so replies carry no signature. The first reply to a request that asked for a session also begins it.
 * Bytes: docs/PROTOCOL.md, "Sealing".
 */

import type { RecentMap } from '../core/bounded.ts'
import type { Message } from '../core/frames.ts'
import type { Instant, MessageId, PeerId } from '../core/ids.ts'
import type { OpenJob, SealJob } from '../core/io.ts'
import { bytesFromId } from '../wire/ids.ts'
import { decodeMessage, encodeMessage } from '../wire/messages.ts'
import { concat, equalBytes, utf8 } from './crypto/bytes.ts'
import { hkdfExpand, hkdfExtract } from './crypto/hkdf.ts'
import type { HpkeContext } from './crypto/hpke.ts'
import { type Aead, AEAD_KEY_BYTES, AEAD_TAG_BYTES, KEY_BYTES } from './crypto/suite.ts'
import {
  type Envelopes,
  FLAG_SESSION,
  type OpenedEnvelope,
  Refused,
  remembered,
  type SealedEnvelope,
  TYPE,
} from './seal-envelope.ts'
import { deriveSessionKeys, type OutgoingRequest, replyNonce, type Session, type SessionTable } from './session.ts'

/** Replies to one request: an answer, two batches of candidates, renegotiations; each perhaps several times. */
const REPLIES_MAX = 256

const EMPTY = new Uint8Array(0)
/** Between a reply's index and its ciphertext: nothing, the responder's ephemeral key, or a random salt. */
const SALT_BYTES = { [TYPE.replyInSession]: 0, [TYPE.replyAndSession]: KEY_BYTES, [TYPE.reply]: 16 } as const
type ReplyType = keyof typeof SALT_BYTES

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
  readonly makeKey: () => Promise<ReplyKey>
  /** Made when the first reply is sealed: many requests get none. */
  key: Promise<ReplyKey> | null
  nextIndex: number
}

/** A request that we have sealed and whose replies we can open. */
interface SentRequest {
  readonly target: PeerId
  readonly counter: number
  readonly replyType: ReplyType
  /** The key that goes with a reply's salt; null if the salt is no good. */
  readonly keyFor: (salt: Uint8Array) => Promise<OpeningKey | null>
  /** Indexes of the replies that have been opened. */
  readonly opened: Set<number>
  /**
   * The same request as it was sealed before, in a session that the target is said to have lost. That may be a lie: then
   * the target has opened it all the same, and repeats its reply to that.
   */
  readonly former: SentRequest | null
}

interface OpeningKey {
  readonly aead: Aead
  /** A reply has opened under it, so it is the real one. */
  confirm?(): void
}

/** Reply keys of both kinds, bounded: see `ReplyTable`. */
export class Replies {
  readonly #envelopes: Envelopes
  readonly #sessions: SessionTable
  readonly #opened = new ReplyTable<string, OpenedRequest>()
  readonly #sent = new ReplyTable<MessageId, SentRequest>()

  constructor(envelopes: Envelopes, sessions: SessionTable) {
    this.#envelopes = envelopes
    this.#sessions = sessions
  }

  get size(): { readonly opened: number; readonly sent: number } {
    return { opened: this.#opened.size, sent: this.#sent.size }
  }

  /** We have sealed a request in a session. */
  expectInSession(job: SealJob, { session, counter }: OutgoingRequest): void {
    const keyFor = async (): Promise<OpeningKey> => ({ aead: session.keys.receive })
    this.#expect(job, { counter, replyType: TYPE.replyInSession, keyFor })
  }

  /** We have sealed a request outside of sessions. `begun` is called when a reply begins the session we asked for. */
  expectOutside(job: SealJob, envelope: SealedEnvelope, options: { readonly begun: (() => void) | null }): void {
    const { context } = envelope
    if (options.begun) {
      const keyFor = this.#initiatorKeys(job.target, envelope, options.begun)
      this.#expect(job, { counter: 0, replyType: TYPE.replyAndSession, keyFor })
    } else {
      const keyFor = async (salt: Uint8Array): Promise<OpeningKey> => ({ aead: await this.#singleKey(context, salt) })
      this.#expect(job, { counter: 0, replyType: TYPE.reply, keyFor })
    }
  }

  /** We have opened a request in a session. */
  allowInSession(job: OpenJob, message: Message, { session, counter }: { session: Session; counter: number }): void {
    const key: ReplyKey = { type: TYPE.replyInSession, salt: EMPTY, aead: session.keys.send }
    this.#allow(job, session.peer, message, { counter, makeKey: async () => key })
  }

  /** We have opened a request outside of sessions. */
  allowOutside(job: OpenJob, { source, message, flags, context }: OpenedEnvelope): void {
    const makeKey = (): Promise<ReplyKey> =>
      flags === FLAG_SESSION ? this.#responderKey(source, context) : this.#saltedKey(context)
    this.#allow(job, source, message, { counter: 0, makeKey })
  }

  /** Refused: 'expired' if the request's key has been forgotten, or for the 257th reply. */
  async seal(job: SealJob): Promise<Uint8Array> {
    const request = this.#opened.get(job.id + job.target)
    if (request === undefined || request.nextIndex >= REPLIES_MAX) throw new Refused('expired')
    const index = request.nextIndex++
    const { type, salt, aead } = await (request.key ??= request.makeKey())
    const place = this.#envelopes.place(type, job.id, bytesFromId(job.target))
    const ciphertext = await aead.seal(replyNonce(request.counter, index), encodeMessage(job.message), place)
    return concat(Uint8Array.of(type, index), salt, ciphertext)
  }

  /** Refused: 'expired' for a reply to nothing that we remember, 'session' if the target has lost the session. */
  async open(job: OpenJob, body: Uint8Array): Promise<{ source: PeerId; message: Message }> {
    const latest = this.#sent.get(job.id)
    if (latest === undefined) throw new Refused('expired')
    if (latest.target !== job.from) throw new Refused('target')
    const isSession = latest.replyType === TYPE.replyInSession
    if (body.length === 1 && body[0] === TYPE.sessionLost && isSession) throw new Refused('session')
    const { former } = latest
    const isFormer = former !== null && former.replyType === body[0] && latest.replyType !== body[0]
    const request = isFormer ? former : latest
    const type = request.replyType
    const start = 2 + SALT_BYTES[type]
    if (body[0] !== type || body.length < start + AEAD_TAG_BYTES) throw new Refused('malformed')
    const index = body[1]!
    if (request.opened.has(index)) throw new Refused('replayed')

    const key = await request.keyFor(body.slice(2, start))
    const place = this.#envelopes.place(type, job.id, this.#envelopes.identity.publicKey)
    const plaintext = key && (await key.aead.open(replyNonce(request.counter, index), body.subarray(start), place))
    if (key === null || plaintext === null) throw new Refused('undecryptable')
    const message = decodeMessage(plaintext)
    if (message === null) throw new Refused('malformed')
    // Asked again: another copy may have been opened meanwhile.
    if (request.opened.has(index)) throw new Refused('replayed')
    request.opened.add(index)
    key.confirm?.()
    return { source: request.target, message }
  }

  #expect(job: SealJob, request: Pick<SentRequest, 'counter' | 'replyType' | 'keyFor'>): void {
    const before = this.#sent.get(job.id)
    const former = before?.target === job.target ? { ...before, former: null } : null
    const sent: SentRequest = { ...request, target: job.target, opened: new Set(), former }
    this.#sent.set(job.id, sent, job.message, this.#envelopes.now)
  }

  #allow(job: OpenJob, source: PeerId, message: Message, request: Pick<OpenedRequest, 'counter' | 'makeKey'>): void {
    this.#opened.set(job.id + source, { ...request, key: null, nextIndex: 0 }, message, this.#envelopes.now)
  }

  /** The session begins on our side with our ephemeral key, which goes into the reply. */
  async #responderKey(peer: PeerId, context: HpkeContext): Promise<ReplyKey> {
    const { crypto, now } = this.#envelopes
    const ephemeral = await crypto.generateDhKey()
    const shared = await ephemeral.agree(context.enc)
    if (shared === null) throw new Refused('undecryptable')
    const secrets = { exported: sessionExport(context), shared, ephemeral: ephemeral.publicKey }
    const keys = await deriveSessionKeys(crypto, secrets, { isInitiator: false })
    this.#sessions.add({ peer, keys, isInitiator: false }, now)
    return { type: TYPE.replyAndSession, salt: ephemeral.publicKey, aead: keys.send }
  }

  /** The other half: the first reply that opens begins the session, later ones repeat its ephemeral key. */
  #initiatorKeys(peer: PeerId, { context, ephemeral }: SealedEnvelope, begun: () => void): SentRequest['keyFor'] {
    let first: { readonly salt: Uint8Array; readonly aead: Aead } | null = null
    return async (salt) => {
      if (first !== null) return equalBytes(first.salt, salt) ? { aead: first.aead } : null
      const shared = await ephemeral.agree(salt)
      if (shared === null) return null
      const secrets = { exported: sessionExport(context), shared, ephemeral: salt }
      const keys = await deriveSessionKeys(this.#envelopes.crypto, secrets, { isInitiator: true })
      const confirm = (): void => {
        if (first !== null) return
        first = { salt, aead: keys.receive }
        this.#sessions.add({ peer, keys, isInitiator: true }, this.#envelopes.now)
        begun()
      }
      return { aead: keys.receive, confirm }
    }
  }

  async #saltedKey(context: HpkeContext): Promise<ReplyKey> {
    const salt = this.#envelopes.crypto.randomBytes(SALT_BYTES[TYPE.reply])
    return { type: TYPE.reply, salt, aead: await this.#singleKey(context, salt) }
  }

  /** For replies outside of sessions. The salt is random, so that a request opened twice would still repeat no nonce. */
  #singleKey(context: HpkeContext, salt: Uint8Array): Promise<Aead> {
    const { crypto } = this.#envelopes
    const prk = hkdfExtract(crypto, salt, context.export(utf8('musubi reply 1'), 32))
    return crypto.aead(hkdfExpand(crypto, prk, utf8('key'), AEAD_KEY_BYTES))
  }
}

/**
 * Requests by id, until their replies are done. Signaling has a table of its own: a burst of thousands of data messages
 * must not make us forget the keys for candidates that are still on their way.
 */
class ReplyTable<K, V> {
  readonly #data: RecentMap<K, V> = remembered()
  readonly #signaling: RecentMap<K, V> = remembered()

  get size(): number {
    return this.#data.size + this.#signaling.size
  }

  get(key: K): V | undefined {
    return this.#data.get(key) ?? this.#signaling.get(key)
  }

  set(key: K, value: V, message: Message, now: Instant): void {
    const table = message.kind === 'data' ? this.#data : this.#signaling
    table.set(key, value, now)
  }
}

function sessionExport(context: HpkeContext): Uint8Array {
  return context.export(utf8('musubi session 1'), 32)
}
