/**
 * Seals what travels through strangers and opens what comes from them (DESIGN §2): relays see a target, a random
 * message id and a size. A request goes out in a running session (`session.ts`), else in an envelope of its own
 * (`seal-envelope.ts`); replies use keys that the request left behind (`seal-replies.ts`); broadcasts are signed in
 * the open, here.
 *
 * Bytes and key derivation: docs/PROTOCOL.md, "Sealing". Rate limits come before this file: opening costs 0.3 ms.
 */

import { RecentMap } from '../core/bounded.ts'
import type { Body, Message } from '../core/frames.ts'
import type { Instant, Key, MessageId, PeerId } from '../core/ids.ts'
import type { OpenJob, SealJob, Verified, VerifyJob } from '../core/io.ts'
import { bytesFromId, idFromBytes } from '../wire/ids.ts'
import { decodeMessage, encodeMessage } from '../wire/messages.ts'
import { concat, readU64, u64 } from './crypto/bytes.ts'
import { AEAD_TAG_BYTES, KEY_BYTES, SIGNATURE_BYTES } from './crypto/suite.ts'
import { verifySignature } from './identity.ts'
import { Envelopes, FLAG_SESSION, LIFETIME_MS, Refused, type SealerOptions, TIME_BYTES, TYPE } from './seal-envelope.ts'
import { Replies } from './seal-replies.ts'
import { type OutgoingRequest, requestNonce, SessionTable, TAG_BYTES } from './session.ts'

export { LIFETIME_MS, Refused, SKEW_MS } from './seal-envelope.ts'

/** After asking a peer for a session, requests to it do not ask again for so long (up to twice). Guess: a slow answer. */
const ASKED_MS = 5_000
/** Peers asked lately; the older half is forgotten. As many as there are sessions. */
const ASKED_MAX = 256

const BROADCAST_BYTES = KEY_BYTES + TIME_BYTES + SIGNATURE_BYTES

/** Who wrote what. */
export interface Opened {
  readonly source: PeerId
  readonly message: Message
}

/** The reply to a request in a session that we do not have. Not sealed: there is no key. The other side starts anew. */
export function sessionLostBody(): Uint8Array {
  return Uint8Array.of(TYPE.sessionLost)
}

/** Holds one identity's sessions, reply keys and replay window; all bounded. Whatever others send, it rejects with `Refused` only. */
export class Sealer {
  readonly #envelopes: Envelopes
  readonly #sessions: SessionTable
  readonly #replies: Replies
  readonly #asked = new RecentMap<PeerId, true>({ max: 2 * ASKED_MAX, keepMs: ASKED_MS })

  constructor(options: SealerOptions) {
    this.#envelopes = new Envelopes(options)
    this.#sessions = new SessionTable(options.crypto)
    this.#replies = new Replies(this.#envelopes, this.#sessions)
  }

