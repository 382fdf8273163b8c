/**
 * What `createMesh` accepts, and what it makes of it. Every option is checked here, synchronously, with a message that
 * names it and says what would have been right; the rest of the code sees `ResolvedOptions` only and checks nothing.
 * This is also the only place that looks for the platform's own WebRTC and WebSocket: everything below gets them
 * handed in (STYLE 15).
 */

import { linksMaxDefault, platformWebSocket, webRtcMissing } from '#platform'
import { ANCHORS_MAX } from './core/anchors.ts'
import type { PeerId } from './core/ids.ts'
import { MeshError } from './errors.ts'
import { utf8 } from './net/crypto/bytes.ts'
import type { WebSocketClass } from './net/websocket.ts'
import { TOKEN_BYTES_MAX } from './wire/handshake.ts'
import { isId } from './wire/ids.ts'

export { ANCHORS_MAX, isId }

/** The three constructors that simple-peer needs: what `@roamhq/wrtc` and `node-datachannel/polyfill` export. */
export interface WebRtc {
  readonly RTCPeerConnection: typeof RTCPeerConnection
  readonly RTCSessionDescription: typeof RTCSessionDescription
  readonly RTCIceCandidate: typeof RTCIceCandidate
}

/** All optional: `createMesh()` in a browser gives a mesh that waits for nobody. */
export interface MeshOptions {
  /**
   * Where to be introduced: `ws://` or `wss://` (`http…` is read as `ws…`), up to 16 URLs, tried in random order until
   * one answers. None: this peer can only be the first of its mesh and `listen` for others.
   */
  readonly bootstrap?: string | readonly string[]
  /** Name of the network, 1–128 characters: meshes of different names never mix. Default `'default'`. */
  readonly network?: string
  /** 32 secret bytes that *are* the identity (save `identity().seed` to keep an id). Default: new, random. */
  readonly seed?: Uint8Array
  /**
   * Peers that this one had links to before it was restarted, at most 8 ids: what `mesh.anchors()` said then. As soon as it
   * has a link, it offers them links before anybody else, so that whoever waits for a restart cannot be all that it finds.
   * Default none.
   */
  readonly anchors?: readonly string[]
  /** WebRTC implementation: required in Node (`import wrtc from '@roamhq/wrtc'`), the platform's in browsers. */
  readonly wrtc?: unknown
  /** WebSocket class to dial bootstraps with. Default: the platform's in browsers, `ws` in Node. */
  readonly WebSocket?: unknown
  /**
   * Handed to every `RTCPeerConnection`: STUN and TURN servers. Default `{ iceServers: [] }`: unlike simple-peer we
   * contact no third party that you have not named, so peers behind different NATs need this.
   */
  readonly rtcConfig?: RTCConfiguration
  /** Most links to hold, 4–256. Default 32 in browsers, 48 in Node (simulated: mean 5.1 hops between 10,000 peers). */
  readonly linksMax?: number
  /** Admission token to show to bootstraps that ask for one: at most 256 bytes (as UTF-8 if a string). Default none. */
  readonly token?: string | Uint8Array
  /** How long `send` waits for its acknowledgement, 1–600,000 ms. Default 10,000 (guess: covers 8 tries over 7 hops). */
  readonly sendTimeoutMs?: number
  /** How long `dial` waits for the connection, 1–600,000 ms. Default 30,000 (a person may have to accept). */
  readonly dialTimeoutMs?: number
  /** How long `ready` waits, 1–600,000 ms. Default 30,000 (guess: several bootstraps' time-outs). */
  readonly readyTimeoutMs?: number
}

/** The same, checked and complete. */
export interface ResolvedOptions {
  readonly bootstrap: readonly string[]
  readonly network: string
  readonly seed: Uint8Array | undefined
  readonly anchors: readonly PeerId[]
  readonly wrtc: WebRtc
  readonly WebSocket: WebSocketClass
  readonly rtcConfig: RTCConfiguration
  readonly linksMax: number
  readonly token: Uint8Array
  readonly sendTimeoutMs: number
  readonly dialTimeoutMs: number
  readonly readyTimeoutMs: number
}

