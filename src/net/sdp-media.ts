/**
 * Descriptions of calls that carry audio or video: too rich for a schema of our own, so they stay text, but only lines
 * of the grammar below (RFC 8866 with the attributes that JSEP uses, RFC 8829 §5.2). The sender leaves out what the
 * grammar does not know; the receiver refuses what its own grammar would have left out, and re-emits the rest line by
 * line. Candidates go through `candidate.ts`. Deflated, because two browsers' worth of codecs is 6 KB of repetition.
 */

import { formatCandidate, parseCandidate } from './candidate.ts'
import type { LocalDescription, RemoteDescription } from './description.ts'
import { DESCRIPTION_FORMS, fingerprintIn, SESSION_LINES } from './description.ts'

/** Bytes of a description on the wire: a unicast with room for its seal (issue 2: 12 KiB). */
export const MEDIA_BYTES_MAX = 12 * 1024
/** Bytes of its text; a browser with four cameras and all its codecs writes about 22 KB. */
export const MEDIA_TEXT_MAX = 64 * 1024
const LINE_CHARS_MAX = 1024
/** Greatest number of candidates in all sections together: with bundling only the first has any. */
const CANDIDATE_LINES_MAX = 32
/** Form and type. */
const HEAD_BYTES = 2
const TYPES = ['offer', 'answer'] as const

const TOKEN = '[\\x21-\\x7e]'
const TEXT = '[\\x20-\\x7e]'
const DIRECTION = '(?:sendrecv|sendonly|recvonly|inactive)'

/** Attributes with a value, and what the value may be. Everything else is left out. */
const VALUES: Readonly<Record<string, RegExp>> = Object.fromEntries(
  Object.entries({
    group: `BUNDLE(?: ${TOKEN}{1,16}){0,32}`,
    'msid-semantic': ` ?WMS(?: ${TOKEN}{1,64}){0,16}`,
    'ice-ufrag': '[A-Za-z0-9+/]{4,32}',
    'ice-pwd': '[A-Za-z0-9+/]{22,64}',
    'ice-options': '[a-z0-9 ,-]{1,32}',
    fingerprint: 'sha-256 (?:[0-9A-F]{2}:){31}[0-9A-F]{2}',
    setup: '(?:actpass|active|passive)',
    mid: `${TOKEN}{1,16}`,
    msid: `${TOKEN}{1,64}(?: ${TOKEN}{1,64})?`,
    rtpmap: '\\d{1,3} [\\w.+-]{1,32}/\\d{1,6}(?:/\\d{1,2})?',
    fmtp: `\\d{1,3} ${TEXT}{1,256}`,
    'rtcp-fb': '(?:\\d{1,3}|\\*) [a-z0-9 -]{1,64}',
    extmap: `\\d{1,3}(?:/${DIRECTION})? ${TOKEN}{1,128}`,
    ssrc: `\\d{1,10} (?:cname|msid|mslabel|label):${TEXT}{1,136}`,
    'ssrc-group': '(?:FID|SIM|FEC|FEC-FR)(?: \\d{1,10}){1,8}',
    rid: `[\\w-]{1,32} (?:send|recv)(?: ${TEXT}{1,128})?`,
    simulcast: `${TEXT}{1,256}`,
    ptime: '\\d{1,5}',
    maxptime: '\\d{1,5}',
    'sctp-port': '\\d{1,5}',
    'max-message-size': '\\d{1,10}',
  }).map(([name, grammar]) => [name, new RegExp(`^${grammar}$`)]),
)
const FLAGS = new Set([
  'sendrecv',
  'sendonly',
  'recvonly',
  'inactive',
  'rtcp-mux',
  'rtcp-rsize',
  'bundle-only',
  'extmap-allow-mixed',
])
const MEDIA =
  /^m=(?:(audio|video) (\d{1,5}) UDP\/TLS\/RTP\/SAVPF((?: \d{1,3}){1,64})|(application) (\d{1,5}) UDP\/DTLS\/SCTP webrtc-datachannel)$/
const BANDWIDTH = /^b=(?:AS|TIAS):\d{1,9}$/

