/**
 * What the two sides of an exchange say after offer and answer, as bytes: later candidates, and for calls what
 * simple-peer needs to renegotiate. Descriptions keep the bytes of `sdp.ts`; their first byte tells them apart.
 */

import { decodeWith, encodeWith, fields, oneOf, union } from '../wire/schema.ts'
import type { Candidate } from './candidate.ts'
import { candidatesField } from './candidate.ts'
import type { RemoteDescription } from './sdp.ts'
import { decodeDescription } from './sdp.ts'

/** First bytes up to this are those of descriptions. */
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

/** What has a code of its own. */
type Coded = Exclude<Signal, { readonly kind: 'description' }>

const codedField = union<Coded>({
  candidates: { code: 0x10, fields: { candidates: candidatesField } },
  renegotiate: { code: 0x11, fields: {} },
  transceiver: {
    code: 0x12,
    fields: {
      request: fields<TransceiverRequest>({ media: oneOf(['audio', 'video']), direction: oneOf(DIRECTIONS) }),
    },
  },
})

/** At least one, at most `CANDIDATES_MAX`. */
export const encodeCandidates = (candidates: readonly Candidate[]): Uint8Array =>
  encodeWith(codedField, { kind: 'candidates', candidates })

export const encodeRenegotiate = (): Uint8Array => encodeWith(codedField, { kind: 'renegotiate' })

export const encodeTransceiver = (request: TransceiverRequest): Uint8Array =>
  encodeWith(codedField, { kind: 'transceiver', request })

/** Never rejects; null for anything else than the above. */
export async function decodeSignal(bytes: Uint8Array): Promise<Signal | null> {
  if (bytes[0]! <= DESCRIPTION_CODE_MAX) {
    const description = await decodeDescription(bytes)
    return description && { kind: 'description', description }
  }
  const signal = decodeWith(codedField, bytes)
  return signal?.kind === 'candidates' && signal.candidates.length === 0 ? null : signal
}

/** The direction that simple-peer was given, if it is one. */
export const directionOf = (direction: string | undefined): TransceiverRequest['direction'] =>
  DIRECTIONS.find((known) => known === direction) ?? 'inherit'
