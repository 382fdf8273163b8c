/**
 * Session descriptions as bytes. A data-channel-only description is 75 bytes and its candidates: what differs between
 * two of them is ICE credentials, certificate fingerprint, DTLS role, SCTP port and limit (JSEP, RFC 8829 §5; SCTP,
 * RFC 8841). On the other side the text is rebuilt from these values, so raw remote text never reaches the native
 * parser (REFERENCE §4c). Calls with media need more lines: `sdp-media.ts`.
 */

import type { Field } from '../wire/schema.ts'
import { decodeWith, encodeWith, fields, fixed, oneOf, u16, u32, u8 } from '../wire/schema.ts'
import type { Candidate } from './candidate.ts'
import { CANDIDATES_MAX, candidatesField, formatCandidate, parseCandidate } from './candidate.ts'
import { concat, hexPairs, utf8 } from './crypto/bytes.ts'
import type { LocalDescription, RemoteDescription } from './description.ts'
import { DESCRIPTION_FORMS, FINGERPRINT_BYTES, fingerprintIn, SESSION_LINES } from './description.ts'

export type { LocalCandidate, LocalDescription, RemoteDescription } from './description.ts'
export { DESCRIPTION_FORMS, fingerprintIn } from './description.ts'

/** Most pages never call with media, and those that do can wait for its grammar. */
const loadMedia = () => import('./sdp-media.ts').catch(() => null)

/**
 * Fetches that grammar before it is needed: once a page is in the mesh, the server that it came from may go. Without it
 * the first call with media would fail then.
 */
export async function preloadMedia(): Promise<void> {
  await loadMedia()
}

/** The bytes of a description; null for one that the protocol cannot carry. Never rejects. */
export async function encodeDescription(local: LocalDescription): Promise<Uint8Array | null> {
  return encodeData(local) ?? (await loadMedia())?.encodeMedia(local) ?? null
}

/** Never rejects; null for anything that `encodeDescription` would not have written. */
export async function decodeDescription(bytes: Uint8Array): Promise<RemoteDescription | null> {
  if (bytes[0] === DESCRIPTION_FORMS.data) return decodeData(bytes)
  return bytes[0] === DESCRIPTION_FORMS.media ? ((await loadMedia())?.decodeMedia(bytes) ?? null) : null
}

/** Everything in a data-channel-only description that is not the same in all of them. */
interface DataDescription {
  readonly type: 'offer' | 'answer'
  readonly setup: Setup
  readonly ufrag: string
  readonly pwd: string
  readonly fingerprint: Uint8Array
  readonly sctpPort: number
  /** 0: no limit (RFC 8841 §6). */
  readonly messageBytesMax: number
  readonly candidates: readonly Candidate[]
}

const SETUPS = ['actpass', 'active', 'passive'] as const
type Setup = (typeof SETUPS)[number]
/** RFC 8839 §5.4 allows 4…256 and 22…256; browsers, libwebrtc and libjuice use 4 to 8 and 22 to 32. */
const UFRAG_CHARS = { min: 4, max: 32 } as const
const PWD_CHARS = { min: 22, max: 64 } as const
/** What to assume where a description does not say (RFC 8841 §5, §6.1). */
const SCTP_PORT_DEFAULT = '5000'
const MESSAGE_BYTES_DEFAULT = '65536'

const dataField = fields<DataDescription>({
  type: oneOf(['offer', 'answer']),
  setup: oneOf(SETUPS),
  ufrag: iceText(UFRAG_CHARS),
  pwd: iceText(PWD_CHARS),
  fingerprint: fixed(FINGERPRINT_BYTES),
  sctpPort: u16(),
  messageBytesMax: u32(),
  candidates: candidatesField,
})

function encodeData(local: LocalDescription): Uint8Array | null {
  const description = parseData(local)
  try {
    return description && concat(Uint8Array.of(DESCRIPTION_FORMS.data), encodeWith(dataField, description))
  } catch {
    // A stack wrote credentials or sizes outside the limits above.
    return null
  }
}

