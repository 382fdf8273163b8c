/**
 * What the two sides of an exchange say after offer and answer, as bytes: later candidates, and for calls what
 * simple-peer needs to renegotiate. Descriptions keep the bytes of `sdp.ts`; their first byte tells them apart.
 */

import type { Cursor, Field } from '../wire/schema.ts'
import { decodeWith, encodeWith, oneOf } from '../wire/schema.ts'
import type { Candidate } from './candidate.ts'
import { candidatesField } from './candidate.ts'
import type { RemoteDescription } from './sdp.ts'
import { decodeDescription } from './sdp.ts'

/** First bytes; 1 and 2 are descriptions. */
const CODES = { candidates: 0x10, renegotiate: 0x11, transceiver: 0x12 } as const
const DESCRIPTION_CODE_MAX = 0x0f

/** What simple-peer asks the initiator for: a place for another track. */
export interface TransceiverRequest {
  readonly media: 'audio' | 'video'
  /** inherit: not stated. */
  readonly direction: (typeof DIRECTIONS)[number]
}

const DIRECTIONS = ['inherit', 'sendrecv', 'sendonly', 'recvonly', 'inactive'] as const

export type Signal =
  | { readonly kind: 'candidates'; readonly candidates: readonly Candidate[] }
  | { readonly kind: 'description'; readonly description: RemoteDescription }
  | { readonly kind: 'renegotiate' }
  | { readonly kind: 'transceiver'; readonly request: TransceiverRequest }

/** At least one, at most `CANDIDATES_MAX`. */
export function encodeCandidates(candidates: readonly Candidate[]): Uint8Array {
  return coded(CODES.candidates, encodeWith(candidatesField, candidates))
}

export function encodeRenegotiate(): Uint8Array {
  return coded(CODES.renegotiate, new Uint8Array(0))
}

export function encodeTransceiver(request: TransceiverRequest): Uint8Array {
  return coded(CODES.transceiver, encodeWith(transceiverField, request))
}

/** Never rejects; null for anything else than the above. */
export async function decodeSignal(bytes: Uint8Array): Promise<Signal | null> {
  const code = bytes[0] ?? 0
  if (code === CODES.candidates) {
    const candidates = decodeWith(candidatesField, bytes, 1)
    return candidates === null || candidates.length === 0 ? null : { kind: 'candidates', candidates }
  }
  if (code === CODES.renegotiate) return bytes.byteLength === 1 ? { kind: 'renegotiate' } : null
  if (code === CODES.transceiver) {
    const request = decodeWith(transceiverField, bytes, 1)
    return request && { kind: 'transceiver', request }
  }
  const description = code <= DESCRIPTION_CODE_MAX ? await decodeDescription(bytes) : null
  return description && { kind: 'description', description }
}

/** The direction that simple-peer was given, if it is one. */
export const directionOf = (direction: string | undefined): TransceiverRequest['direction'] =>
  DIRECTIONS.find((known) => known === direction) ?? 'inherit'

const mediaField = oneOf(['audio', 'video'])
const directionField = oneOf(DIRECTIONS)
const transceiverField: Field<TransceiverRequest> = {
  size: () => 2,
  write: ({ media, direction }, bytes, offset) =>
    directionField.write(direction, bytes, mediaField.write(media, bytes, offset)),
  read(cursor: Cursor) {
    const media = mediaField.read(cursor)
    const direction = directionField.read(cursor)
    return media === undefined || direction === undefined ? undefined : { media, direction }
  },
}

function coded(code: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + body.byteLength)
  bytes[0] = code
  bytes.set(body, 1)
  return bytes
}
