/**
 * Two `Exchanges` joined by a signaling path in memory, on a real WebRTC implementation. The path can be listened in on
 * and tampered with.
 */

import type { Instance } from 'simple-peer'
import type { ExchangeId, PeerId } from '../../src/core/ids.ts'
import type { Wrtc } from '../../src/net/adapt-wrtc.ts'
import { findWrtc } from '../../src/net/adapt-wrtc.ts'
import { createIdentity, networkIdOf, verifySignature } from '../../src/net/identity.ts'
import type { Identity } from '../../src/net/identity.ts'
import type { Link, LinkLimits } from '../../src/net/link.ts'
import { Exchanges } from '../../src/net/webrtc.ts'
import { messageIdFromBytes } from '../../src/wire/ids.ts'

export type Stack = '@roamhq/wrtc' | 'node-datachannel'

export async function loadStack(stack: Stack): Promise<Wrtc> {
  const module: object =
    stack === '@roamhq/wrtc' ? (await import('@roamhq/wrtc')).default : await import('node-datachannel/polyfill')
  return findWrtc(module)!
}

/** What crosses the path between the two, and may be changed on the way. */
export interface Crossing {
  readonly kind: 'offer' | 'answer' | 'signal'
  readonly from: Side
  readonly bytes: Uint8Array
}

export interface SideOptions {
  readonly wrtc: Wrtc
  readonly identity?: Identity
  readonly network?: string
  readonly rtcConfig?: RTCConfiguration
  readonly linkLimits?: Partial<LinkLimits>
  readonly streams?: readonly MediaStream[]
  readonly sign?: (bytes: Uint8Array) => Promise<Uint8Array>
}

export type End = { readonly link: Link } | { readonly connection: Instance } | { readonly failed: string }

/** One side, with its end of each exchange as a promise. */
export class Side {
  readonly exchanges: Exchanges
  readonly identity: Identity
  readonly ends: End[] = []
  other!: Side
  path: (crossing: Crossing) => Uint8Array | null = ({ bytes }) => bytes
  readonly #waiting: ((end: End) => void)[] = []
  readonly #roles = new Map<ExchangeId, { purpose: 'link' | 'call'; role: 'offerer' | 'answerer' }>()

  static async create(options: SideOptions): Promise<Side> {
    const identity = options.identity ?? (await createIdentity())
    const network = await networkIdOf(options.network ?? 'test', identity.crypto)
    return new Side(identity, options, network)
  }

  constructor(identity: Identity, options: SideOptions, network: Awaited<ReturnType<typeof networkIdOf>>) {
    this.identity = identity
    this.exchanges = new Exchanges({
      wrtc: options.wrtc,
      network,
      signer: { id: identity.id, sign: options.sign ?? ((bytes) => identity.sign(bytes)) },
      verify: (claim) => verifySignature(identity.crypto, claim),
      sha256: (bytes) => identity.crypto.sha256(bytes),
      streamsOf: () => options.streams ?? [],
      ...(options.rtcConfig ? { rtcConfig: options.rtcConfig } : {}),
      ...(options.linkLimits ? { linkLimits: options.linkLimits } : {}),
      hooks: {
        described: (id, bytes) => this.#described(id, bytes),
        signal: (id, bytes) => this.#deliver('signal', bytes, (got) => this.other.exchanges.addSignal(id, got)),
        linkUp: ({ link }) => this.#end({ link }),
        connected: (_, connection) => this.#end({ connection }),
        failed: (_, reason) => this.#end({ failed: reason }),
      },
    })
  }

  /** Begins an exchange with the other side. */
  offer(purpose: 'link' | 'call', remote: PeerId = this.other.identity.id): ExchangeId {
    const id = messageIdFromBytes<ExchangeId>(crypto.getRandomValues(new Uint8Array(16)))
    this.#roles.set(id, { purpose, role: 'offerer' })
    this.exchanges.createOffer(id, { remote, purpose })
    return id
  }

  /** The next end that has not been asked for. */
  next(): Promise<End> {
    const end = this.ends.shift()
    return end === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(end)
  }

  #described(id: ExchangeId, bytes: Uint8Array): void {
    const mine = this.#roles.get(id)
    const { other } = this
    if (mine?.role !== 'offerer') return this.#deliver('answer', bytes, (got) => other.exchanges.acceptAnswer(id, got))
    this.#deliver('offer', bytes, (description) => {
      other.exchanges.createAnswer(id, { remote: this.identity.id, purpose: mine.purpose, description })
    })
  }

  #deliver(kind: Crossing['kind'], bytes: Uint8Array, deliver: (bytes: Uint8Array) => void): void {
    const changed = this.path({ kind, from: this, bytes })
    // A turn later, as over any network.
    if (changed !== null) setTimeout(() => deliver(changed), 0)
  }

  #end(end: End): void {
    const waiting = this.#waiting.shift()
    if (waiting) waiting(end)
    else this.ends.push(end)
  }
}

/** Two sides that know each other. */
export async function createSides(left: SideOptions, right: SideOptions = left): Promise<[Side, Side]> {
  const sides = await Promise.all([Side.create(left), Side.create(right)])
  sides[0].other = sides[1]
  sides[1].other = sides[0]
  return sides
}

/** A proven link between two sides: the offerer's end first. */
export async function connect(left: Side, right: Side): Promise<[Link, Link]> {
  left.offer('link')
  return (await Promise.all([left.next(), right.next()])).map(linkOf) as [Link, Link]
}

export function linkOf(end: End): Link {
  if ('link' in end) return end.link
  throw new Error('failed' in end ? end.failed : 'a call, not a link')
}

export function connectionOf(end: End): Instance {
  if ('connection' in end) return end.connection
  throw new Error('failed' in end ? end.failed : 'a link, not a call')
}
