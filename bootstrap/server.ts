/**
 * A bootstrap server: the pure `BootstrapNode` behind an acceptor. This shell gives links their numbers, turns messages
 * into frames and back, and keeps the time. It does by hand what `net/link.ts` does for peers, because its task is
 * another one: thousands of links of which most stand idle, frames for many of them in one turn of the event loop, and
 * nothing worth queueing for a reader that is slow.
 */

import type { Frame } from '../src/core/frames.ts'
import type { Instant, LinkId, PeerId } from '../src/core/ids.ts'
import { createIdentity } from '../src/net/identity.ts'
import { LINK_LIMITS } from '../src/net/link.ts'
import { decodeBatch } from '../src/wire/batch.ts'
import type { HandshakeFrame } from '../src/wire/handshake.ts'
import { type Acceptor, type AcceptorStats, createAcceptor, type Visitor } from './acceptor.ts'
import type { Connection, ConnectionOwner } from './connection.ts'
import { BOOTSTRAP_DEFAULTS, type BootstrapInspection, type BootstrapIo, BootstrapNode } from './node.ts'
import { type Outlet, Outgoing } from './outgoing.ts'
import { type BootstrapOptions, resolveBootstrap, type ResolvedBootstrap } from './options.ts'

export { ACCEPT_LIMITS, type AcceptLimits, type BootstrapOptions, type Logger } from './options.ts'
export type { AcceptorStats } from './acceptor.ts'
export type { BootstrapInspection } from './node.ts'
export { createToken, type TokenGrant } from './token.ts'

/** How a bootstrap does: one JSON-able snapshot, also at `/healthz`. */
export interface BootstrapStats extends BootstrapInspection {
  readonly id: PeerId
  readonly uptimeMs: number
  /** Memory of the whole process, resident. */
  readonly rssBytes: number
  /** Links that sent too many frames that do not decode, closed. */
  readonly badFrames: number
  readonly accept: AcceptorStats
}

/** For goodbyes to arrive, in milliseconds; what is still there then is cut off (guess). */
const CLOSE_GRACE_MS = 1_000

/**
 * Start a bootstrap. Rejects with `MeshError` `ERR_OPTION` that names the option that is wrong, a port in use included.
 *
 * @example
 * const bootstrap = await createBootstrap({ port: 8080 })
 * console.log(bootstrap.url)
 * await bootstrap.close()
 */
export async function createBootstrap(options: BootstrapOptions = {}): Promise<Bootstrap> {
  const resolved = resolveBootstrap(options)
  const identity = await createIdentity({ seed: resolved.seed })
  const host = new NodeHost(identity.id, resolved)
  const startedAt = performance.now()
  const stats = (acceptor: Acceptor): BootstrapStats => ({
    id: identity.id,
    uptimeMs: Math.round(performance.now() - startedAt),
    rssBytes: process.memoryUsage.rss(),
    ...host.node.inspect(),
    badFrames: host.badFrames,
    accept: acceptor.stats,
  })
  const acceptor: Acceptor = await createAcceptor({
    options: resolved,
    identity,
    onVisitor: (visitor) => host.admit(visitor),
    health: () => ({ status: 'ok', ...stats(acceptor) }),
  })
  host.start()
  resolved.logger.info({ url: acceptor.url, id: identity.id }, 'bootstrap listens')
  return new Bootstrap({ id: identity.id, host, acceptor, stats: () => stats(acceptor) })
}

/** A running bootstrap; made by `createBootstrap`. */
export class Bootstrap {
  /** Its own id, which its visitors verify. No one else can be addressed by it. */
  readonly id: PeerId
  /** `ws:` or `wss:`; with "localhost" where it listens on all interfaces. */
  readonly url: string
  readonly port: number
  readonly #parts: { readonly host: NodeHost; readonly acceptor: Acceptor; readonly stats: () => BootstrapStats }
  #closed: Promise<void> | null = null

  constructor(parts: { id: PeerId; host: NodeHost; acceptor: Acceptor; stats: () => BootstrapStats }) {
    this.id = parts.id
    this.url = parts.acceptor.url
    this.port = parts.acceptor.port
    this.#parts = parts
  }

  /** A snapshot: who is here, what went through, what was refused and why. */
  stats(): BootstrapStats {
    return this.#parts.stats()
  }

  /** Says goodbye to everybody and stops; resolves when the port is free, within about a second. Twice is fine. */
  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { host, acceptor } = this.#parts
    host.stop()
    await acceptor.close(CLOSE_GRACE_MS)
  }
}