const BOOTSTRAP_URLS_MAX = 16
const NAME_CHARACTERS_MAX = 128
const SEED_BYTES = 32
const LINKS_MIN = 4
const LINKS_MAX = 256
/** Longer waits are the application's: it may call again. */
const TIMEOUT_MS_MAX = 600_000

/** What becomes of each option, in the order in which they are checked. */
const RESOLVE: {
  readonly [Name in keyof ResolvedOptions]: (value: unknown, name: string) => ResolvedOptions[Name]
} = {
  bootstrap: (value) => bootstrapUrls(value ?? []),
  network: (value) => nameOf('network', value ?? 'default'),
  seed: seedBytes,
  anchors: (value) => anchorIds(value ?? []),
  wrtc: webRtc,
  WebSocket: webSocketClass,
  rtcConfig: (value) => rtcConfiguration(value ?? {}),
  linksMax: (value, name) => integer(name, value ?? linksMaxDefault, LINKS_MIN, LINKS_MAX),
  token: (value) => tokenBytes(value ?? ''),
  sendTimeoutMs: (value, name) => timeoutMs(name, value ?? 10_000),
  dialTimeoutMs: (value, name) => timeoutMs(name, value ?? 30_000),
  readyTimeoutMs: (value, name) => timeoutMs(name, value ?? 30_000),
}

/** Throws `MeshError` `ERR_OPTION` that names the first option that is wrong. */
export function resolveOptions(options: MeshOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) throw optionError('options', 'must be an object', options)
  for (const name of Object.keys(options)) if (!Object.hasOwn(RESOLVE, name)) throw unknownOption(name)
  const resolved = Object.entries(RESOLVE).map(([name, resolve]) => [
    name,
    resolve(options[name as keyof MeshOptions], name),
  ])
  return Object.fromEntries(resolved) as ResolvedOptions
}

/** Check a wait in milliseconds that a caller gave; throws `ERR_OPTION` naming it. */
export const timeoutMs = (name: string, value: unknown): number => integer(name, value, 1, TIMEOUT_MS_MAX)

/** Check the `signal` that a caller gave; throws `ERR_OPTION`. */
export function abortSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value
  throw optionError('signal', 'must be an AbortSignal', value)
}

/** Check the id of a peer that a caller gave; throws `ERR_OPTION`. */
export function peerIdOf(value: unknown): PeerId {
  return idOf('peerId', 'must be the id of a peer', value)
}

function idOf(name: string, rule: string, value: unknown): PeerId {
  if (typeof value === 'string' && isId(value)) return value as PeerId
  throw optionError(name, `${rule}: 52 characters of lower-case base32`, value)
}

function bootstrapUrls(value: unknown): readonly string[] {
  const urls: readonly unknown[] = Array.isArray(value) ? value : [value]
  atMost('bootstrap', BOOTSTRAP_URLS_MAX, urls.length, 'URLs')
  return [...new Set(urls.map(bootstrapUrl))]
}

function bootstrapUrl(value: unknown): string {
  if (typeof value !== 'string' || !URL.canParse(value)) throw notWebSocketUrl(value)
  const url = new URL(value)
  // People paste what their browser shows; the page and the socket of a bootstrap share one port.
  url.protocol = url.protocol.replace('http', 'ws')
  if (!/^wss?:$/.test(url.protocol)) throw notWebSocketUrl(value)
  // The WebSocket constructor refuses URLs with a fragment.
  url.hash = ''
  return url.href
}

const notWebSocketUrl = (value: unknown): MeshError =>
  optionError('bootstrap', 'must be ws:// or wss:// URLs, for example "ws://localhost:8080"', value)

/** The name of a topic, checked. */
export function topicName(value: unknown): string {
  return nameOf('name', value)
}

function nameOf(option: string, value: unknown): string {
  if (typeof value === 'string' && value.length >= 1 && value.length <= NAME_CHARACTERS_MAX) return value
  throw optionError(option, `must be a string of 1 to ${NAME_CHARACTERS_MAX} characters`, value)
}

