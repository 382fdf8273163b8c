/**
 * Accepts visitors: listens, bounds everything a stranger can do before and after the upgrade, goes through the
 * handshake, and hands over a channel whose other end has proven its id. What the visitor is then told is its owner's
 * business: a bootstrap's (`server.ts`), or that of a peer that listens (`mesh.listen`).
 */

import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import type { NetworkId, PeerId } from '../src/core/ids.ts'
import { MeshError } from '../src/errors.ts'
import { answerHello, type Applicant, createChallenge, HelloFailed, type HelloFailure } from '../src/net/hello.ts'
import { type Identity, verifySignature } from '../src/net/identity.ts'
import { RECEIVE_LIMITS } from '../src/net/runtime.node.ts'
import { BatchPacker, decodeBatch } from '../src/wire/batch.ts'
import {
  type ChallengeFrame,
  type HandshakeFrame,
  type HelloFrame,
  NONCE_BYTES,
  type WelcomeFrame,
} from '../src/wire/handshake.ts'
import { addressOf } from './addresses.ts'
import {
  BACKLOG_BYTES,
  Connection,
  type ConnectionCounters,
  type ConnectionHost,
  type ConnectionOwner,
  ServerSocket,
} from './connection.ts'
import { Crowd } from './crowd.ts'
import { createHttpServer, HttpSockets } from './http.ts'
import type { ResolvedAccept } from './options.ts'
import { checkToken } from './token.ts'

/** Somebody who has proven an id. Who takes it makes itself the channel's `owner`, or a `Link` of it, before returning. */
export interface Visitor {
  readonly channel: Connection
  readonly peer: PeerId
  readonly network: NetworkId
  /** join: a newcomer. visit: a member that looks in. */
  readonly purpose: 'join' | 'visit'
  /** IPv4 address, or the /64 of an IPv6 address. */
  readonly address: string
}

/** What an acceptor serves. */
export interface AcceptorParts {
  readonly options: ResolvedAccept
  readonly identity: Identity
  readonly onVisitor: (visitor: Visitor) => void
  /** Default: all. A peer that listens serves its own network only. */
  readonly isServed?: (network: NetworkId) => boolean
  /** What `/healthz` shows. */
  readonly health: () => object
}

/** Counters count since the start; `refused` by reason. */
export interface AcceptorStats {
  readonly connections: number
  readonly unproven: number
  readonly addresses: number
  readonly httpSockets: number
  readonly admitted: number
  readonly refused: Readonly<Record<HelloFailure | 'origin' | 'full' | 'address' | 'evicted' | 'httpEvicted', number>>
  readonly limited: Readonly<ConnectionCounters>
}

/** Overdue hellos and slow readers are looked for this often, in milliseconds. */
const SWEEP_MS = 500
/** How soon an overdrawn connection is looked at again: a message's worth of debt lasts a few milliseconds. */
const RESUME_MS = 10
/**
 * Connections that the kernel completes while we are busy; Linux cuts it to net.core.somaxconn. Node's 511 is full after
 * a burst of 1,000, and whoever comes then waits a second for TCP to try again (measured in test/bootstrap/attacks).
 */
const BACKLOG = 4_096
const STATUS = { origin: '403 Forbidden', address: '429 Too Many Requests', full: '503 Service Unavailable' } as const

/** Listens as `options` say. Rejects with `MeshError` `ERR_OPTION` when it cannot listen there. */
export async function createAcceptor(parts: AcceptorParts): Promise<Acceptor> {
  const { options } = parts
  const server = createHttpServer(options, parts.health)
  const acceptor = new Acceptor(server, parts)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const name = error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND' ? 'host' : 'port'
      reject(new MeshError('ERR_OPTION', `option "${name}" cannot be listened on: ${error.message}`, error))
    })
    server.listen(
      { port: options.port, backlog: BACKLOG, ...(options.host === undefined ? {} : { host: options.host }) },
      resolve,
    )
  })
  acceptor.start()
  return acceptor
}

