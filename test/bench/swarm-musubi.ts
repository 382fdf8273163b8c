/**
 * Swarms of real peers: `createMesh`, real bootstrap over ws, @roamhq/wrtc; settled before anything is sent. And plain
 * flooding as a floor, on the same links of the same kind of mesh: whoever gets a message that it does not know checks
 * its signature and passes it on to all links but the one it came on. It signs, verifies and encodes with the same code;
 * what it lacks is everything else: tree, announcements, budgets, cache, events. The mesh below goes on with its
 * heartbeats, so that both swarms pay for those.
 */

import type { BroadcastFrame } from '../../src/core/frames.ts'
import { HOP_LIMIT_MAX } from '../../src/core/frames.ts'
import { randomName } from '../../src/core/geometry.ts'
import type { LinkId, MessageId } from '../../src/core/ids.ts'
import { Engine } from '../../src/engine.ts'
import { createMesh, type Mesh } from '../../src/index.ts'
import { Driver, randomWords } from '../../src/net/driver.ts'
import { networkIdOf } from '../../src/net/identity.ts'
import type { Link } from '../../src/net/link.ts'
import { Sealer } from '../../src/net/seal.ts'
import { rawWrtc } from './floor-webrtc.ts'
import { until } from './rig.ts'
import type { Swarm, SwarmOptions } from './swarm.ts'

/** So long without a link that comes or goes is called settled. */
const QUIET_MS = 10_000
const SETTLING_MS_MAX = 120_000

export async function createMusubiSwarm(options: SwarmOptions): Promise<Swarm> {
  const meshes = await settledMeshes(options)
  const swarm: Swarm = {
    size: meshes.length,
    // What is refused ends the process, and with it the benchmark.
    broadcast: (sender, data) => void meshes[sender]!.broadcast(data),
    onMessage: () => {},
    payloads: () => meshes.reduce((sum, mesh) => sum + mesh.inspect().counters['broadcast']!['sent']!, 0),
  }
  for (const [receiver, mesh] of meshes.entries())
    mesh.on('message', ({ data, kind }) => kind === 'broadcast' && swarm.onMessage(receiver, data))
  return swarm
}

/** All peers start at once; which links they make is theirs to choose. */
async function settledMeshes({ size, ...options }: SwarmOptions): Promise<Mesh[]> {
  const wrtc = await rawWrtc('@roamhq/wrtc')
  const meshes = Array.from({ length: size }, () => createMesh({ wrtc, ...options }))
  let changedAt = performance.now()
  for (const mesh of meshes) mesh.on('peer', () => (changedAt = performance.now()))
  await Promise.all(meshes.map((mesh) => mesh.ready({ timeoutMs: SETTLING_MS_MAX })))
  await until(() => performance.now() - changedAt > QUIET_MS, SETTLING_MS_MAX)
  return meshes
}

// ---- flooding -------------------------------------------------------------------------------------------------------

export async function createFloodSwarm(options: SwarmOptions): Promise<Swarm> {
  const links = watchEngines()
  await settledMeshes(options)
  const network = await networkIdOf(options.network)
  const swarm: Swarm = {
    size: options.size,
    broadcast: (sender, data) => void peers[sender]!.publish(data),
    onMessage: () => {},
    payloads: () => peers.reduce((sum, { sent }) => sum + sent, 0),
  }
  const peers = [...links].map(
    ([{ identity }, own], receiver) =>
      new FloodPeer({
        links: own,
        tree: network,
        sealer: new Sealer({ identity, network, crypto: identity.crypto, now: Date.now }),
        onMessage: (data) => swarm.onMessage(receiver, data),
      }),
  )
  return swarm
}

/** Links of one peer to others: those that are open, and those to come. */
class PeerLinks {
  /** Set by whoever floods. */
  onBroadcast: (frame: BroadcastFrame, from: Link) => void = () => {}
  readonly #links = new Set<Link>()

  get open(): readonly Link[] {
    return [...this.#links].filter(({ isOpen }) => isOpen)
  }

  /** Broadcasts are the flood's, the rest stays the mesh's. */
  add(link: Link): void {
    const rest = link.onFrame
    this.#links.add(link)
    link.onFrame = (frame) => {
      if (frame.kind === 'broadcast') this.onBroadcast(frame, link)
      else rest?.(frame)
    }
  }
}

/** Every engine that starts from now on, with its links to peers. No option shows them, so it goes past them. */
function watchEngines(): Map<Engine, PeerLinks> {
  const links = new Map<Engine, PeerLinks>()
  const byDriver = new Map<Driver, PeerLinks>()
  const { start } = Engine.prototype
  const { attach } = Driver.prototype
  Engine.prototype.start = function (): void {
    const own = new PeerLinks()
    links.set(this, own)
    byDriver.set(this.driver, own)
    start.call(this)
  }
  Driver.prototype.attach = function (proven): void {
    attach.call(this, proven)
    if (proven.role === 'peer') byDriver.get(this)?.add(proven.link)
  }
  return links
}

interface FloodParts {
  readonly links: PeerLinks
  readonly tree: BroadcastFrame['target']
  readonly sealer: Sealer
  readonly onMessage: (data: Uint8Array) => void
}

class FloodPeer {
  sent = 0
  readonly #parts: FloodParts
  /** Without a bound: a benchmark ends. */
  readonly #seen = new Set<MessageId>()

  constructor(parts: FloodParts) {
    this.#parts = parts
    parts.links.onBroadcast = (frame, from) => void this.#take(frame, from)
  }

  async publish(payload: Uint8Array): Promise<void> {
    const { sealer, tree } = this.#parts
    const id = randomName(random) as MessageId
    const body = await sealer.sign(id, payload, tree)
    this.#seen.add(id)
    this.#spread({ kind: 'broadcast', hopLimit: HOP_LIMIT_MAX, hops: 0, id, target: tree, isDirect: false, body }, null)
  }

  async #take(frame: BroadcastFrame, from: Link): Promise<void> {
    const { id, body } = frame
    if (this.#seen.has(id)) return
    this.#seen.add(id)
    const { sealer, tree, onMessage } = this.#parts
    const { payload } = await sealer.verify({ kind: 'verify', tree, id, link: 0 as LinkId, body })
    onMessage(payload)
    this.#spread({ ...frame, hopLimit: frame.hopLimit - 1, hops: frame.hops + 1 }, from)
  }

  #spread(frame: BroadcastFrame, from: Link | null): void {
    for (const link of this.#parts.links.open) {
      if (link === from) continue
      this.sent++
      link.send(frame)
    }
  }
}

const random = randomWords(globalThis.crypto)
