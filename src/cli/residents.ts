/**
 * `musubi residents`: peers that belong to a bootstrap's host (`musubi bootstrap --peers 8`), so that the first visitor
 * finds a mesh and not an empty page. They run in one child process of the bootstrap's: native WebRTC can abort its
 * process, and must not take the server along. One for all of them: eight peers take 100 MB together, and a process
 * with a single one 60. They end with their parent. Not for people, therefore hidden.
 */

import { Command, Option } from 'commander'
import { WebSocket } from 'ws'
import { createMesh } from '../mesh.ts'
import type { Mesh } from '../mesh.ts'
import { TOKEN_VARIABLE, wholeNumber } from './arguments.ts'
import { aborted, stopSignal } from './stop.ts'
import { loadWebRtc, WRTC_DEFAULT } from './webrtc.ts'
import { chatText } from './wording.ts'

/** Most peers that one process is asked to hold. */
export const RESIDENTS_MAX = 100
/**
 * Ends of links that all of them have at most: each takes 0.35 MB, and twenty file descriptors (32 peers that were all linked
 * with each other came to the 20,000 of a process). So the more there are the fewer links has each, but never too few.
 */
const LINK_ENDS_MAX = 640
const [LINKS_MIN, LINKS_MAX] = [16, 48]

/** An echo is never echoed, or two residents would talk for ever. */
const ECHO = 'echo: '

export interface ResidentsOptions {
  readonly count: number
  readonly network: string
  readonly token?: string
  readonly wrtc: string
}

export const residentsCommand = new Command('residents')
  .argument('<url>', 'the bootstrap')
  .requiredOption('--count <number>', 'how many', wholeNumber(1, RESIDENTS_MAX))
  .option('--network <name>', 'name of the network', 'default')
  // By environment only: arguments show in process lists.
  .addOption(new Option('--token <text>').env(TOKEN_VARIABLE))
  .option('--wrtc <module>', 'WebRTC implementation', WRTC_DEFAULT)
  .action(reside)

async function reside(url: string, options: ResidentsOptions): Promise<void> {
  const signal = stopSignal()
  const parentGone = new Promise((resolve) => process.on('disconnect', resolve))
  const wrtc = await loadWebRtc(options.wrtc)
  const meshes: Mesh[] = []
  // One after the other: each finds a mesh that stands.
  for (let index = 0; index < options.count && !signal.aborted; index += 1)
    meshes.push(await resident(url, options, wrtc))
  process.send?.('joined')
  await Promise.race([aborted(signal), parentGone])
  await Promise.all(meshes.map((mesh) => mesh.close()))
}

async function resident(url: string, options: ResidentsOptions, wrtc: unknown): Promise<Mesh> {
  const { network, token, count } = options
  const linksMax = Math.min(LINKS_MAX, Math.max(LINKS_MIN, Math.floor(LINK_ENDS_MAX / count)))
  const rest = { WebSocket: OwnServerSocket, linksMax, ...(token && { token }) }
  const mesh = createMesh({ bootstrap: url, network, wrtc, ...rest })
  mesh.on('call', (call) => call.accept())
  mesh.on('message', async ({ from, data, kind }) => {
    const text = chatText(data)
    if (kind === 'unicast' && text && !text.startsWith(ECHO)) await mesh.send(from, `${ECHO}${text}`)
  })
  await mesh.ready()
  return mesh
}

/**
 * Dials the parent's own port on this machine. Its certificate is made out to a public name and not to this machine's
 * loopback address, and there is nobody in between, so it is not checked here.
 */
class OwnServerSocket extends WebSocket {
  constructor(url: string) {
    super(url, { rejectUnauthorized: false })
  }
}
