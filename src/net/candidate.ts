/**
 * One ICE candidate: its SDP line (RFC 8839 §5.1), its value, its bytes. Lines of the local stack are read leniently,
 * because each stack adds its own extensions; bytes of a remote peer strictly. A candidate that goes to the native
 * parser has always been rebuilt from its value. Left out on purpose: related address and port (they show the address
 * inside a NAT and no stack needs them), foundation (rebuilt), generation, network id.
 */

import type { Field } from '../wire/schema.ts'
import { fields, fixed, u16, u32, u8 } from '../wire/schema.ts'
import { fromHex, hexPairs } from './crypto/bytes.ts'

/** Candidates of one description or batch: four interfaces, both families, two kinds. More is no honest host. */
export const CANDIDATES_MAX = 16

export const CANDIDATE_TYPES = ['host', 'srflx', 'prflx', 'relay'] as const
export type CandidateType = (typeof CANDIDATE_TYPES)[number]

/** udp, or tcp with its role (RFC 6544). */
export const CANDIDATE_TRANSPORTS = ['udp', 'tcp active', 'tcp passive', 'tcp so'] as const
export type CandidateTransport = (typeof CANDIDATE_TRANSPORTS)[number]

export interface Candidate {
  readonly type: CandidateType
  readonly transport: CandidateTransport
  /** 1…2^31−1, greater is better. */
  readonly priority: number
  readonly address: CandidateAddress
  /** 1…65,535; 9 (discard) for active TCP. */
  readonly port: number
}

/** mdns: the 16 bytes of the UUID in front of ".local", which is all that browsers let pages see of a host address. */
export interface CandidateAddress {
  readonly kind: 'ipv4' | 'ipv6' | 'mdns'
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array
}

const ADDRESS_KINDS = ['ipv4', 'ipv6', 'mdns'] as const
const PRIORITY_MAX = 2 ** 31 - 1

const HEAD_BYTES = 1 + 4 + 2

const countField = u8(CANDIDATES_MAX)
/** `kinds`: type, transport and kind of address in one byte. */
const headField = fields<{ kinds: number; priority: number; port: number }>({
  kinds: u8(),
  priority: u32(PRIORITY_MAX),
  port: u16(),
})
const addressFields = { ipv4: fixed(4), ipv6: fixed(16), mdns: fixed(16) } as const

/**
 * The value of a candidate line, with or without "a=" and "candidate:"; null for anything that is not a candidate of
 * component 1 over UDP or TCP to an address that a peer can have.
 */
export function parseCandidate(line: string): Candidate | null {
  const words = line
    .trim()
    .replace(/^(?:a=)?candidate:/, '')
    .split(' ')
  const [, component, protocol, priority, host, port, typ, type] = words
  if (component !== '1' || typ !== 'typ' || words.length > 40) return null
  const candidate = {
    type: CANDIDATE_TYPES.find((known) => known === type),
    transport: transportOf(protocol, words),
    priority: decimal(priority, PRIORITY_MAX),
    address: parseAddress(host ?? ''),
    port: decimal(port, 0xffff),
  }
  return isCandidate(candidate) ? candidate : null
}

/** The line for the native parser, without "a=". */
export function formatCandidate(candidate: Candidate): string {
  const [protocol, tcpType] = candidate.transport.split(' ')
  const { type, priority, address, port } = candidate
  const base = `candidate:${foundationOf(candidate)} 1 ${protocol} ${priority} ${formatAddress(address)} ${port} typ ${type}`
  // RFC 8839 demands a related address for all but host candidates; this one says "not told", as browsers do.
  const related = type === 'host' ? '' : ` raddr ${address.kind === 'ipv6' ? '::' : '0.0.0.0'} rport 0`
  return base + related + (tcpType === undefined ? '' : ` tcptype ${tcpType}`)
}

/** A candidate's bytes: 11 with an IPv4 address, else 23. */
export const candidateField: Field<Candidate> = {
  size: (candidate) => HEAD_BYTES + candidate.address.bytes.byteLength,
  write({ type, transport, priority, address, port }, bytes, offset) {
    const kinds =
      CANDIDATE_TYPES.indexOf(type) |
      (CANDIDATE_TRANSPORTS.indexOf(transport) << 2) |
      (ADDRESS_KINDS.indexOf(address.kind) << 4)
    return addressFields[address.kind].write(
      address.bytes,
      bytes,
      headField.write({ kinds, priority, port }, bytes, offset),
    )
  },
  read(cursor) {
    const head = headField.read(cursor)
    const kind = head && ADDRESS_KINDS[head.kinds >> 4]
    const bytes = kind && addressFields[kind].read(cursor)
    if (bytes === undefined) return undefined
    const { kinds, priority, port } = head!
    const candidate = {
      type: CANDIDATE_TYPES[kinds & 3],
      transport: CANDIDATE_TRANSPORTS[(kinds >> 2) & 3],
      priority,
      // A copy: the message may be the buffer of a socket.
      address: { kind: kind!, bytes: bytes.slice() },
      port,
    }
    return isCandidate(candidate) ? candidate : undefined
  },
}

