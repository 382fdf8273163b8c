/**
 * `musubi bootstrap`: a server that introduces newcomers, with the live page and resident peers if asked for. Logs are
 * JSON lines on standard output; the few lines made for a person go to standard error.
 */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Command, Option } from 'commander'
import { runBootstrap } from '../../bootstrap/main.ts'
import type { RunOptions } from '../../bootstrap/main.ts'
import { createToken } from '../../bootstrap/token.ts'
import { collect, port, SECRET_VARIABLE, wholeNumber } from './arguments.ts'
import { startResidents } from './resident-process.ts'
import { RESIDENTS_MAX } from './residents.ts'
import { aborted, stopSignal } from './stop.ts'
import { WRTC_DEFAULT } from './webrtc.ts'

/** Where `npm run build` puts the live page, seen from this file's place in `dist/`. */
const PAGE_FOLDER = fileURLToPath(new URL('../../page', import.meta.url))

/** Resident peers come back for as long as the server runs; longer than anybody keeps it up. */
const RESIDENT_TOKEN_MS = 10 * 365 * 24 * 3_600_000

interface Options extends Omit<RunOptions, 'page'> {
  /** True: the page of this package. */
  readonly page?: string | true
  readonly peers: number
  readonly network: string
  readonly wrtc: string
}

/** Numbers without a ceiling worth naming here; `createBootstrap` knows each one's bounds. */
const amount = wholeNumber(1, 1e12)

export const bootstrapCommand = new Command('bootstrap')
  .description('run a bootstrap server: it introduces newcomers to the mesh')
  .option('-p, --port <port>', 'TCP port (0: any)', port, 8080)
  .option('--host <address>', 'address to listen on (default: all)')
  .option('--cert <path>', 'TLS certificate chain, PEM')
  .option('--key <path>', 'TLS private key, PEM')
  .option('--origin <origin>', 'let only pages of this origin connect; may be repeated (default: all)', collect)
  .addOption(new Option('--token-secret <text>', 'ask for admission tokens made with this secret').env(SECRET_VARIABLE))
  .option('--trust-proxy', 'take addresses from X-Forwarded-For; only behind a proxy that nobody can go around')
  .option('--page [folder]', 'serve the live page, or the files of a folder, at /')
  .option('--peers <number>', 'run so many peers beside the server', wholeNumber(0, RESIDENTS_MAX), 0)
  .option('-n, --network <name>', 'the network of these peers', 'default')
  .option('--wrtc <module>', 'their WebRTC implementation', WRTC_DEFAULT)
  .option('--max-connections <number>', 'WebSockets at once (default: 10000)', amount)
  .option('--max-connections-per-address <number>', 'of these, from one address (default: 256)', amount)
  .option('--frames-per-second <number>', 'from one connection (default: 10000)', amount)
  .option('--bytes-per-second <number>', 'from one connection (default: 16 MiB)', amount)
  .option('--max-buffered-bytes <number>', 'waiting for one slow reader (default: 256 KiB)', amount)
  .option('--hello-timeout-ms <number>', 'from connection to hello (default: 5000)', amount)
  .addOption(new Option('--log-level <level>').choices(['debug', 'info', 'warn', 'error', 'silent']).default('info'))
  .action(bootstrap)

async function bootstrap({ page, peers, network, wrtc, ...options }: Options): Promise<void> {
  const signal = stopSignal()
  const folder = page === true ? builtPage() : page
  const server = await runBootstrap({ ...options, ...(folder !== undefined && { page: folder }) })
  say(`musubi bootstrap on ${server.url}`)
  if (folder !== undefined) say(`live page on ${server.url.replace(/^ws/, 'http')}`)
  const token = residentToken(options.tokenSecret, network)
  const { url } = server
  const stopResidents = peers > 0 ? startResidents({ url, count: peers, network, wrtc, log: say, ...token }) : null
  await aborted(signal)
  await Promise.all([server.close(), stopResidents?.()])
}

function builtPage(): string {
  if (existsSync(PAGE_FOLDER)) return PAGE_FOLDER
  throw new Error('The live page has not been built: run npm run build first.')
}

function residentToken(secret: string | undefined, network: string): { readonly token?: string } {
  if (secret === undefined) return {}
  return { token: createToken(secret, { network, expires: Date.now() + RESIDENT_TOKEN_MS }) }
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)
