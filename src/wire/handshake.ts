/**
 * Frames that two ends of a channel exchange before it is a link: who are you, prove it. They never reach the core.
 * What is signed, by whom and when is `net/hello.ts` (WebSocket) and `net/proof.ts` (data channel).
 */

import type { NetworkId, PeerId } from '../core/ids.ts'
import { blob, fixed, id32, oneOf, text, type Variants } from './schema.ts'

/** Bytes of a handshake nonce. */
export const NONCE_BYTES = 32
/** Bytes of an Ed25519 signature (RFC 8032). */
export const SIGNATURE_BYTES = 64
/** Greatest admission token: a guess; an expiry, a name and a signature take about 120. */
export const TOKEN_BYTES_MAX = 256
/** Greatest reason in `denied` and `goodbye`, in characters: one line of a log, guess. */
export const REASON_CHARS_MAX = 64

/** WebSocket, first frame, acceptor to dialer: who is here, and what to sign. */
export interface ChallengeFrame {
  readonly kind: 'challenge'
  readonly server: PeerId
  /** 32 bytes. */
  readonly nonce: Uint8Array
}

/** WebSocket, dialer to acceptor: who comes, to which network, what for; signed over the challenge. */
export interface HelloFrame {
  readonly kind: 'hello'
  readonly peer: PeerId
  readonly network: NetworkId
  /** 32 bytes, for the acceptor to sign in turn. */
  readonly nonce: Uint8Array
  readonly role: 'join' | 'visit'
  /** 0…256 bytes. */
  readonly token: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** WebSocket, acceptor to dialer: signed over the dialer's nonce. The link stands. */
export interface WelcomeFrame {
  readonly kind: 'welcome'
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** Data channel, both sides, first frame: signed over the transcript of the exchange (DESIGN §6). */
export interface ProofFrame {
  readonly kind: 'proof'
  /** 64 bytes. */
  readonly signature: Uint8Array
}

/** "No", before the channel is closed. */
export interface DeniedFrame {
  readonly kind: 'denied'
  /** At most 64 characters of printable ASCII. */
  readonly reason: string
}

/** All frames that come before a link. */
export type HandshakeFrame = ChallengeFrame | HelloFrame | WelcomeFrame | ProofFrame | DeniedFrame

/** Their codes and formats, for `frames.ts`. */
export const handshakeVariants: Variants<HandshakeFrame> = {
  challenge: { code: 0x20, fields: { server: id32(), nonce: fixed(NONCE_BYTES) } },
  hello: {
    code: 0x21,
    fields: {
      peer: id32(),
      network: id32(),
      nonce: fixed(NONCE_BYTES),
      role: oneOf(['join', 'visit']),
      token: blob(TOKEN_BYTES_MAX),
      signature: fixed(SIGNATURE_BYTES),
    },
  },
  welcome: { code: 0x22, fields: { signature: fixed(SIGNATURE_BYTES) } },
  proof: { code: 0x23, fields: { signature: fixed(SIGNATURE_BYTES) } },
  denied: { code: 0x24, fields: { reason: text(REASON_CHARS_MAX) } },
}
