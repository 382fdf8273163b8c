/**
 * A bootstrap in the wrong hands: real WebSockets and handshakes, but whoever writes the test decides what becomes of
 * each frame. Everybody who comes is told to be the first and to stay, so that all signaling has to cross it.
 */

import { createAcceptor, type Acceptor } from '../../bootstrap/acceptor.ts'
import { resolveBootstrap } from '../../bootstrap/options.ts'
import type { Frame, ReplyFrame, UnicastFrame } from '../../src/core/frames.ts'
import type { PeerId } from '../../src/core/ids.ts'
import { createIdentity } from '../../src/net/identity.ts'
import type { Channel } from '../../src/net/channel.ts'
import { Link } from '../../src/net/link.ts'
import { decodeBatch } from '../../src/wire/batch.ts'

export type Carried = UnicastFrame | ReplyFrame
/** What is sent on instead of `frame`; nothing: it is swallowed. */
export type Tamper = (frame: Carried, from: PeerId) => readonly Carried[]

const LEASE_MS = 600_000
export const honest: Tamper = (frame) => [frame]

export class HostileRelay {
  tamper: Tamper = honest
  /** Every byte that each visitor sent after its handshake. */
  readonly recorded = new Map<PeerId, Uint8Array[]>()
  #acceptor: Acceptor | null = null
  readonly #links = new Map<PeerId, Link>()
  readonly #ways = new Map<string, PeerId>()

  static async start(): Promise<HostileRelay> {
    const relay = new HostileRelay()
    relay.#acceptor = await createAcceptor({
      options: resolveBootstrap({ port: 0, host: '127.0.0.1' }),
      identity: await createIdentity(),
      health: () => ({}),
      onVisitor: ({ channel, peer }) => relay.#admit(channel, peer),
    })
    return relay
  }

  get url(): string {
    return (this.#acceptor as Acceptor).url
  }

  async close(): Promise<void> {
    await this.#acceptor?.close(0)
  }

  /** Sends a frame of its own making. */
  inject(to: PeerId, frame: Frame): void {
    this.#links.get(to)?.send(frame)
  }

  #admit(channel: Channel, peer: PeerId): void {
    const link = new Link(channel)
    const messages: Uint8Array[] = []
    const read = channel.onMessage
    channel.onMessage = (message) => {
      // A lookup names who seeks: whoever is told to be the first asks for others now and then (docs/PROTOCOL.md, getting in).
      const isLookup = decodeBatch(message)?.some((frame) => frame?.kind === 'lookup') === true
      if (!isLookup) messages.push(message.slice())
      read(message)
    }
    this.#links.set(peer, link)
    this.recorded.set(peer, messages)
    link.onFrame = (frame) => {
      if (frame.kind === 'heartbeat' && !frame.isEcho) link.send({ ...frame, isEcho: true })
      if (frame.kind === 'unicast' || frame.kind === 'reply') this.#carry(frame, peer)
    }
    link.send({ kind: 'introduction', entries: [], leaseMs: LEASE_MS })
  }

  #carry(frame: Carried, from: PeerId): void {
    for (const changed of this.tamper(frame, from)) {
      if (changed.kind === 'unicast') {
        this.#ways.set(`${changed.id} ${changed.attempt}`, from)
        this.inject(changed.target, changed)
      } else {
        const back = this.#ways.get(`${changed.id} ${changed.attempt}`)
        if (back !== undefined) this.inject(back, changed)
      }
    }
  }
}
