/**
 * The handshake over a WebSocket, before it becomes a link: challenge (acceptor), hello (dialer), welcome (acceptor).
 * Each side proves its id by signing what both have said: protocol and direction, both ids, network, both nonces, role
 * and token. So no signature is of use elsewhere: not to another server, not for another network, not a second time,
 * not back to its sender. Bytes and states are docs/PROTOCOL.md, "WebSocket handshake".
 *
 * Nothing here binds the proof to TLS, which browsers do not let a page see. A hostile server can therefore sit between
 * a visitor and another server; it sees there what any relay sees, because bodies are sealed end to end. That is why a
 * WebSocket is never a "secure" channel (`channel.ts`), whatever its URL.
 */

import type { Frame } from '../core/frames.ts'
import type { NetworkId, PeerId } from '../core/ids.ts'
import type { ChallengeFrame, HandshakeFrame, HelloFrame, WelcomeFrame } from '../wire/handshake.ts'
import { NONCE_BYTES, TOKEN_BYTES_MAX } from '../wire/handshake.ts'
import { bytesFromId } from '../wire/ids.ts'
import { converse } from './converse.ts'
import { concat, utf8 } from './crypto/bytes.ts'
import type { Link } from './link.ts'
import type { After } from './timers.ts'
import { platformAfter } from './timers.ts'

/** From the open socket to the welcome, in milliseconds (issue 2: "hello within 5 s"). */
export const HELLO_TIMEOUT_MS = 5_000

/** Whose name a side speaks in; an `Identity` fits. */
export interface Signer {
  readonly id: PeerId
  sign(bytes: Uint8Array): Promise<Uint8Array>
}

/** Whether `peer` has signed `bytes` (`verifySignature` of identity.ts); never rejects for bad keys or signatures. */
export type VerifyClaim = (claim: {
  readonly peer: PeerId
  readonly bytes: Uint8Array
  readonly signature: Uint8Array
}) => Promise<boolean>

/**
 * Why a handshake came to nothing; each is counted under its name.
 * malformed: a frame that does not belong here. signature: not the id's. self: our own id at the other end. token:
 * missing, wrong or expired. network: not served here. timeout: not done in time. denied: the other side's word. closed: the socket went.
 */
export type HelloFailure = 'malformed' | 'signature' | 'self' | 'token' | 'network' | 'timeout' | 'denied' | 'closed'

/** A handshake that failed. `message` is for people. */
export class HelloFailed extends Error {
  readonly reason: HelloFailure

  constructor(reason: HelloFailure, detail?: string) {
    super(detail === undefined || detail === '' ? reason : `${reason}: ${detail}`)
    this.reason = reason
  }
}

type Direction = 'dialer' | 'acceptor'

/** What the two tags have in common; the direction follows, padded to one length so that no field can shift. */
const TAG = 'musubi hello 1 '
const TAG_BYTES = TAG.length + 'acceptor'.length

/** What a dialer says of itself. */
export interface DialerOptions {
  readonly signer: Signer
  readonly verify: VerifyClaim
  readonly network: NetworkId
  readonly role: HelloFrame['role']
  /** At most 256 bytes; empty: none. */
  readonly token: Uint8Array
  /** `length` random bytes. */
  readonly randomBytes: (length: number) => Uint8Array
  readonly timeoutMs?: number
  readonly after?: After
}

/**
 * The dialer's side over a fresh link: resolves to the proven id of the server. The link then has no owner
 * (`onFrame` and `onDown` are null) and holds what comes until it gets one. Rejects with `HelloFailed`; the link is closed then.
 */
export async function dialHello(link: Link, options: DialerOptions): Promise<PeerId> {
  const dialer = new Dialer(options)
  await converse(link, {
    timeoutMs: options.timeoutMs ?? HELLO_TIMEOUT_MS,
    after: options.after ?? platformAfter,
    step: async (frame) => {
      const reply = await dialer.onFrame(frame)
      if (reply !== null) link.send(reply)
      return reply === null
    },
    failure: (reason, detail, cause) =>
      cause instanceof HelloFailed ? cause : new HelloFailed(reason ?? 'malformed', detail),
  })
  return dialer.server
}

