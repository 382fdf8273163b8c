/**
 * The public class: what an application says to its mesh and hears from it. Arguments are checked here; everything
 * below is the engine's. All promises reject with `MeshError` only.
 */

import { Listeners } from '#platform'
import type { Instance } from 'simple-peer'
import { BroadcastHandle } from './broadcast-handle.ts'
import { Call, type AcceptOptions } from './call.ts'
import type { ExchangeId, PeerId, RequestId, TopicId } from './core/ids.ts'
import type { BroadcastReceipt, Input, NodeEvent, Receipt } from './core/io.ts'
import { type Data, type Json, metadataBytes, parseMetadata, payloadOf } from './data.ts'
import { Engine } from './engine.ts'
import { asMeshError, closedError, MeshError } from './errors.ts'
import { Events, type MeshEvents } from './events.ts'
import { completeBuffers } from './net/exchange.ts'
import { preloadMedia } from './net/sdp.ts'
import type { Listener, ListenOptions } from './listening.ts'
import {
  abortSignal,
  type MeshOptions,
  peerIdOf,
  type ResolvedOptions,
  resolveOptions,
  timeoutMs,
  topicName,
} from './options.ts'
import { failureError, Pending } from './pending.ts'
import { type MeshState, type PeerInfo, peerInfo, type Snapshot, snapshotOf } from './snapshot.ts'
import type { Topic } from './topic.ts'
import { Topics } from './topics.ts'
import { Gate, waitFor } from './waiting.ts'

export type { MeshOptions } from './options.ts'
export type { Receipt } from './core/io.ts'

/** For whatever waits. */
export interface SignalOption {
  readonly signal?: AbortSignal
}

export interface ReadyOptions extends SignalOption {
  /** Default: the option `readyTimeoutMs`. */
  readonly timeoutMs?: number
}

export interface SendOptions extends SignalOption {
  /** Default: the option `sendTimeoutMs`. Counts from when the mesh is ready. */
  readonly timeoutMs?: number
}

export interface DialOptions extends SignalOption {
  /** What the other side sees of the call before it accepts: a JSON value of at most 1 KiB. */
  readonly metadata?: Json
  /** Media to send. */
  readonly stream?: MediaStream
  readonly streams?: readonly MediaStream[]
  /** Default: the option `dialTimeoutMs`. Counts from when the mesh is ready. */
  readonly timeoutMs?: number
}

/** The identity of this peer. */
export interface MeshIdentity {
  /** 52 characters of lower-case base32: the Ed25519 public key, and the address of this peer. */
  readonly id: string
  /** 32 secret bytes: save them and pass them as option `seed`, and the peer is the same the next time. */
  readonly seed: Uint8Array
}

/**
 * A peer of the mesh `options.network`, which begins to join at once. Throws `MeshError` `ERR_OPTION` that names the
 * option that is wrong.
 *
 * @example
 * // In a browser, WebRTC is there; in Node: import wrtc from '@roamhq/wrtc' and pass { wrtc }.
 * const mesh = createMesh({ bootstrap: 'wss://example.org', network: 'my-app' })
 * mesh.on('message', ({ from, data }) => console.log(from, new TextDecoder().decode(data)))
 * await mesh.ready()
 * await mesh.broadcast('hello, everybody')
 */
export function createMesh(options: MeshOptions = {}): Mesh {
  return new Mesh(resolveOptions(options))
}