/** A count and as many candidates. */
export const candidatesField: Field<readonly Candidate[]> = {
  size: (candidates) => candidates.reduce((sum, candidate) => sum + candidateField.size(candidate), 1),
  write: (candidates, bytes, offset) =>
    candidates.reduce(
      (at, candidate) => candidateField.write(candidate, bytes, at),
      countField.write(candidates.length, bytes, offset),
    ),
  read(cursor) {
    const count = countField.read(cursor)
    const candidates: Candidate[] = []
    while (candidates.length !== count) {
      const candidate = count && candidateField.read(cursor)
      if (!candidate) return undefined
      candidates.push(candidate)
    }
    return candidates
  },
}

/** The same for candidates of one type, transport and address (RFC 8445 §5.1.1.3): FNV-1a, where libwebrtc takes CRC-32. */
function foundationOf({ type, transport, address }: Candidate): number {
  let hash = 0x811c9dc5
  for (const byte of [CANDIDATE_TYPES.indexOf(type), CANDIDATE_TRANSPORTS.indexOf(transport), ...address.bytes]) {
    hash = Math.imul(hash ^ byte, 0x01000193)
  }
  return hash >>> 0
}

type Unchecked = { readonly [Name in keyof Candidate]: Candidate[Name] | undefined | null }

function isCandidate(candidate: Unchecked): candidate is Candidate {
  const { type, transport, priority, address, port } = candidate
  if (type === undefined || transport === undefined || !priority || priority > PRIORITY_MAX || !port || !address)
    return false
  return isUnicast(address)
}

/** A remote peer must not make us send checks to "this host", to a multicast group or to everybody. */
function isUnicast({ kind, bytes }: CandidateAddress): boolean {
  if (kind === 'mdns') return true
  if (kind === 'ipv4') return bytes[0] !== 0 && bytes[0]! < 224
  return bytes[0] !== 0xff && bytes.some((byte) => byte !== 0)
}

function transportOf(protocol: string | undefined, words: readonly string[]): CandidateTransport | undefined {
  if (protocol?.toLowerCase() === 'udp') return 'udp'
  const role = words[words.indexOf('tcptype') + 1]
  return CANDIDATE_TRANSPORTS.find((transport) => transport === `${protocol?.toLowerCase()} ${role}`)
}

function decimal(text: string | undefined, max: number): number | null {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return null
  const value = Number(text)
  return value <= max ? value : null
}

/** The address in a candidate line; null for anything else, other names than browsers' mDNS names included. */
export function parseAddress(text: string): CandidateAddress | null {
  const bytes = text.endsWith('.local')
    ? parseUuid(text.slice(0, -6))
    : text.includes(':')
      ? parseIpv6(text)
      : parseIpv4(text)
  if (bytes === null) return null
  return { kind: text.endsWith('.local') ? 'mdns' : bytes.byteLength === 4 ? 'ipv4' : 'ipv6', bytes }
}

/** The canonical text of an address (RFC 5952 but for "::", which no parser needs). */
export function formatAddress({ kind, bytes }: CandidateAddress): string {
  if (kind === 'ipv4') return bytes.join('.')
  const hex = hexPairs(bytes).join('')
  if (kind === 'mdns') return `${hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}.local`
  return hex
    .match(/.{4}/g)!
    .map((group) => group.replace(/^0{1,3}/, ''))
    .join(':')
}

function parseUuid(text: string): Uint8Array | null {
  if (!/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)) return null
  return fromHex(text.replaceAll('-', ''))
}

function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return null
  return Uint8Array.from(parts, Number)
}

/** RFC 4291 §2.2, without zone and without a dotted tail: no stack writes them into candidates. */
function parseIpv6(text: string): Uint8Array | null {
  const [head = '', tail, ...rest] = text.split('::')
  if (rest.length > 0) return null
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = 8 - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 1) return null
  const groups = [...before, ...Array.from({ length: missing }, () => '0'), ...after]
  if (!groups.every((group) => /^[\da-f]{1,4}$/i.test(group))) return null
  return Uint8Array.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]))
}