/** The dialer's two steps, apart from links and time. */
class Dialer {
  readonly #options: DialerOptions
  #challenge: ChallengeFrame | null = null
  #hello: HelloFrame | null = null

  constructor(options: DialerOptions) {
    this.#options = options
  }

  get server(): PeerId {
    return this.#challenge!.server
  }

  /** The frame to answer with; null: the welcome is good, and all is said. */
  async onFrame(frame: Frame | HandshakeFrame): Promise<HelloFrame | null> {
    if (frame.kind === 'denied') throw new HelloFailed('denied', frame.reason)
    if (this.#challenge === null && frame.kind === 'challenge') return this.#onChallenge(frame)
    if (this.#hello !== null && frame.kind === 'welcome') return this.#onWelcome(frame, this.#hello)
    throw new HelloFailed('malformed', frame.kind)
  }

  async #onChallenge(challenge: ChallengeFrame): Promise<HelloFrame> {
    const { signer, network, role, token, randomBytes } = this.#options
    if (challenge.server === signer.id) throw new HelloFailed('self')
    // Views into the message that the frame came in: the nonce must outlive it.
    this.#challenge = { ...challenge, nonce: challenge.nonce.slice() }
    const said = { kind: 'hello', peer: signer.id, network, nonce: randomBytes(NONCE_BYTES), role, token } as const
    const signature = await signer.sign(transcript('dialer', this.#challenge, said))
    this.#hello = { ...said, signature }
    return this.#hello
  }

  async #onWelcome(welcome: WelcomeFrame, hello: HelloFrame): Promise<null> {
    const challenge = this.#challenge!
    const bytes = transcript('acceptor', challenge, hello)
    const isProven = await this.#options.verify({ peer: challenge.server, bytes, signature: welcome.signature })
    if (!isProven) throw new HelloFailed('signature')
    return null
  }
}

/** Who wants to come in. */
export type Applicant = Pick<HelloFrame, 'peer' | 'network' | 'role' | 'token'>

/** What an acceptor needs to judge a hello. */
export interface AcceptorOptions {
  readonly signer: Signer
  readonly verify: VerifyClaim
  /** Why this visitor may not come in; null: it may. Only asked once its signature has been checked. */
  readonly refusalOf: (visitor: Applicant) => 'token' | 'network' | null
}

/** The acceptor's first frame. `nonce`: 32 fresh random bytes. */
export function createChallenge(signer: Signer, nonce: Uint8Array): ChallengeFrame {
  return { kind: 'challenge', server: signer.id, nonce }
}

/**
 * The acceptor's answer to a hello: the welcome, which makes a visitor of the dialer. Rejects with `HelloFailed`; the
 * caller denies and closes. Time and order of frames are the caller's.
 */
export async function answerHello(
  challenge: ChallengeFrame,
  hello: HelloFrame,
  options: AcceptorOptions,
): Promise<WelcomeFrame> {
  const { signer, verify, refusalOf } = options
  if (hello.peer === signer.id) throw new HelloFailed('self')
  const { peer, signature } = hello
  const isProven = await verify({ peer, bytes: transcript('dialer', challenge, hello), signature })
  if (!isProven) throw new HelloFailed('signature')
  const refusal = refusalOf(hello)
  if (refusal !== null) throw new HelloFailed(refusal)
  return { kind: 'welcome', signature: await signer.sign(transcript('acceptor', challenge, hello)) }
}

/**
 * What a side signs. Fields of fixed length one after the other, and one of variable length at the end: two different
 * handshakes never give the same bytes.
 */
export function transcript(
  direction: Direction,
  challenge: ChallengeFrame,
  hello: Omit<HelloFrame, 'kind' | 'signature'>,
): Uint8Array {
  if (hello.token.byteLength > TOKEN_BYTES_MAX) throw new HelloFailed('token', `above ${TOKEN_BYTES_MAX} bytes`)
  return concat(
    utf8((TAG + direction).padEnd(TAG_BYTES)),
    bytesFromId(challenge.server),
    bytesFromId(hello.peer),
    bytesFromId(hello.network),
    challenge.nonce,
    hello.nonce,
    Uint8Array.of(hello.role === 'join' ? 0 : 1),
    hello.token,
  )
}