  /** Table sizes, for `inspect` and for tests of their bounds. */
  get size(): { seen: number; opened: number; sent: number; sessions: number; tags: number } {
    return { seen: this.#envelopes.seenCount, ...this.#replies.size, ...this.#sessions.size }
  }

  /**
   * The body for a message. Refused: 'target' if the target's id is no acceptable key; 'expired' if an answer comes
   * after the key of its request has been forgotten, or is the 257th.
   */
  async seal(job: SealJob): Promise<Uint8Array> {
    switch (job.as) {
      case 'request': {
        const outgoing = job.isFresh ? null : this.#sessions.take(job.target, this.#envelopes.now)
        return outgoing ? this.#sealInSession(job, outgoing) : this.#sealOutside(job)
      }
      case 'answer':
        return this.#replies.seal(job)
      case 'offer':
        return (await this.#envelopes.seal(TYPE.offer, job, 0)).body
    }
  }

  /** Who sent what. Refused with the reason otherwise. */
  async open(job: OpenJob): Promise<Opened> {
    const body = bytesOf(job.body)
    if (job.as === 'request')
      return body[0] === TYPE.inSession ? this.#openInSession(job, body) : this.#openOutside(job, body)
    if (job.from !== null) return this.#replies.open(job, body)
    const { source, message } = await this.#envelopes.open(TYPE.offer, job, body)
    return { source, message }
  }

  /** A broadcast's body: source, time, signature, payload. */
  async sign(id: MessageId, payload: Body, tree: Key): Promise<Uint8Array> {
    const bytes = bytesOf(payload)
    const { identity, now } = this.#envelopes
    const time = u64(now)
    const signature = await identity.sign(this.#envelopes.broadcastBytes({ tree, id }, time, bytes))
    return concat(identity.publicKey, time, signature, bytes)
  }

  /** Who broadcast what, and when. What was meant for another network or topic shows as 'signature'. */
  async verify(job: VerifyJob): Promise<Verified & { readonly payload: Uint8Array }> {
    const body = bytesOf(job.body)
    if (body.length < BROADCAST_BYTES) throw new Refused('malformed')
    const source = idFromBytes<PeerId>(body)
    const time = body.subarray(KEY_BYTES, KEY_BYTES + TIME_BYTES)
    const signature = body.subarray(KEY_BYTES + TIME_BYTES, BROADCAST_BYTES)
    const payload = body.subarray(BROADCAST_BYTES)
    this.#envelopes.checkExpiry(readU64(time, 0) + LIFETIME_MS)
    const bytes = this.#envelopes.broadcastBytes(job, time, payload)
    const isSigned = await verifySignature(this.#envelopes.crypto, { peer: source, signature, bytes })
    if (!isSigned) throw new Refused('signature')
    return { source, signedAt: readU64(time, 0) as Instant, payload }
  }

  async #sealInSession(job: SealJob, outgoing: OutgoingRequest): Promise<Uint8Array> {
    this.#replies.expectInSession(job, outgoing)
    const plaintext = concat(this.#envelopes.expiry(), encodeMessage(job.message))
    const place = this.#envelopes.place(TYPE.inSession, job.id, bytesFromId(job.target))
    const ciphertext = await outgoing.session.keys.send.seal(requestNonce(outgoing.counter), plaintext, place)
    return concat(Uint8Array.of(TYPE.inSession), outgoing.tag, ciphertext)
  }

  /** The first of several requests to a peer asks for a session; the others need not begin one each. */
  async #sealOutside(job: SealJob): Promise<Uint8Array> {
    const { now } = this.#envelopes
    this.#asked.rotate(now)
    const asks = !this.#asked.has(job.target)
    if (asks) this.#asked.set(job.target, true, now)
    const envelope = await this.#envelopes.seal(TYPE.request, job, asks ? FLAG_SESSION : 0)
    this.#replies.expectOutside(job, envelope, { begun: asks ? () => this.#asked.delete(job.target) : null })
    return envelope.body
  }

  async #openOutside(job: OpenJob, body: Uint8Array): Promise<Opened> {
    const envelope = await this.#envelopes.open(TYPE.request, job, body)
    this.#replies.allowOutside(job, envelope)
    return { source: envelope.source, message: envelope.message }
  }

  async #openInSession(job: OpenJob, body: Uint8Array): Promise<Opened> {
    if (body.length < 1 + TAG_BYTES + TIME_BYTES + AEAD_TAG_BYTES) throw new Refused('malformed')
    const tag = body.subarray(1, 1 + TAG_BYTES)
    const incoming = this.#sessions.find(tag, this.#envelopes.now)
    if (incoming === null) throw new Refused('session')
    if (incoming.isUsed) throw new Refused('replayed')
    const { session, counter } = incoming
    const place = this.#envelopes.place(TYPE.inSession, job.id, this.#envelopes.identity.publicKey)
    const plaintext = await session.keys.receive.open(requestNonce(counter), body.subarray(1 + TAG_BYTES), place)
    if (plaintext === null) throw new Refused('undecryptable')
    this.#envelopes.checkExpiry(readU64(plaintext, 0))
    const message = decodeMessage(plaintext.subarray(TIME_BYTES))
    if (message === null) throw new Refused('malformed')
    if (!this.#sessions.markOpened(tag)) throw new Refused('replayed')
    this.#replies.allowInSession(job, message, { session, counter })
    return { source: session.peer, message }
  }
}

function bytesOf(body: Body): Uint8Array {
  if (body instanceof Uint8Array) return body
  throw new Refused('malformed')
}