/** Made by `createMesh`. */
export class Mesh {
  readonly #options: ResolvedOptions
  /** Says whether anybody listens for errors. */
  readonly #report = (error: MeshError): boolean => this.#events.emit('error', error)
  readonly #events = new Events<MeshEvents>(this.#report)
  readonly #started: Promise<Engine>
  readonly #readiness = new Gate<void>()
  readonly #pending = new Pending((input) => this.#engine?.dispatch(input))
  /** Calls that we have accepted and that are not connected yet. */
  readonly #accepting = new Map<ExchangeId, Gate<Instance>>()
  readonly #listeners = new Listeners()
  readonly #topics = new Topics({
    join: async (name, isWanted) => (await this.#startedOr()).joinTopic(name, isWanted),
    leave: (topic) => this.#engine?.dispatch({ kind: 'leaveTopic', topic }),
    publish: (topic, payload, options) => this.#spread(topic, payload, options),
    membersOf: (topic) => this.#engine?.membersOf(topic) ?? [],
    report: this.#report,
  })
  #engine: Engine | null = null
  #state: MeshState = 'starting'
  #bootstrapDetail = ''
  #closing: Promise<void> | null = null

  /** Internal: options are not checked here. */
  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#started = this.#start()
    this.#started.catch(() => {})
  }

  /** This peer's id. Throws `ERR_NOT_READY` until `identity()` or `ready()` has resolved once. */
  get id(): string {
    if (this.#engine !== null) return this.#engine.identity.id
    throw new MeshError('ERR_NOT_READY', 'the id is there after ready() or identity()')
  }

  /** This peer's id and secret seed: a few milliseconds after `createMesh`, long before `ready`. */
  async identity(): Promise<MeshIdentity> {
    const { id, seed } = (await this.#started).identity
    return { id, seed: new Uint8Array(seed) }
  }

  /**
   * Resolves once the mesh can be used: our ring of neighbours stands, or we are the first. Rejects with
   * `ERR_BOOTSTRAP` if no bootstrap let us in within `timeoutMs`, `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_CLOSED`; the mesh
   * goes on trying until it is closed, and `ready` may be called again.
   *
   * @example
   * await mesh.ready({ signal: AbortSignal.timeout(5_000) })
   * console.log('I am', mesh.id)
   */
  async ready(options: ReadyOptions = {}): Promise<void> {
    const wait = timeoutMs('timeoutMs', options.timeoutMs ?? this.#options.readyTimeoutMs)
    const signal = abortSignal(options.signal)
    const onTimeout = (): MeshError => this.#notReadyError(wait)
    await waitFor(this.#readiness.promise, { signal, timeoutMs: wait, onTimeout })
  }

  /**
   * Send `data` (at most 15 KiB) to one peer, sealed so that only it can read it, over as many peers as it takes.
   * Resolves when the other side has acknowledged it, with how it went. Delivered at most once. Rejects with
   * `ERR_UNREACHABLE`, `ERR_TIMEOUT` (it may have arrived all the same), `ERR_TOO_LARGE`, `ERR_BUSY` (1,024 are under
   * way), `ERR_ABORTED`, `ERR_CLOSED`. Waits for `ready()`.
   *
   * @example
   * const { hops, path, ms } = await mesh.send(peerId, 'for your eyes only')
   * console.log(`${path}, ${hops} hops, ${ms} ms`)
   */
  async send(peerId: string, data: Data, options: SendOptions = {}): Promise<Receipt> {
    const target = peerIdOf(peerId)
    const payload = payloadOf(data)
    const wait = timeoutMs('timeoutMs', options.timeoutMs ?? this.#options.sendTimeoutMs)
    const signal = abortSignal(options.signal)
    await this.#usable(signal, target)
    return this.#pending.run({
      input: (request) => ({ kind: 'send', request, target, payload, timeoutMs: wait }),
      signal,
    })
  }

  /**
   * Send `data` (at most 15 KiB) to every peer of the mesh, signed. Resolves when a first neighbour says that it has it, or
   * none has said so within 3 s; nobody acknowledges it from farther away. We do not hear our own. Rejects like `send`, but
   * `ERR_BUSY` above 100 a second and 100 at once, topics included: others do not hear who floods. Waits for `ready()`.
   *
   * @example
   * await mesh.broadcast(JSON.stringify({ type: 'hello', name: 'Aiko' }))
   */
  async broadcast(data: Data, options: SignalOption = {}): Promise<BroadcastHandle> {
    return this.#spread(null, payloadOf(data), options)
  }

  /**
   * The topic called `name` (1 to 128 characters), which we are in from now on, until we leave it: what its members
   * publish comes to them and to nobody else who need not relay it. Ids and messages are no secret to relays. The same
   * name gives the same object. Throws `ERR_OPTION`, `ERR_BUSY` (in 64 topics already), `ERR_CLOSED`.
   *
   * @example
   * const chat = mesh.topic('chat')
   * chat.on('message', ({ from, data }) => console.log(from, new TextDecoder().decode(data)))
   * await chat.publish('hello, room')
   */
  topic(name: string): Topic {
    if (this.#closing !== null) throw closedError()
    return this.#topics.get(topicName(name))
  }

  /**
   * Open a direct connection to a peer, signaled over the mesh: a plain simple-peer instance, connected. It is yours
   * until you destroy it, the other side does, or the mesh is closed. The other side gets a `call` event. Rejects with `ERR_REFUSED` (rejected), `ERR_UNREACHABLE`, `ERR_TIMEOUT`, `ERR_TOO_LARGE` (metadata),
   * `ERR_BUSY`, `ERR_ABORTED`, `ERR_CLOSED`. Waits for `ready()`.
   *
   * @example
   * const peer = await mesh.dial(peerId, { metadata: { topic: 'chess' } })
   * peer.send('e4')
   * peer.on('data', (chunk) => console.log(String(chunk)))
   */
  async dial(peerId: string, options: DialOptions = {}): Promise<Instance> {
    const target = peerIdOf(peerId)
    const metadata = metadataBytes(options.metadata)
    const wait = timeoutMs('timeoutMs', options.timeoutMs ?? this.#options.dialTimeoutMs)
    const signal = abortSignal(options.signal)
    const streams = streamsOf(options)
    const { calls } = await this.#usable(signal, target)
    let call = 0 as RequestId
    try {
      await this.#pending.run({
        input: (request) => {
          call = request
          calls.prepare(request, streams)
          return { kind: 'dial', request, target, metadata, timeoutMs: wait }
        },
        signal,
      })
      const connection = calls.take(call)
      if (connection === undefined) throw new MeshError('ERR_CLOSED', 'the connection has closed')
      return connection
    } finally {
      calls.forget(call)
    }
  }

  /** Listen to an event of `MeshEvents`; returns the function that unsubscribes, which may be called twice. */
  on<Name extends keyof MeshEvents>(event: Name, listener: (detail: MeshEvents[Name]) => unknown): () => void {
    return this.#events.on(event, listener)
  }

  /** The peers that we have links with, in the order in which they came up. */
  peers(): PeerInfo[] {
    return (this.#engine?.inspect().neighbors ?? []).map(peerInfo)
  }

  /**
   * Up to four peers to come back to: save them now and then, and before `close`; pass them as option `anchors` the next
   * time. The longest-standing neighbours, those that this peer chose itself before others; none without a link.
   */
  anchors(): string[] {
    return this.#engine?.anchors() ?? []
  }

  /** Everything worth knowing, as one plain object that survives JSON. */
  inspect(): Snapshot {
    const { network, linksMax } = this.#options
    const mesh = { network, linksMax, state: this.#state, listening: this.#listeners.urls }
    const parts = { ...mesh, bootstrapDetail: this.#bootstrapDetail, topicNames: this.#topics.names }
    return snapshotOf(parts, this.#engine)
  }

  /**
   * Node only: let newcomers in through this peer, as through a bootstrap. Resolves when the port is open; the listener
   * closes with the mesh. Rejects with `ERR_UNSUPPORTED` in browsers, `ERR_OPTION`, `ERR_CLOSED`.
   */
  async listen(options: ListenOptions = {}): Promise<Listener> {
    return this.#listeners.open(await this.#startedOr(), options)
  }

  /** Say goodbye, close every link and listener, reject whatever waits with `ERR_CLOSED`. Twice is fine. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown()
    return this.#closing
  }

  /** `await using mesh = createMesh(…)` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #start(): Promise<Engine> {
    try {
      const engine = await Engine.create(this.#options, {
        onEvent: (event) => this.#onNodeEvent(event),
        onFault: (error) => this.#report(asMeshError('ERR_INTERNAL', error)),
        onConnected: (exchange, connection) => this.#onConnected(exchange, connection),
      })
      if (this.#closing !== null) throw closedError()
      this.#engine = engine
      this.#state = 'joining'
      engine.start()
      return engine
    } catch (error) {
      const failure = asMeshError('ERR_UNSUPPORTED', error)
      this.#readiness.reject(failure)
      throw failure
    }
  }

  async #shutDown(): Promise<void> {
    const error = closedError()
    this.#state = 'closed'
    this.#readiness.reject(error)
    this.#pending.failAll(error)
    this.#topics.close()
    for (const gate of this.#accepting.values()) gate.reject(error)
    this.#accepting.clear()
    await this.#listeners.close()
    await this.#engine?.stop()
  }

  /** `joining`: the topic's; null: to everybody. */
  async #spread(
    joining: Promise<TopicId> | null,
    payload: Uint8Array,
    options: SignalOption,
  ): Promise<BroadcastHandle> {
    const signal = abortSignal(options.signal)
    await this.#usable(signal)
    const onTimeout = (): MeshError => new MeshError('ERR_TIMEOUT', 'topics have not loaded')
    const topic = joining && (await waitFor(joining, { signal, timeoutMs: this.#options.readyTimeoutMs, onTimeout }))
    const input = (request: RequestId): Input => ({ kind: 'broadcast', request, topic, payload })
    const { broadcast: id, fate } = (await this.#pending.run({ input, signal })) as BroadcastReceipt
    return new BroadcastHandle(id, fate)
  }

  /** The engine, or why there is none. */
  async #startedOr(): Promise<Engine> {
    if (this.#closing !== null) throw closedError()
    const engine = await this.#started
    if (this.#closing !== null) throw closedError()
    return engine
  }

  /** Before anything is sent: joined, open, and not to ourselves. */
  async #usable(signal: AbortSignal | undefined, target?: PeerId): Promise<Engine> {
    const engine = this.#engine
    if (engine === null || this.#state !== 'ready') await this.ready(signal === undefined ? {} : { signal })
    if (target === this.id) throw new MeshError('ERR_OPTION', 'option "peerId" is our own id')
    return this.#startedOr()
  }

  #notReadyError(waitedMs: number): MeshError {
    const { bootstrap, neighbors } = this.inspect()
    if (bootstrap.state === 'lost' || bootstrap.state === 'contacting') {
      const failures = bootstrap.detail === '' ? '' : `: ${bootstrap.detail}`
      return new MeshError('ERR_BOOTSTRAP', `no bootstrap let us in within ${waitedMs} ms${failures}`)
    }
    const where = `bootstrap ${bootstrap.state}, ${neighbors.length} links`
    return new MeshError('ERR_TIMEOUT', `not ready within ${waitedMs} ms (${where})`)
  }

  // ---- what the core tells --------------------------------------------------------------------------------------------

  #onNodeEvent(event: NodeEvent): void {
    switch (event.kind) {
      case 'ready':
        return this.#onReady()
      case 'peerUp':
        return this.#onPeerUp(event)
      case 'peerDown':
        return void this.#events.emit('peer', { id: event.peer, state: 'down', reason: event.reason })
      case 'message':
        return this.#onMessage(event)
      case 'requestDone':
        return this.#pending.done(event.request, event.receipt)
      case 'requestFailed':
        return this.#pending.failed(event.request, failureError(event.code, event.detail))
      case 'dialing':
        // The engine's: it has tied the exchange to the request.
        return
      case 'call':
        return this.#onCall(event)
      case 'callEnded':
        return this.#onCallEnded(event.exchange, event.reason)
      case 'bootstrap':
        // While the next attempt is under way, why the last one failed is still worth knowing.
        if (event.state !== 'contacting') this.#bootstrapDetail = event.detail
        return void this.#events.emit('bootstrap', { state: event.state, detail: event.detail })
    }
  }

  #onReady(): void {
    if (this.#state !== 'joining') return
    this.#state = 'ready'
    // While there may still be a server to load it from. Who fails here tries again when it is needed.
    void preloadMedia()
    completeBuffers().catch(() => {})
    this.#engine?.carryTopics().catch(() => {})
    this.#readiness.resolve()
    this.#events.emit('ready', { id: this.id })
  }

  #onPeerUp({ peer, offerPath, isInitiator }: Extract<NodeEvent, { kind: 'peerUp' }>): void {
    this.#events.emit('peer', { id: peer, state: 'up', isInitiator, ...(offerPath !== null && { offer: offerPath }) })
  }

  #onMessage(event: Extract<NodeEvent, { kind: 'message' }>): void {
    const { from, payload, delivery, topic, hops } = event
    if (topic !== null) return this.#topics.deliver(topic, event)
    // Copied: it is a view of a whole transport message, parts of which we may still have to forward.
    const data = new Uint8Array(payload as Uint8Array)
    this.#events.emit('message', { from, data, kind: delivery, hops })
  }

  #onCall({ exchange, from, metadata, offerPath }: Extract<NodeEvent, { kind: 'call' }>): void {
    const answer = (accept: boolean): void => this.#engine?.dispatch({ kind: 'answerCall', exchange, accept })
    const parsed = parseMetadata(metadata as Uint8Array)
    if (parsed === null) return answer(false)
    const ringing = new Gate<Instance>()
    this.#accepting.set(exchange, ringing)
    const call = new Call({
      from,
      metadata: parsed.metadata,
      offer: offerPath,
      ended: new Promise((resolve) => ringing.promise.catch(({ message }: MeshError) => resolve(message))),
      accept: (options) => this.#accept(exchange, options),
      reject: () => answer(false),
    })
    if (!this.#events.emit('call', call)) answer(false)
  }

  #accept(exchange: ExchangeId, options: AcceptOptions): Promise<Instance> {
    const gate = this.#accepting.get(exchange)
    const engine = this.#engine
    if (gate === undefined || engine === null) return Promise.reject(new MeshError('ERR_CLOSED', 'the call has ended'))
    engine.calls.prepareAnswer(exchange, streamsOf(options))
    engine.dispatch({ kind: 'answerCall', exchange, accept: true })
    const onTimeout = (): MeshError => new MeshError('ERR_TIMEOUT', 'the call did not connect')
    return waitFor(gate.promise, {
      signal: abortSignal(options.signal),
      timeoutMs: this.#options.dialTimeoutMs,
      onTimeout,
    })
  }

  #onConnected(exchange: ExchangeId, connection: Instance): void {
    this.#accepting.get(exchange)?.resolve(connection)
    this.#accepting.delete(exchange)
  }

  #onCallEnded(exchange: ExchangeId, reason: string): void {
    this.#accepting.get(exchange)?.reject(new MeshError('ERR_CLOSED', `the call has ended: ${reason}`))
    this.#accepting.delete(exchange)
  }
}

const streamsOf = ({ stream, streams }: Pick<DialOptions, 'stream' | 'streams'>): readonly MediaStream[] => [
  ...(stream === undefined ? [] : [stream]),
  ...(streams ?? []),
]
