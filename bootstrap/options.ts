/**
 * What `createBootstrap` accepts, and what it makes of it: every option is checked here, with a message that names it;
 * the rest sees `ResolvedBootstrap` only. Bounds are given for everything that a stranger can make a server hold.
 */

import { readFileSync, statSync } from 'node:fs'
import { MeshError } from '../src/errors.ts'
import { HELLO_TIMEOUT_MS } from '../src/net/hello.ts'
import { BOOTSTRAP_DEFAULTS } from './node.ts'
import { TOKEN_SECRET_CHARS_MIN } from './token.ts'

/** Where log lines go: pino fits. Visitors are `debug`, start and stop `info`. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** All optional: `createBootstrap()` serves on a free port of all interfaces, without TLS. */
export interface BootstrapOptions extends Partial<AcceptLimits> {
  /** 0–65535; 0, the default: any free one. */
  readonly port?: number
  /** Interface to listen on. Default: all. */
  readonly host?: string
  /** TLS certificate (chain) and private key: PEM text, or the paths of PEM files. Both or none. */
  readonly cert?: string | Uint8Array
  readonly key?: string | Uint8Array
  /**
   * Pages that may connect, by origin (`https://example.org`); `'*'`: all, the default. Holds for browsers, which
   * cannot lie about it; programs without an Origin header are let in.
   */
  readonly origin?: string | readonly string[]
  /** Ask every visitor for a token made with this secret (`createToken`): 16 characters at least. */
  readonly tokenSecret?: string
  /** Take addresses from the X-Forwarded-For of a reverse proxy that nobody can go around. Default false. */
  readonly trustProxy?: boolean
  /** 32 bytes that are the server's identity. Default: new, random. Nothing depends on it. */
  readonly seed?: Uint8Array
  /** Directory of static files to serve at `/`. Default: none. */
  readonly page?: string
  readonly logger?: Logger
  /** Networks at once, 1–65536; default 256. */
  readonly networksMax?: number
  /** Visitors that have said nothing for so long are closed, 1–86,400,000 ms; default 30,000. */
  readonly silenceMs?: number
}

/** Bounds on what strangers may cost. All integers. */
export interface AcceptLimits {
  /** WebSockets at once, 1–1,000,000. Default 10,000: 100 MB of idle visitors (measured in test/bench). */
  readonly maxConnections: number
  /**
   * Of these, from one address. Default 256 (guess: a school behind one address). Benchmarks on one machine raise it.
   * Connections without a hello give way to newer ones here too, so a flood of them locks nobody out.
   */
  readonly maxConnectionsPerAddress: number
  /** Sockets that are not (yet) WebSockets: pages, half-open requests. Beyond it the oldest goes. Default 1,024 (guess). */
  readonly maxHttpConnections: number
  /** WebSockets without a hello; beyond it the oldest goes. Default 1,024 (guess: a good one takes milliseconds). */
  readonly maxUnproven: number
  /** From the first byte to the upgrade, and from there to the hello, 1–600,000 ms. Default 5,000 (issue 2). */
  readonly helloTimeoutMs: number
  /** What one connection may send; above it is read more slowly. Default 10,000 frames/s (issue 2; bursts of one second). */
  readonly framesPerSecond: number
  /** Default 16 MiB/s, in bursts of one second. */
  readonly bytesPerSecond: number
  /** Bytes that may wait for one reader; more is dropped. Default 256 KiB (guess: four times a link's high water). */
  readonly maxBufferedBytes: number
  /** A reader that takes next to nothing for so long is closed, 1–600,000 ms. Default 10,000 (guess). */
  readonly slowReaderMs: number
}

export const ACCEPT_LIMITS: AcceptLimits = {
  maxConnections: 10_000,
  maxConnectionsPerAddress: 256,
  maxHttpConnections: 1_024,
  maxUnproven: 1_024,
  helloTimeoutMs: HELLO_TIMEOUT_MS,
  framesPerSecond: 10_000,
  bytesPerSecond: 16 * 1024 * 1024,
  maxBufferedBytes: 256 * 1024,
  slowReaderMs: 10_000,
}

/** The listening half: what `acceptor.ts` needs, for a bootstrap and for a peer that listens. */
export interface ResolvedAccept {
  readonly port: number
  readonly host: string | undefined
  readonly tls: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array } | null
  /** Null: all. */
  readonly origins: ReadonlySet<string> | null
  readonly tokenSecret: string | null
  readonly trustProxy: boolean
  readonly page: string | null
  readonly logger: Logger
  readonly limits: AcceptLimits
}

/** The options, checked and complete. */
export interface ResolvedBootstrap extends ResolvedAccept {
  readonly seed: Uint8Array | undefined
  readonly networksMax: number
  readonly silenceMs: number
}

