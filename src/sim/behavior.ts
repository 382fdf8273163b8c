/**
 * Members that do harm. Each is the very same node as all others with something between it and the network
 * (`hostile.ts`); the protocol itself is untouched. They keep their links alive and are honest in everything that a
 * neighbour can see at once, because a peer that is plainly broken is soon replaced.
 */

import type { Body, BroadcastFrame, Frame, LookupFrame, PeersFrame, UnicastFrame } from '../core/frames.ts'
import { HOP_LIMIT_MAX } from '../core/frames.ts'
import { ANY_BUCKET, ONLY_CLOSEST, xor } from '../core/geometry.ts'
import type { Instant, Key, LinkId, MessageId, PeerId } from '../core/ids.ts'
import type { Input } from '../core/io.ts'
import { idFromBytes, messageIdFromBytes } from '../wire/ids.ts'
import { type Behavior, HostileMachine } from './hostile.ts'
import type { Network } from './network.ts'
import type { LinkEnd, SimNode } from './node.ts'
import { Noise } from './requests.ts'

/** From now on the node misbehaves so, until it goes; it may change its ways. */
export function corrupt(network: Network, node: SimNode, behavior: Behavior): void {
  if (!node.isUp) return
  if (node.hostile !== null) node.machine = node.hostile.inner
  node.hostile = new MACHINES[behavior](network, node)
  node.machine = node.hostile
  node.hostile.begin()
}

class SilentDropper extends HostileMachine {
  readonly behavior = 'silentDropper'
  #isPassingReply = false

  override handle(input: Input, now: Instant): void {
    this.#isPassingReply = input.kind === 'frame' && input.frame.kind === 'reply'
    super.handle(input, now)
  }

  override send(link: LinkId, frame: Frame): void {
    const isDropped = frame.kind === 'reply' ? this.#isPassingReply : isRequest(frame) && this.isForOthers(frame)
    if (!isDropped) super.send(link, frame)
  }
}

class Misrouter extends HostileMachine {
  readonly behavior = 'misrouter'

  /** Whichever bucket the peer should sit in: this one claims to be suitable. */
  override handle(input: Input, now: Instant): void {
    const isLookup = input.kind === 'frame' && input.frame.kind === 'lookup'
    super.handle(isLookup ? { ...input, frame: { ...(input.frame as LookupFrame), ...ANY_BUCKET } } : input, now)
  }

  override send(link: LinkId, frame: Frame): void {
    const isLed = (frame.kind === 'unicast' || frame.kind === 'lookup') && this.isForOthers(frame)
    super.send(isLed ? this.#astray(link, frame.target) : link, frame)
  }

  #astray(link: LinkId, target: Key): LinkId {
    const ends = peerEnds(this.node)
    if (ends.length === 0) return link
    if (this.node.rng.unit() < 0.5) return this.node.rng.pick(ends).id
    return ends.reduce((worst, end) => (isFarther(target, end, worst) ? end : worst)).id
  }
}

class AckForger extends HostileMachine {
  readonly behavior = 'ackForger'
  /** A genuine reply that came by. */
  #overheard: Body | null = null

  override handle(input: Input, now: Instant): void {
    if (input.kind === 'frame') {
      const { frame, link } = input
      if (frame.kind === 'reply') this.#overheard = frame.body
      if (frame.kind === 'unicast' && frame.target !== this.node.id) return this.#forge(link, frame, now)
    }
    super.handle(input, now)
  }

  #forge(link: LinkId, { id, attempt, viaBootstrap }: UnicastFrame, now: Instant): void {
    const body = this.#body(link, id, now)
    this.send(link, { kind: 'reply', hopLimit: HOP_LIMIT_MAX, attempt, viaBootstrap, hops: 0, id, body })
  }

  /** Noise, somebody else's acknowledgement, or a good one of its own for the likely source: the previous hop. */
  #body(link: LinkId, id: UnicastFrame['id'], now: Instant): Body {
    const source = this.node.ends.find((end) => end.id === link)?.other.node.id ?? this.node.id
    const forgeries = [{ byteLength: 18 }, this.#overheard, this.node.sealer.forge({ id, target: source, now })]
    return this.node.rng.pick(forgeries) ?? { byteLength: 18 }
  }
}