/** A visitor's place here. One of ten thousand: what it does not need while it stands idle, it does not have. */
class Seat implements ConnectionOwner, Outlet {
  readonly link: LinkId
  readonly connection: Connection
  readonly #host: NodeHost
  parts: number[] | null = null
  badFrames = 0

  constructor(link: LinkId, connection: Connection, host: NodeHost) {
    this.link = link
    this.connection = connection
    this.#host = host
  }

  onMessage(message: Uint8Array): void {
    this.#host.receive(this, message)
  }

  onClose(reason: string): void {
    this.#host.down(this, reason)
  }
}

/** Runs a `BootstrapNode` on real channels. */
class NodeHost implements BootstrapIo {
  readonly node: BootstrapNode
  badFrames = 0
  readonly #options: ResolvedBootstrap
  readonly #seats = new Map<LinkId, Seat>()
  readonly #outgoing = new Outgoing()
  readonly #timers = new Set<NodeJS.Timeout>()
  #linksMade = 0

  constructor(self: PeerId, options: ResolvedBootstrap) {
    this.#options = options
    const { networksMax, silenceMs } = options
    const { framesPerSecond, bytesPerSecond } = options.limits
    this.node = new BootstrapNode(
      {
        ...BOOTSTRAP_DEFAULTS,
        self,
        networksMax,
        silenceMs,
        // The connection holds its visitor to these rates already; this second bucket must not be the tighter one.
        linkFrames: { perSecond: framesPerSecond, burst: 2 * framesPerSecond },
        linkBytes: { perSecond: bytesPerSecond, burst: 2 * bytesPerSecond },
      },
      this,
    )
  }

  start(): void {
    this.node.handle({ kind: 'start' }, now())
  }

  stop(): void {
    this.node.handle({ kind: 'stop' }, now())
    for (const timer of this.#timers) clearTimeout(timer)
  }

  admit(visitor: Visitor): void {
    const link = ++this.#linksMade as LinkId
    const { channel, peer, network, purpose, address } = visitor
    const seat = new Seat(link, channel, this)
    this.#seats.set(link, seat)
    channel.owner = seat
    this.#options.logger.debug({ link, peer, network, purpose, address }, 'visitor')
    const { transport, isSecure } = channel
    this.node.handle(
      { kind: 'linkUp', link, peer, role: 'visitor', transport, isSecure, exchange: null, network, purpose },
      now(),
    )
  }

  random(): number {
    return crypto.getRandomValues(random32)[0]!
  }

  /**
   * Frames of one turn of the event loop share a message. The turn ends after all sockets have been read (setImmediate),
   * not after each of them (a microtask): under load, frames from many visitors to one then cost one system call. What
   * ends it earlier: see `Outgoing`.
   */
  send(link: LinkId, frame: Frame): void {
    const seat = this.#seats.get(link)
    if (seat !== undefined) this.#outgoing.add(seat, frame)
  }

  closeLink(link: LinkId, reason: string): void {
    const seat = this.#seats.get(link)
    if (seat === undefined) return
    this.#outgoing.flushOne(seat)
    seat.connection.close(reason)
  }

  schedule(token: Parameters<BootstrapIo['schedule']>[0], delayMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.node.handle({ kind: 'timer', token }, now())
    }, delayMs)
    this.#timers.add(timer)
  }

  /** For `Seat`. */
  receive(seat: Seat, message: Uint8Array): void {
    const frames = decodeBatch(message)
    if (frames === null) return this.#countBad(seat)
    const time = now()
    for (const frame of frames) {
      if (frame === null || isHandshake(frame)) this.#countBad(seat)
      else this.node.handle({ kind: 'frame', link: seat.link, frame }, time)
    }
  }

  #countBad(seat: Seat): void {
    this.badFrames++
    if (++seat.badFrames > LINK_LIMITS.badFramesMax) seat.connection.close('bad frames')
  }

  /** For `Seat`. */
  down(seat: Seat, reason: string): void {
    this.#seats.delete(seat.link)
    seat.parts = null
    this.node.handle({ kind: 'linkDown', link: seat.link, reason }, now())
    this.#options.logger.debug({ link: seat.link, reason }, 'visitor gone')
  }
}

const HANDSHAKE_KINDS: ReadonlySet<string> = new Set<HandshakeFrame['kind']>([
  'challenge',
  'hello',
  'welcome',
  'proof',
  'denied',
])

const isHandshake = (frame: Frame | HandshakeFrame): frame is HandshakeFrame => HANDSHAKE_KINDS.has(frame.kind)

const random32 = new Uint32Array(1)

const now = (): Instant => Date.now() as Instant