const SEED_BYTES = 32
const TIMEOUT_MS_MAX = 600_000
const DAY_MS = 86_400_000
/** Nobody hears it. */
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** Least and greatest value of each bound. */
const RANGES: Readonly<Record<keyof AcceptLimits, readonly [number, number]>> = {
  maxConnections: [1, 1_000_000],
  maxConnectionsPerAddress: [1, 1_000_000],
  maxHttpConnections: [1, 1_000_000],
  maxUnproven: [1, 1_000_000],
  helloTimeoutMs: [1, TIMEOUT_MS_MAX],
  framesPerSecond: [1, 1e9],
  bytesPerSecond: [16 * 1024, 1e12],
  maxBufferedBytes: [16 * 1024, 1e9],
  slowReaderMs: [1, TIMEOUT_MS_MAX],
}

const KNOWN: ReadonlySet<string> = new Set<keyof BootstrapOptions>([
  'port',
  'host',
  'cert',
  'key',
  'origin',
  'tokenSecret',
  'trustProxy',
  'seed',
  'page',
  'logger',
  'networksMax',
  'silenceMs',
  ...(Object.keys(RANGES) as (keyof AcceptLimits)[]),
])

/** Throws `MeshError` `ERR_OPTION` that names the first option that is wrong. */
export function resolveBootstrap(options: BootstrapOptions): ResolvedBootstrap {
  if (typeof options !== 'object' || options === null) throw wrong('options', 'must be an object')
  for (const name of Object.keys(options))
    if (!KNOWN.has(name)) throw wrong(name, `is unknown; known are ${[...KNOWN].join(', ')}`)
  return {
    port: integer('port', options.port ?? 0, [0, 65_535]),
    host: text('host', options.host),
    tls: tlsOf(options.cert, options.key),
    origins: originsOf(options.origin ?? '*'),
    tokenSecret: secretOf(options.tokenSecret),
    trustProxy: boolean('trustProxy', options.trustProxy ?? false),
    seed: seedOf(options.seed),
    page: directory('page', options.page),
    logger: loggerOf(options.logger ?? SILENT),
    networksMax: integer('networksMax', options.networksMax ?? BOOTSTRAP_DEFAULTS.networksMax, [1, 65_536]),
    silenceMs: integer('silenceMs', options.silenceMs ?? BOOTSTRAP_DEFAULTS.silenceMs, [1, DAY_MS]),
    limits: limitsOf(options),
  }
}

function limitsOf(options: Partial<AcceptLimits>): AcceptLimits {
  const names = Object.keys(RANGES) as (keyof AcceptLimits)[]
  const entries = names.map((name) => [name, integer(name, options[name] ?? ACCEPT_LIMITS[name], RANGES[name])])
  return Object.fromEntries(entries) as Record<keyof AcceptLimits, number>
}

function tlsOf(cert: unknown, key: unknown): ResolvedAccept['tls'] {
  if (cert === undefined && key === undefined) return null
  if (cert === undefined || key === undefined)
    throw wrong(cert === undefined ? 'cert' : 'key', 'is missing: TLS needs both "cert" and "key"')
  return { cert: pem('cert', cert), key: pem('key', key) }
}

/** Secrets are never shown in messages; paths are. */
function pem(name: string, value: unknown): string | Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value !== 'string') throw wrong(name, 'must be PEM text or the path of a PEM file')
  if (value.includes('-----BEGIN ')) return value
  try {
    return readFileSync(value)
  } catch (error) {
    throw wrong(name, `cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function originsOf(value: unknown): ReadonlySet<string> | null {
  const origins: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (origins.includes('*')) return null
  return new Set(origins.map(originOf))
}

function originOf(value: unknown): string {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : null
  if (url === null || url.origin === 'null') throw wrong('origin', 'must be "*" or origins like "https://example.org"')
  return url.origin
}

function secretOf(value: unknown): string | null {
  if (value === undefined) return null
  if (typeof value === 'string' && value.length >= TOKEN_SECRET_CHARS_MIN) return value
  throw wrong('tokenSecret', `must be a string of at least ${TOKEN_SECRET_CHARS_MIN} characters`)
}

function seedOf(value: unknown): Uint8Array | undefined {
  if (value === undefined) return undefined
  if (value instanceof Uint8Array && value.byteLength === SEED_BYTES) return value.slice()
  throw wrong('seed', `must be a Uint8Array of ${SEED_BYTES} bytes`)
}

function directory(name: string, value: unknown): string | null {
  const path = text(name, value)
  if (path === undefined) return null
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return path
  throw wrong(name, `must be a directory (got ${JSON.stringify(path)})`)
}

function loggerOf(value: unknown): Logger {
  const logger = value as Partial<Record<keyof Logger, unknown>>
  const methods = [logger.debug, logger.info, logger.warn, logger.error]
  if (methods.every((method) => typeof method === 'function')) return value as Logger
  throw wrong('logger', 'must have debug, info, warn and error; a pino logger fits')
}

function text(name: string, value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw wrong(name, 'must be a string')
}

function boolean(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(name, 'must be true or false')
}

function integer(name: string, value: unknown, [min, max]: readonly [number, number]): number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
  throw wrong(
    name,
    `must be an integer from ${min} to ${max} (got ${typeof value === 'number' ? value : typeof value})`,
  )
}

const wrong = (name: string, rule: string): MeshError => new MeshError('ERR_OPTION', `option "${name}" ${rule}`)