function seedBytes(value: unknown): Uint8Array | undefined {
  if (value === undefined) return undefined
  // Never shown in the message: it is the secret itself.
  const shown = value instanceof Uint8Array ? `${value.length} bytes` : undefined
  // Not slice(): a Buffer's shares its memory.
  if (value instanceof Uint8Array && value.length === SEED_BYTES) return new Uint8Array(value)
  throw optionError('seed', `must be a Uint8Array of ${SEED_BYTES} bytes`, shown)
}

function anchorIds(value: unknown): readonly PeerId[] {
  if (!Array.isArray(value)) throw optionError('anchors', 'must be an array of ids', value)
  atMost('anchors', ANCHORS_MAX, value.length, 'peers')
  return [...new Set(value.map((id) => idOf('anchors', 'must hold ids of peers', id)))]
}

function webRtc(value: unknown): WebRtc {
  const found: unknown = value ?? (typeof RTCPeerConnection === 'function' ? globalThis : undefined)
  if (found === undefined) throw optionError('wrtc', `is required: ${webRtcMissing}`)
  // `import * as wrtc` of a CommonJS package nests everything under `default`.
  const candidate = isWebRtc(found) ? found : (found as { readonly default?: unknown }).default
  if (isWebRtc(candidate)) return Object.fromEntries(WEBRTC.map((name) => [name, candidate[name]])) as unknown as WebRtc
  throw optionError('wrtc', `must have ${WEBRTC.join(', ')}`, value)
}

const WEBRTC = ['RTCPeerConnection', 'RTCSessionDescription', 'RTCIceCandidate'] as const satisfies (keyof WebRtc)[]

function isWebRtc(value: unknown): value is WebRtc {
  return WEBRTC.every((name) => typeof (value as Partial<WebRtc> | null | undefined)?.[name] === 'function')
}

function webSocketClass(value: unknown): WebSocketClass {
  const found = value ?? platformWebSocket
  if (typeof found === 'function') return found as WebSocketClass
  throw optionError('WebSocket', 'must be a WebSocket class', value)
}

function rtcConfiguration(value: unknown): RTCConfiguration {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw optionError('rtcConfig', 'must be an RTCConfiguration object, for example { iceServers: [] }', value)
  }
  const { iceServers } = value as { readonly iceServers?: unknown }
  if (iceServers !== undefined && !Array.isArray(iceServers)) {
    throw optionError('rtcConfig', 'must hold its iceServers in an array', iceServers)
  }
  // simple-peer merges its own default servers under ours: without this line, no list would mean Google's.
  return { iceServers: [], ...value }
}

function tokenBytes(value: unknown): Uint8Array {
  const bytes = typeof value === 'string' ? utf8(value) : value
  if (!(bytes instanceof Uint8Array)) throw optionError('token', 'must be a string or a Uint8Array')
  atMost('token', TOKEN_BYTES_MAX, bytes.length, 'bytes')
  return new Uint8Array(bytes)
}

function atMost(name: string, max: number, count: number, unit: string): void {
  if (count > max) throw optionError(name, `must be at most ${max} ${unit}`, `${count} ${unit}`)
}

function integer(name: string, value: unknown, min: number, max: number): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
  throw optionError(name, `must be an integer from ${min} to ${max}`, value)
}

function unknownOption(name: string): MeshError {
  return new MeshError('ERR_OPTION', `option "${name}" is unknown; known are ${Object.keys(RESOLVE).join(', ')}`)
}

/** `shown` appears in the message, shortened; leave it out for secrets. */
function optionError(name: string, rule: string, shown?: unknown): MeshError {
  const suffix = shown === undefined ? '' : ` (got ${show(shown)})`
  return new MeshError('ERR_OPTION', `option "${name}" ${rule}${suffix}`)
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)
  return typeof value === 'object' && value !== null ? `a ${value.constructor?.name ?? 'object'}` : String(value)
}