function decodeData(bytes: Uint8Array): RemoteDescription | null {
  const description = decodeWith(dataField, bytes, 1)
  // Only an offer may leave the choice of the DTLS role open (RFC 8842 §5.3).
  if (description === null || (description.type === 'answer' && description.setup === 'actpass')) return null
  return { type: description.type, sdp: formatData(description) }
}

/** Null if there is anything but one data channel section called "0", which is what every stack calls it. */
function parseData({ type, sdp, candidates }: LocalDescription): DataDescription | null {
  const media = sdp.match(/^m=.*$/gm) ?? []
  if (media.length !== 1 || !/^m=application \d+ UDP\/DTLS\/SCTP webrtc-datachannel\r?$/.test(media[0]!)) return null
  const fingerprint = fingerprintIn(sdp)
  const setup = SETUPS.find((known) => known === attribute(sdp, 'setup'))
  if (fingerprint === null || setup === undefined || attribute(sdp, 'mid') !== '0') return null
  return {
    type,
    setup,
    ufrag: attribute(sdp, 'ice-ufrag') ?? '',
    pwd: attribute(sdp, 'ice-pwd') ?? '',
    fingerprint,
    sctpPort: Number(attribute(sdp, 'sctp-port') ?? SCTP_PORT_DEFAULT),
    messageBytesMax: Number(attribute(sdp, 'max-message-size') ?? MESSAGE_BYTES_DEFAULT),
    candidates: candidatesOf([...(sdp.match(/^a=candidate:.*$/gm) ?? []), ...candidates.map((c) => c.candidate)]),
  }
}

/** Each candidate once, the most promising first when there are too many. */
export function candidatesOf(lines: readonly string[]): Candidate[] {
  const byLine = new Map<string, Candidate>()
  for (const line of lines) {
    const candidate = parseCandidate(line)
    if (candidate !== null) byLine.set(formatCandidate(candidate), candidate)
  }
  const candidates = [...byLine.values()]
  return candidates.length <= CANDIDATES_MAX
    ? candidates
    : candidates.toSorted((a, b) => b.priority - a.priority).slice(0, CANDIDATES_MAX)
}

function formatData(description: DataDescription): string {
  const { setup, ufrag, pwd, fingerprint, sctpPort, messageBytesMax, candidates } = description
  return [
    ...SESSION_LINES,
    'a=group:BUNDLE 0',
    'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
    'c=IN IP4 0.0.0.0',
    ...candidates.map((candidate) => `a=${formatCandidate(candidate)}`),
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${pwd}`,
    'a=ice-options:trickle',
    `a=fingerprint:${formatFingerprint(fingerprint)}`,
    `a=setup:${setup}`,
    'a=mid:0',
    `a=sctp-port:${sctpPort}`,
    `a=max-message-size:${messageBytesMax}`,
    '',
  ].join('\r\n')
}

const attribute = (sdp: string, name: string): string | undefined =>
  new RegExp(`^a=${name}:(.*?)\\r?$`, 'm').exec(sdp)?.[1]

const formatFingerprint = (fingerprint: Uint8Array): string =>
  `sha-256 ${hexPairs(fingerprint).join(':').toUpperCase()}`

/** ice-char (RFC 8839 §5.4) with a length in front. */
function iceText({ min, max }: { readonly min: number; readonly max: number }): Field<string> {
  const grammar = new RegExp(`^[A-Za-z0-9+/]{${min},${max}}$`)
  const lengthField = u8(max)
  return {
    size: (value) => 1 + value.length,
    write(value, bytes, offset) {
      if (!grammar.test(value)) throw new RangeError('not an ICE credential')
      return fixed(value.length).write(utf8(value), bytes, lengthField.write(value.length, bytes, offset))
    },
    read(cursor) {
      const value = String.fromCharCode(...(fixed(lengthField.read(cursor) ?? 0).read(cursor) ?? []))
      return grammar.test(value) ? value : undefined
    },
  }
}
