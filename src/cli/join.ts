/**
 * `musubi join [url…]`: a Node peer in the terminal. Standard input is chat (`session.ts`); with `--listen` it serves
 * as a bootstrap for others and stays when its input ends.
 */

import { Command, Option } from 'commander'
import { createMesh } from '../mesh.ts'
import type { Mesh } from '../mesh.ts'
import type { MeshOptions } from '../options.ts'
import {
  collect,
  port,
  readAnchors,
  readSeed,
  SECRET_VARIABLE,
  TOKEN_VARIABLE,
  wholeNumber,
  writeAnchors,
  writeSeed,
} from './arguments.ts'
import { Session } from './session.ts'
import { aborted, stopSignal } from './stop.ts'
import { Terminal } from './terminal.ts'
import { loadWebRtc, WRTC_DEFAULT } from './webrtc.ts'
import { count } from './wording.ts'

interface JoinOptions {
  readonly network: string
  readonly seedFile?: string
  readonly listen?: number
  readonly host: string
  readonly token?: string
  readonly tokenSecret?: string
  readonly linksMax?: number
  readonly ice?: readonly string[]
  readonly timeout: number
  readonly wrtc: string
}

export const joinCommand = new Command('join')
  .description('join a mesh as a peer; lines are chat, /help lists commands')
  .argument('[url...]', 'bootstraps to be introduced by, ws:// or wss://; none: be the first (with --listen)')
  .option('-n, --network <name>', 'name of the network', 'default')
  .option(
    '--seed-file <path>',
    'keep this identity in a file, made if it does not exist, and peers to come back to beside it',
  )
  .option('--listen <port>', 'serve as a bootstrap on this port as well (0: any)', port)
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .addOption(
    new Option('--token-secret <text>', 'with --listen: ask visitors for tokens made with this secret').env(
      SECRET_VARIABLE,
    ),
  )
  .addOption(new Option('--token <text>', 'admission token, if the bootstrap asks for one').env(TOKEN_VARIABLE))
  .option('--links-max <number>', 'most links to hold', wholeNumber(4, 256))
  .option('--ice <url>', 'STUN server, e.g. stun:host:3478; may be repeated', collect)
  .option('--timeout <seconds>', 'give up if the mesh cannot be joined by then', wholeNumber(1, 600), 30)
  .option('--wrtc <module>', 'WebRTC implementation', WRTC_DEFAULT)
  .action(join)

async function join(urls: readonly string[], options: JoinOptions, command: Command): Promise<void> {
  if (urls.length === 0 && options.listen === undefined) {
    command.error('error: name a bootstrap to join, or --listen to be the first of a mesh')
  }
  const signal = stopSignal()
  const terminal = new Terminal()
  const mesh = createMesh(await meshOptions(urls, options))
  const session = new Session({ mesh, print: terminal.print })
  try {
    await enter(mesh, { options, signal, print: terminal.print })
    await terminal.read((line) => session.handle(line), signal)
    // Without input there is still something to do for a peer that others are introduced by.
    if (options.listen !== undefined && !session.hasQuit) await aborted(signal)
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    session.close()
    await keepAnchors(mesh, options)
    await mesh.close()
  }
}

async function meshOptions(urls: readonly string[], options: JoinOptions): Promise<MeshOptions> {
  const seed = options.seedFile === undefined ? null : await readSeed(options.seedFile)
  const anchors = options.seedFile === undefined ? [] : await readAnchors(anchorsFile(options.seedFile))
  return {
    bootstrap: urls,
    network: options.network,
    wrtc: await loadWebRtc(options.wrtc),
    ...(seed && { seed }),
    anchors,
    ...(options.token !== undefined && { token: options.token }),
    ...(options.linksMax !== undefined && { linksMax: options.linksMax }),
    ...(options.ice && { rtcConfig: { iceServers: options.ice.map((url) => ({ urls: url })) } }),
  }
}

/** Best effort: a full disk is no reason not to say goodbye. */
async function keepAnchors(mesh: Mesh, { seedFile }: JoinOptions): Promise<void> {
  if (seedFile !== undefined) await writeAnchors(anchorsFile(seedFile), mesh.anchors()).catch(() => {})
}

const anchorsFile = (seedFile: string): string => `${seedFile}.anchors`

interface Entering {
  readonly options: JoinOptions
  readonly signal: AbortSignal
  readonly print: (line: string) => void
}

/** Until the mesh can be used. */
async function enter(mesh: Mesh, { options, signal, print }: Entering): Promise<void> {
  const { id, seed } = await mesh.identity()
  if (options.seedFile !== undefined && (await readSeed(options.seedFile)) === null)
    await writeSeed(options.seedFile, seed)
  print(`* you are ${id}`)
  if (options.listen !== undefined) {
    const { listen, host, tokenSecret } = options
    const { url } = await mesh.listen({ port: listen, host, ...(tokenSecret !== undefined && { tokenSecret }) })
    print(`* listening: others may run musubi join ${url}`)
  }
  await mesh.ready({ signal, timeoutMs: options.timeout * 1000 })
  print(`* joined "${options.network}", ${count(mesh.peers().length, 'link')}`)
}
