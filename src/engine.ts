/**
 * Puts the parts together that one peer runs on: identity, sealing, WebRTC exchanges, bootstrap client, driver, core.
 * Which classes those are stands only here; they get each other and the platform handed in.
 */

import type { Instance } from 'simple-peer'
import type { ExchangeId, NetworkId, PeerId, TopicId } from './core/ids.ts'
import type { NodeInspection } from './core/inspection.ts'
import type { Input, NodeEvent } from './core/io.ts'
import { MeshNode } from './core/node.ts'
import { BootstrapClient, dialBootstrap, type ServerInspection } from './net/bootstrap-client.ts'
import { Calls } from './net/calls.ts'
import { Driver, randomWords } from './net/driver.ts'
import { createIdentity, type Identity, networkIdOf, topicIdOf, verifySignature } from './net/identity.ts'
import { Sealer } from './net/seal.ts'
import { platformAfter } from './net/timers.ts'
import { Exchanges } from './net/webrtc.ts'
import type { ResolvedOptions } from './options.ts'

/** What the engine tells the mesh. None of these may throw. */
export interface EngineHooks {
  readonly onEvent: (event: NodeEvent) => void
  readonly onFault: (error: unknown) => void
  /** A call that we accepted is connected. */
  readonly onConnected: (exchange: ExchangeId, connection: Instance) => void
}

/** What all parts share. */
interface Base {
  readonly options: ResolvedOptions
  readonly identity: Identity
  readonly network: NetworkId
  readonly hooks: EngineHooks
}

export class Engine {
  readonly identity: Identity
  readonly network: NetworkId
  readonly driver: Driver
  readonly calls = new Calls()
  readonly #base: Base
  readonly #node: MeshNode
  readonly #client: BootstrapClient
  readonly #exchanges: Exchanges

  /** Keys are made asynchronously, nothing else is. Rejects if this runtime lacks the cryptography. */
  static async create(options: ResolvedOptions, hooks: EngineHooks): Promise<Engine> {
    const identity = await createIdentity({ seed: options.seed })
    const network = await networkIdOf(options.network, identity.crypto)
    return new Engine({ options, identity, network, hooks })
  }

  private constructor(base: Base) {
    const { options, identity, network, hooks } = base
    const { linksMax, bootstrap, anchors } = options
    const config = { self: identity.id, network, linksMax, hasBootstrap: bootstrap.length > 0, anchors }
    this.#base = base
    this.identity = identity
    this.network = network
    this.#exchanges = this.#createExchanges()
    this.#client = this.#createClient()
    let node: MeshNode | undefined
    this.driver = new Driver((io) => (node = new MeshNode(config, io)), {
      sealing: new Sealer({ identity, network, crypto: identity.crypto, now: Date.now }),
      exchanging: this.#exchanges,
      contacting: this.#client,
      now: Date.now,
      after: platformAfter,
      random,
      onEvent: (event) => this.#onEvent(event),
      onFault: hooks.onFault,
    })
    this.#node = node as MeshNode
  }

  /** Begin to join. */
  start(): void {
    this.driver.dispatch({ kind: 'start' })
  }

  dispatch(input: Input): void {
    this.driver.dispatch(input)
  }

  /** A snapshot of the core. */
  inspect(): NodeInspection {
    return this.#node.inspect()
  }

  /** Others may need us for a topic even if we never join one; the code comes once. Rejects if it cannot be loaded. */
  async carryTopics(): Promise<void> {
    const { createTopics: create } = await import('./core/topics.ts')
    this.dispatch({ kind: 'carryTopics', create })
  }

  /** `isWanted`: still, now that the code is there. */
  async joinTopic(name: string, isWanted: () => boolean): Promise<TopicId> {
    const { identity, network } = this.#base
    await this.carryTopics()
    const topic = topicIdOf(name, network, identity.crypto)
    if (isWanted()) this.dispatch({ kind: 'joinTopic', topic })
    return topic
  }

  /** Other members of a topic that we have heard of lately. */
  membersOf(topic: TopicId): readonly PeerId[] {
    return this.#node.trees.topics?.get(topic)?.members.ids ?? []
  }

  /** Whom to ask for again after a restart. */
  anchors(): PeerId[] {
    return this.#node.neighbors.anchors()
  }

  servers(): ServerInspection[] {
    return this.#client.inspect()
  }

  /** Exchanges that WebRTC or the proof refused, by reason. */
  get failures(): Readonly<Record<string, number>> {
    return this.#exchanges.failures
  }

  /** Leave: goodbye to all, calls hung up, nothing left behind. */
  async stop(): Promise<void> {
    this.#client.stop()
    await this.driver.stop()
    this.#exchanges.close()
  }

  #onEvent(event: NodeEvent): void {
    if (event.kind === 'dialing') this.calls.tie(event.request, event.exchange)
    else this.#base.hooks.onEvent(event)
  }

  #createExchanges(): Exchanges {
    const { options, identity, network, hooks } = this.#base
    return new Exchanges({
      wrtc: options.wrtc,
      rtcConfig: options.rtcConfig,
      network,
      signer: identity,
      verify: (claim) => verifySignature(identity.crypto, claim),
      sha256: (bytes) => identity.crypto.sha256(bytes),
      streamsOf: (exchange) => this.calls.takeStreams(exchange),
      hooks: {
        described: (exchange, description) => this.dispatch({ kind: 'described', exchange, description }),
        signal: (exchange, signal) => this.dispatch({ kind: 'signal', exchange, signal }),
        linkUp: ({ exchange, remote, link }) => this.driver.attach({ link, peer: remote, role: 'peer', exchange }),
        connected: (exchange, connection) => {
          if (!this.calls.connect(exchange, connection)) hooks.onConnected(exchange, connection)
          this.dispatch({ kind: 'connected', exchange })
        },
        failed: (exchange, reason) => this.dispatch({ kind: 'exchangeFailed', exchange, reason }),
      },
    })
  }

  #createClient(): BootstrapClient {
    const { options, identity, network } = this.#base
    const { crypto } = identity
    return new BootstrapClient({
      urls: options.bootstrap,
      dial: (url, role, signal) =>
        dialBootstrap(url, {
          WebSocket: options.WebSocket,
          signer: identity,
          verify: (claim) => verifySignature(crypto, claim),
          network,
          role,
          token: options.token,
          randomBytes: (length) => crypto.randomBytes(length),
          signal,
        }),
      now: Date.now,
      after: platformAfter,
      random,
      onLink: (link) => this.driver.attach(link),
      onFailed: (reason) => this.dispatch({ kind: 'bootstrapFailed', reason }),
    })
  }
}

/** The platform's own source; every runtime that musubi runs in has it. */
const random = randomWords(globalThis.crypto)
