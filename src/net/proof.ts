/**
 * The in-channel proof (DESIGN §6): before anything else crosses a new data channel, each side signs what both have
 * seen of the exchange: network, both ids, both DTLS fingerprints as the native stacks use them, and the hashes of the
 * offer and answer bytes. Whoever sits in between has another certificate, so the transcripts differ; a signature is of
 * no use in another exchange or back to its sender. This closes identity misbinding (RFC 8844) and replay of stale
 * descriptions, which sealed signaling alone does not. Bytes: docs/PROTOCOL.md, "Proof".
 */

import type { NetworkId, PeerId } from '../core/ids.ts'
import type { Frame } from '../core/frames.ts'
import type { HandshakeFrame, ProofFrame } from '../wire/handshake.ts'
import { bytesFromId } from '../wire/ids.ts'
import { converse } from './converse.ts'
import { concat, utf8 } from './crypto/bytes.ts'
import type { Signer, VerifyClaim } from './hello.ts'
import type { Link } from './link.ts'
import type { After } from './timers.ts'
import { platformAfter } from './timers.ts'

/** From the open channel to the verified proof, in ms (DESIGN §6). */
export const PROOF_TIMEOUT_MS = 5_000

/** What both sides of an exchange must have seen alike. Fingerprints and hashes are 32 bytes each. */
export interface Transcript {
  readonly network: NetworkId
  readonly offerer: PeerId
  readonly answerer: PeerId
  readonly offererFingerprint: Uint8Array
  readonly answererFingerprint: Uint8Array
  /** SHA-256 of the description as it travelled. */
  readonly offerHash: Uint8Array
  readonly answerHash: Uint8Array
}

/** Whose signature. */
export type ProofRole = 'offerer' | 'answerer'

/**
 * Why a proof came to nothing; each is counted under its name. missing: something else came first. signature: it does
 * not fit the transcript as we have seen it. timeout: 5 s. closed: the channel went. denied: the other side refused ours.
 */
export type ProofFailure = 'missing' | 'signature' | 'timeout' | 'closed' | 'denied'

/** A proof that failed. `message` is for people. */
export class ProofFailed extends Error {
  readonly reason: ProofFailure

  constructor(reason: ProofFailure, detail = '') {
    super(`proof ${reason}${detail === '' ? '' : `: ${detail}`}`)
    this.reason = reason
  }
}

const TAGS: Readonly<Record<ProofRole, string>> = {
  offerer: 'musubi proof 1 offerer ',
  answerer: 'musubi proof 1 answerer',
}

/** The bytes that `role` signs: a tag of 23 bytes and seven times 32. */
export function proofBytes(transcript: Transcript, role: ProofRole): Uint8Array {
  const { network, offerer, answerer, offererFingerprint, answererFingerprint, offerHash, answerHash } = transcript
  return concat(
    utf8(TAGS[role]),
    ...[network, offerer, answerer].map(bytesFromId),
    offererFingerprint,
    answererFingerprint,
    offerHash,
    answerHash,
  )
}

/** One side of a proof. Made as soon as both descriptions are known, so that signing overlaps ICE and DTLS. */
export class Proof {
  /** Our own, being signed or ready. */
  readonly own: Promise<ProofFrame>
  readonly #transcript: Transcript
  readonly #role: ProofRole
  readonly #verify: VerifyClaim

  constructor(
    transcript: Transcript,
    side: { readonly role: ProofRole; readonly signer: Signer; readonly verify: VerifyClaim },
  ) {
    this.#transcript = transcript
    this.#role = side.role
    this.#verify = side.verify
    this.own = side.signer.sign(proofBytes(transcript, side.role)).then((signature) => ({ kind: 'proof', signature }))
    // Whoever awaits it learns of a failure; a channel that never opens must not make it an unhandled one.
    this.own.catch(() => {})
  }

  /**
   * The offerer proves itself first. Its proof follows the message that opens the channel, so waiting for it costs the
   * answerer nothing; and Chromium 147 loses what an answerer says before it has heard anything (9–30 % of bare
   * connections when said in the task of `datachannel`, still one in hundreds a turn later).
   */
  get speaksFirst(): boolean {
    return this.#role === 'offerer'
  }

  /** Resolves if `frame` is the other side's proof; rejects with `ProofFailed` else. */
  async check(frame: Frame | HandshakeFrame | null | undefined): Promise<void> {
    if (frame?.kind === 'denied') throw new ProofFailed('denied', frame.reason)
    if (frame?.kind !== 'proof') throw new ProofFailed('missing', frame?.kind)
    const role = this.#role === 'offerer' ? 'answerer' : 'offerer'
    const claim = {
      peer: this.#transcript[role],
      bytes: proofBytes(this.#transcript, role),
      signature: frame.signature,
    }
    if (!(await this.#verify(claim))) throw new ProofFailed('signature')
  }
}

/**
 * Both proofs over a fresh link. Resolves when the other side's is good and ours has been sent; the link then has no
 * owner and holds what came behind the proof. Rejects with `ProofFailed`; the link is closed then.
 */
export async function proveLink(
  link: Link,
  proof: Proof,
  { timeoutMs = PROOF_TIMEOUT_MS, after = platformAfter }: { readonly timeoutMs?: number; readonly after?: After } = {},
): Promise<void> {
  const say = (): Promise<void> => proof.own.then((frame) => link.send(frame))
  const isSent = proof.speaksFirst ? say() : null
  // Looked at when the other side's frame is there; until then a failure must not count as one that nobody handles.
  isSent?.catch(() => {})
  await converse(link, {
    timeoutMs,
    after,
    step: async (frame) => {
      await Promise.all([proof.check(frame), isSent ?? say()])
      return true
    },
    failure: (reason, detail, cause) => {
      const failure = cause instanceof ProofFailed ? cause : new ProofFailed(reason ?? 'closed', detail)
      // The other side may know better what went wrong, if it is told that something did.
      if (failure.reason !== 'denied') link.send({ kind: 'denied', reason: failure.message })
      return failure
    },
  })
}
