/**
 * Modelled cryptography of one simulated peer: a sealed body is an object that says for whom it is, and honest code
 * opens it only there. It keeps the promises that the core builds on (DESIGN §2): binding to id and target, expiry,
 * a replay window, answers only to requests that were opened. Breaking seals is what `net/seal` is tested against.
 */

import { RecentMap } from '../core/bounded.ts'
import type { Body, Message } from '../core/frames.ts'
import type { Instant, Key, MessageId, PeerId } from '../core/ids.ts'
import type { Input, OpenJob, RefusedReason, SealJob, VerifyJob } from '../core/io.ts'
import { messageBytes } from './sizes.ts'

/** HPKE encapsulated key 32, tag 16, source 32, expiry 6, signature 64, type 1 (DESIGN §2). */
export const SEAL_BYTES = 151
/** An answer rides on the key of its request: tag 16, type 1, and no second signature. */
export const ANSWER_BYTES = 17
/** A signed broadcast: source 32, expiry 6, signature 64. */
export const SIGNATURE_BYTES = 102

/** DESIGN §2: expiry at most 60 s ahead, 30 s of clock skew tolerated, ids remembered for 2 minutes. */
const LIFETIME_MS = 60_000
const SKEW_MS = 30_000
/** REFERENCE §4a: bounded replay window of 4,096. */
export const REPLAY_MAX = 4_096
const REPLAY_KEEP_MS = 120_000

class SealedBody implements Body {
  readonly byteLength: number
  readonly as: SealJob['as']
  readonly id: MessageId
  readonly source: PeerId
  readonly target: PeerId
  readonly message: Message
  readonly expiry: number

  constructor(job: SealJob, source: PeerId, expiry: number) {
    this.byteLength = messageBytes(job.message) + (job.as === 'answer' ? ANSWER_BYTES : SEAL_BYTES)
    this.as = job.as
    this.id = job.id
    this.source = source
    this.target = job.target
    this.message = job.message
    this.expiry = expiry
  }
}

class SignedBody implements Body {
  readonly byteLength: number
  readonly tree: Key
  readonly id: MessageId
  readonly source: PeerId
  readonly payload: Body
  readonly expiry: number

  constructor(place: { tree: Key; id: MessageId }, source: PeerId, payload: Body, expiry: number) {
    this.byteLength = payload.byteLength + SIGNATURE_BYTES
    this.tree = place.tree
    this.id = place.id
    this.source = source
    this.payload = payload
    this.expiry = expiry
  }
}

/** Seals, opens, signs and verifies in the name of one peer; each call returns the input that the job ends in. */
export class ModelSealer {
  readonly #self: PeerId
  /** Opened requests, with the peer to answer. Full: the older half is forgotten. Null: none yet. */
  #opened: RecentMap<MessageId, PeerId> | null = null

  constructor(self: PeerId) {
    this.#self = self
  }

  seal(job: SealJob, now: Instant): Input {
    if (job.as === 'answer' && this.#opened?.get(job.id) !== job.target) return refused(job, 'session')
    return { kind: 'sealed', job, body: new SealedBody(job, this.#self, now + LIFETIME_MS) }
  }

  open(job: OpenJob, now: Instant): Input {
    const { body } = job
    if (!(body instanceof SealedBody)) return refused(job, 'malformed')
    const reason = this.#whyNot(job, body, now)
    if (reason !== null) return refused(job, reason)
    if (job.as === 'request') this.#remember(job.id, body.source, now)
    return { kind: 'opened', job, source: body.source, message: body.message }
  }

  sign(place: { readonly tree: Key; readonly id: MessageId }, payload: Body, now: Instant): Input {
    return { kind: 'signed', ...place, body: new SignedBody(place, this.#self, payload, now + LIFETIME_MS) }
  }

  verify(job: VerifyJob, now: Instant): Input {
    const { body, tree, id, link } = job
    if (!(body instanceof SignedBody)) return refused(job, 'malformed')
    if (body.id !== id || body.tree !== tree) return refused(job, 'signature')
    const staleness = age(body.expiry, now)
    if (staleness !== null) return refused(job, staleness)
    const signedAt = (body.expiry - LIFETIME_MS) as Instant
    return { kind: 'verified', tree, id, link, source: body.source, signedAt, payload: body.payload }
  }

  /** A body that is sealed as it should be, but by somebody else: what a forger can make. */
  forge(forgery: { readonly id: MessageId; readonly target: PeerId; readonly now: Instant }): Body {
    const { id, target, now } = forgery
    const job: SealJob = {
      kind: 'seal',
      as: 'answer',
      id,
      attempt: 0,
      target,
      message: { kind: 'ack' },
      isFresh: false,
    }
    return new SealedBody(job, this.#self, now + LIFETIME_MS)
  }

  /** Its peer has gone. */
  forget(): void {
    this.#opened = null
  }

  #remember(id: MessageId, source: PeerId, now: Instant): void {
    this.#opened ??= new RecentMap({ max: REPLAY_MAX, keepMs: REPLAY_KEEP_MS })
    this.#opened.set(id, source, now)
  }

  #whyNot(job: OpenJob, body: SealedBody, now: Instant): RefusedReason | null {
    if (body.target !== this.#self) return 'undecryptable'
    if (body.id !== job.id) return 'target'
    if (body.as !== expectedSeal(job)) return 'undecryptable'
    if (job.from !== null && job.as === 'reply' && body.source !== job.from) return 'undecryptable'
    if (job.as === 'request' && this.#opened?.has(job.id)) return 'replayed'
    return age(body.expiry, now)
  }
}

function expectedSeal(job: OpenJob): SealJob['as'] {
  if (job.as === 'request') return 'request'
  return job.from === null ? 'offer' : 'answer'
}

function age(expiry: number, now: Instant): RefusedReason | null {
  if (expiry + SKEW_MS < now) return 'expired'
  return expiry > now + LIFETIME_MS + SKEW_MS ? 'future' : null
}

function refused(job: SealJob | OpenJob | VerifyJob, reason: RefusedReason): Input {
  return { kind: 'jobRefused', job, reason }
}