/** The bytes of a description with its candidates put where they belong; null for one that is too great or too strange. */
export async function encodeMedia({ type, sdp, candidates }: LocalDescription): Promise<Uint8Array | null> {
  const sections = splitSections(sdp).map((lines) => lines.flatMap((line) => canonicalLine(line) ?? []))
  for (const { candidate, sdpMid } of candidates) {
    const home = sections.slice(1).find((lines) => sdpMid === null || lines.includes(`a=mid:${sdpMid}`))
    home?.push(...(canonicalLine(`a=${candidate.replace(/^a=/, '')}`) ?? []))
  }
  const text = sections.map((lines) => [...new Set(lines)].join('\n')).join('\n')
  const deflated = await transform(ascii(text), new CompressionStream('deflate-raw'), MEDIA_BYTES_MAX - HEAD_BYTES)
  if (deflated === null || parseText(text) === null) return null
  const bytes = new Uint8Array(HEAD_BYTES + deflated.byteLength)
  bytes.set([DESCRIPTION_FORMS.media, TYPES.indexOf(type)])
  bytes.set(deflated, HEAD_BYTES)
  return bytes
}

/** Never rejects; null for anything that is not a description in the grammar, whole and within its bounds. */
export async function decodeMedia(bytes: Uint8Array): Promise<RemoteDescription | null> {
  const type = TYPES[bytes[1] ?? TYPES.length]
  if (bytes[0] !== DESCRIPTION_FORMS.media || type === undefined || bytes.byteLength > MEDIA_BYTES_MAX) return null
  const text = await transform(bytes.slice(HEAD_BYTES), new DecompressionStream('deflate-raw'), MEDIA_TEXT_MAX)
  const sdp = text && parseText(Array.from(text, (byte) => String.fromCharCode(byte)).join(''))
  return sdp === null ? null : { type, sdp }
}

/** Every line checked and written anew; null if one of them is not in the grammar. */
function parseText(text: string): string | null {
  const sections = splitSections(text)
  const lines: string[] = [...SESSION_LINES]
  for (const section of sections) {
    for (const line of section) {
      const canonical = canonicalLine(line)
      if (canonical === null || canonical[0] !== line) return null
      lines.push(...canonical)
      if (line.startsWith('m=')) lines.push('c=IN IP4 0.0.0.0')
    }
  }
  const sdp = `${lines.join('\r\n')}\r\n`
  const candidateCount = lines.filter((line) => line.startsWith('a=candidate:')).length
  return sections.length > 1 && candidateCount <= CANDIDATE_LINES_MAX && fingerprintIn(sdp) !== null ? sdp : null
}

/** Session part first, then one part for each m-line. */
function splitSections(sdp: string): string[][] {
  const sections: string[][] = [[]]
  for (const line of sdp.split(/\r?\n/)) {
    if (line.startsWith('m=')) sections.push([])
    if (line !== '') sections.at(-1)!.push(line)
  }
  return sections
}

/** The line as it travels, in a list of one; null for a line that does not. */
function canonicalLine(line: string): [string] | null {
  if (line.length > LINE_CHARS_MAX) return null
  if (line.startsWith('a=')) return canonicalAttribute(line)
  const media = MEDIA.exec(line)
  if (media === null) return BANDWIDTH.test(line) ? [line] : null
  const [, kind, port, formats, application, dataPort] = media
  // Port 0 rejects the section; any other number means nothing, because ICE decides (RFC 8829 §5.2.1: 9).
  return application === undefined
    ? [`m=${kind} ${port === '0' ? 0 : 9} UDP/TLS/RTP/SAVPF${formats}`]
    : [`m=application ${dataPort === '0' ? 0 : 9} UDP/DTLS/SCTP webrtc-datachannel`]
}

function canonicalAttribute(line: string): [string] | null {
  const colon = line.indexOf(':')
  if (colon < 0) return FLAGS.has(line.slice(2)) ? [line] : null
  const name = line.slice(2, colon)
  const value = line.slice(colon + 1)
  if (name === 'candidate') {
    const candidate = parseCandidate(value)
    return candidate && [`a=${formatCandidate(candidate)}`]
  }
  return Object.hasOwn(VALUES, name) && VALUES[name]!.test(value) ? [line] : null
}

/** `bytes` through a stream; null if that fails or gives more than `bytesMax`. */
async function transform(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
  bytesMax: number,
): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = []
  let size = 0
  try {
    const reader = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(stream).getReader()
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      size += value!.byteLength
      if (size > bytesMax) {
        await reader.cancel()
        return null
      }
      parts.push(value!)
    }
  } catch {
    return null
  }
  const whole = new Uint8Array(size)
  parts.reduce((offset, part) => (whole.set(part, offset), offset + part.byteLength), 0)
  return whole
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (char) => char.charCodeAt(0))