export class Acceptor implements ConnectionHost {
  readonly limits
  readonly counters: ConnectionCounters = {
    throttled: 0,
    overflowed: 0,
    slowReaders: 0,
    textMessages: 0,
    protocolErrors: 0,
  }
  readonly #parts: AcceptorParts
  readonly #http: Server
  readonly #httpSockets: HttpSockets
  readonly #sockets = new WebSocketServer({
    ...RECEIVE_LIMITS,
    noServer: true,
    clientTracking: false,
    WebSocket: ServerSocket,
  })
  readonly #crowd: Crowd
  readonly #overdrawn = new Set<Connection>()
  readonly #backlogged = new Map<Connection, Backlog>()
  readonly #refused = {
    malformed: 0,
    signature: 0,
    self: 0,
    token: 0,
    network: 0,
    timeout: 0,
    denied: 0,
    closed: 0,
    origin: 0,
    full: 0,
    address: 0,
  }
  #admitted = 0
  #sweeper: NodeJS.Timeout | null = null
  #isClosing = false

  /** Use `createAcceptor`. */
  constructor(server: Server, parts: AcceptorParts) {
    this.#parts = parts
    this.limits = parts.options.limits
    this.#http = server
    this.#httpSockets = new HttpSockets(server, this.limits.maxHttpConnections)
    this.#crowd = new Crowd(this.limits)
    server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket as Socket, head))
  }

  /** Once it listens. */
  start(): void {
    this.#sweeper = setInterval(() => this.#sweep(Date.now()), SWEEP_MS)
    // Out of file descriptors, most likely: those who are in stay in.
    this.#http.on('error', (error) => this.#parts.options.logger.error({ error: error.message }, 'listening failed'))
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port
  }

  /** Where visitors on this machine find it; for those on others, the host is yours to know. */
  get url(): string {
    const { tls, host = '' } = this.#parts.options
    const isAny = host === '' || host === '0.0.0.0' || host === '::'
    const shown = isAny ? 'localhost' : host.includes(':') ? `[${host}]` : host
    return `${tls === null ? 'ws' : 'wss'}://${shown}:${this.port}`
  }

  get stats(): AcceptorStats {
    return {
      connections: this.#crowd.size,
      unproven: this.#crowd.unproven,
      addresses: this.#crowd.addresses,
      httpSockets: this.#httpSockets.size,
      admitted: this.#admitted,
      refused: { ...this.#refused, evicted: this.#crowd.evicted, httpEvicted: this.#httpSockets.evicted },
      limited: { ...this.counters },
    }
  }

  /**
   * Stops listening at once and waits until the owners' closed channels are gone, at most `graceMs`; what is left then
   * is cut off. Resolves when the port is free.
   */
  async close(graceMs: number): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()))
    this.#http.closeIdleConnections()
    for (const connection of this.#crowd) connection.close('server stops')
    const deadline = setTimeout(() => this.#cutOff(), graceMs)
    await this.#emptied()
    clearTimeout(deadline)
    this.#cutOff()
    if (this.#sweeper !== null) clearInterval(this.#sweeper)
    await closed
  }

  onOverdrawn(connection: Connection): void {
    if (this.#overdrawn.size === 0) setTimeout(() => this.#resume(), RESUME_MS)
    this.#overdrawn.add(connection)
  }

  onBacklog(connection: Connection): void {
    if (!this.#backlogged.has(connection))
      this.#backlogged.set(connection, { takenBytes: connection.takenBytes, since: Date.now() })
  }

  onGone(connection: Connection): void {
    this.#crowd.remove(connection)
    this.#overdrawn.delete(connection)
    this.#backlogged.delete(connection)
    if (this.#isClosing && this.#crowd.size === 0) this.#onEmpty()
  }

  #onEmpty: () => void = () => {}

  #emptied(): Promise<void> {
    return this.#crowd.size === 0 ? Promise.resolve() : new Promise((resolve) => (this.#onEmpty = resolve))
  }

  #cutOff(): void {
    for (const connection of this.#crowd) connection.terminate('server stops')
    this.#http.closeAllConnections()
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.#httpSockets.upgraded(socket)
    const address = addressOf(request, this.#parts.options.trustProxy)
    const refusal = this.#isClosing ? 'full' : this.#isForeign(request) ? 'origin' : this.#crowd.makeRoom(address)
    if (refusal !== null) {
      this.#refused[refusal]++
      this.#parts.options.logger.debug({ address, reason: refusal }, 'refused')
      return refuseUpgrade(socket, STATUS[refusal])
    }
    this.#sockets.handleUpgrade(request, socket, head, (upgraded) => this.#challenge(upgraded, socket, address))
  }

  #isForeign(request: IncomingMessage): boolean {
    const { origins } = this.#parts.options
    const { origin } = request.headers
    return origins !== null && origin !== undefined && !origins.has(origin)
  }

  #challenge(socket: ServerSocket, tcp: Socket, address: string): void {
    const now = Date.now()
    const connection = new Connection(socket, { tcp, host: this, address: this.#crowd.recordOf(address), now })
    this.#crowd.add(connection, now)
    const { identity } = this.#parts
    const challenge = createChallenge(identity, identity.crypto.randomBytes(NONCE_BYTES))
    connection.owner = new Guest((message) => this.#onHello(connection, challenge, message))
    connection.send(messageOf(challenge))
  }

  #onHello(connection: Connection, challenge: ChallengeFrame, message: Uint8Array): void {
    // Nothing may follow a hello before it is answered.
    connection.owner = new Guest(() => this.#deny(connection, 'malformed'))
    const hello = onlyFrame(message)
    if (hello?.kind !== 'hello') return this.#deny(connection, 'malformed')
    const { identity } = this.#parts
    const answered = answerHello(challenge, hello, {
      signer: identity,
      verify: (claim) => verifySignature(identity.crypto, claim),
      refusalOf: (applicant) => this.#refusalOf(applicant),
    })
    answered.then(
      (welcome) => this.#admit(connection, hello, welcome),
      (error: unknown) => this.#deny(connection, error instanceof HelloFailed ? error.reason : 'malformed'),
    )
  }

  #refusalOf(applicant: Applicant): 'token' | 'network' | null {
    const { options, isServed } = this.#parts
    if (isServed?.(applicant.network) === false) return 'network'
    if (options.tokenSecret === null) return null
    return checkToken(options.tokenSecret, applicant, Date.now()) === 'good' ? null : 'token'
  }

  #admit(connection: Connection, hello: HelloFrame, welcome: WelcomeFrame): void {
    if (connection.isClosed) return
    this.#crowd.prove(connection)
    this.#admitted++
    connection.send(messageOf(welcome))
    const { peer, network, role: purpose } = hello
    this.#parts.onVisitor({ channel: connection, peer, network, purpose, address: connection.address.address })
  }

  #deny(connection: Connection, reason: HelloFailure): void {
    if (connection.isClosed) return
    this.#refused[reason]++
    this.#parts.options.logger.debug({ address: connection.address.address, reason }, 'denied')
    connection.send(messageOf({ kind: 'denied', reason }))
    connection.close(reason)
  }

  #sweep(now: number): void {
    this.#httpSockets.sweep()
    for (const connection of this.#crowd.unprovenBefore(now - this.limits.helloTimeoutMs)) this.#expire(connection)
    for (const [connection, backlog] of this.#backlogged) this.#watch(connection, backlog, now)
  }

  /** A reader may be slow, but not stand still: in `slowReaderMs` it must take as much as would not worry us. */
  #watch(connection: Connection, backlog: Backlog, now: number): void {
    if (connection.bufferedAmount <= BACKLOG_BYTES) return void this.#backlogged.delete(connection)
    const { takenBytes } = connection
    if (takenBytes - backlog.takenBytes >= BACKLOG_BYTES) {
      backlog.takenBytes = takenBytes
      backlog.since = now
    } else if (now - backlog.since >= this.limits.slowReaderMs) {
      this.#backlogged.delete(connection)
      this.counters.slowReaders++
      connection.terminate('slow reader')
    }
  }

  /** Twice: the first time it is told, the second time (it would not leave) it is cut off. */
  #expire(connection: Connection): void {
    if (connection.isClosed) connection.terminate('timeout')
    else this.#deny(connection, 'timeout')
  }

  #resume(): void {
    for (const connection of this.#overdrawn) if (connection.resumeIfPaid()) this.#overdrawn.delete(connection)
    if (this.#overdrawn.size > 0) setTimeout(() => this.#resume(), RESUME_MS)
  }
}

/** What a slow reader had taken when, as far as we know. */
interface Backlog {
  takenBytes: number
  since: number
}

/** Owns a connection until its hello is answered. */
class Guest implements ConnectionOwner {
  readonly onMessage: (message: Uint8Array) => void

  constructor(onMessage: (message: Uint8Array) => void) {
    this.onMessage = onMessage
  }

  onClose(): void {}
}

/** One handshake frame as a message of its own. */
function messageOf(frame: HandshakeFrame): Uint8Array {
  const packer = new BatchPacker()
  packer.add(frame)
  return packer.take()[0]!
}

function onlyFrame(
  message: Uint8Array,
): ReturnType<typeof decodeBatch> extends readonly (infer F)[] | null ? F : never {
  const frames = decodeBatch(message)
  return frames?.length === 1 ? frames[0]! : null
}

function refuseUpgrade(socket: Socket, status: string): void {
  socket.on('error', () => {})
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
}