/** Ten frames every 100 ms: below what a link may carry for others, so that budgets alone do not stop it. */
const FLOOD_MS = 100
const FLOOD_FRAMES = 10

class IdFlooder extends HostileMachine {
  readonly behavior = 'idFlooder'

  override begin(): void {
    if (this.node.hostile !== this) return
    this.#flood()
    this.network.after(FLOOD_MS, () => this.begin())
  }

  override send(link: LinkId, frame: Frame): void {
    super.send(link, frame.kind === 'peers' ? this.#invent(frame) : frame)
  }

  #invent({ kind, room, peers }: PeersFrame): PeersFrame {
    return { kind, room, peers: peers.map(() => this.#randomId<PeerId>()) }
  }

  #flood(): void {
    const ends = this.node.isRunning ? peerEnds(this.node) : []
    for (let i = 0; i < FLOOD_FRAMES && ends.length > 0; i++) super.send(this.node.rng.pick(ends).id, this.#request())
  }

  #request(): UnicastFrame | LookupFrame {
    const id = messageIdFromBytes(this.node.rng.bytes(16))
    const routed = { hopLimit: HOP_LIMIT_MAX, attempt: 0, viaBootstrap: false, hops: 0, id } as const
    const target = this.#randomId<PeerId>()
    if (this.node.rng.unit() < 0.5) return { kind: 'unicast', ...routed, target, body: { byteLength: 300 } }
    return { kind: 'lookup', ...routed, target, requester: this.#randomId(), ...ONLY_CLOSEST, slot: 'bucket' }
  }

  #randomId<T extends Key>(): T {
    return idFromBytes<T>(this.node.rng.bytes(32))
  }
}

class FreeRider extends HostileMachine {
  readonly behavior = 'freeRider'

  override send(link: LinkId, frame: Frame): void {
    if (frame.kind === 'broadcast' && this.isForOthers(frame)) return
    super.send(link, frame)
  }
}

/** 2,000 messages a second, ten times what a source may have others carry, each to a neighbour of its own. */
const BROADCAST_FLOOD_MS = 10
const BROADCAST_FLOOD_FRAMES = 20

class BroadcastFlooder extends HostileMachine {
  readonly behavior = 'broadcastFlooder'

  override begin(): void {
    if (this.node.hostile !== this) return
    const ends = this.node.isRunning ? peerEnds(this.node) : []
    for (let i = 0; i < BROADCAST_FLOOD_FRAMES && ends.length > 0; i++)
      super.send(this.node.rng.pick(ends).id, this.#message())
    this.network.after(BROADCAST_FLOOD_MS, () => this.begin())
  }

  #message(): BroadcastFrame {
    const { rng, sealer } = this.node
    const id = messageIdFromBytes<MessageId>(rng.bytes(16))
    const { networkId: target, now } = this.network
    const signed = sealer.sign({ tree: target, id }, new Noise(100), now)
    const body = signed.kind === 'signed' ? signed.body : new Noise(100)
    return { kind: 'broadcast', hopLimit: HOP_LIMIT_MAX - 1, hops: 1, id, target, isDirect: false, body }
  }
}

const MACHINES: Readonly<Record<Behavior, new (network: Network, node: SimNode) => HostileMachine>> = {
  silentDropper: SilentDropper,
  misrouter: Misrouter,
  ackForger: AckForger,
  idFlooder: IdFlooder,
  freeRider: FreeRider,
  broadcastFlooder: BroadcastFlooder,
}

function isRequest({ kind }: Frame): boolean {
  return kind === 'unicast' || kind === 'lookup' || kind === 'nack'
}

function peerEnds(node: SimNode): LinkEnd[] {
  return node.ends.filter((end) => end.role === 'peer')
}

function isFarther(target: Key, end: LinkEnd, than: LinkEnd): boolean {
  return xor.compare(target, end.other.node.id, than.other.node.id) > 0
}
