/**
 * What all forms of session descriptions have in common: their types, their first byte, the certificate they name.
 */

import { fromHex } from './crypto/bytes.ts'

/** First byte of every description. */
export const DESCRIPTION_FORMS = { data: 1, media: 2 } as const

/** A fingerprint in bytes: SHA-256 of the DTLS certificate; no other hash is accepted. */
export const FINGERPRINT_BYTES = 32

/** What the local stack made: its own text, and the candidates that it has announced so far. */
export interface LocalDescription {
  readonly type: 'offer' | 'answer'
  readonly sdp: string
  readonly candidates: readonly LocalCandidate[]
}

/** As in RTCIceCandidateInit. */
export interface LocalCandidate {
  readonly candidate: string
  readonly sdpMid: string | null
}

/** What a remote peer described, ready for the native parser. */
export interface RemoteDescription {
  readonly type: 'offer' | 'answer'
  readonly sdp: string
}

/** The one certificate that a description names; null if it names none, several, or by another hash than SHA-256. */
export function fingerprintIn(sdp: string): Uint8Array | null {
  const found = new Set(Array.from(sdp.matchAll(/^a=fingerprint:(.*?)\r?$/gm), (match) => match[1]!.toLowerCase()))
  const [only] = found
  return found.size === 1 ? parseFingerprint(only!) : null
}

/** The lines that every description starts with; no stack looks at the session id of a remote one. */
export const SESSION_LINES: readonly string[] = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0']

/** The value of an `a=fingerprint` line as bytes; null for other hashes than SHA-256. */
function parseFingerprint(value: string): Uint8Array | null {
  if (!/^sha-256 (?:[\da-f]{2}:){31}[\da-f]{2}$/i.test(value)) return null
  return fromHex(value.slice('sha-256 '.length).replaceAll(':', ''))
}
