/**
 * The one place that knows what simple-peer does to WebRTC implementations; what those for Node need is `runtime.node.ts`.
 * simple-peer gets a `wrtc` of its own for each connection, whose RTCPeerConnection stands in front of the real one:
 *
 * - Its owner learns of descriptions when they have been set. Candidates come by their events.
 * - A candidate that the stack refuses is no reason to give up; an mDNS name is refused by most stacks outside browsers.
 * - For a link, `getStats` says no more than that there is a pair: simple-peer asks once and polls until it is told.
 */

import { areDescriptionsReadable, careFor, isFirstToCall } from '#runtime'
import type { After } from './timers.ts'

/** A WebRTC implementation: the platform's globals, @roamhq/wrtc, node-datachannel/polyfill. */
export interface Wrtc {
  readonly RTCPeerConnection: typeof RTCPeerConnection
  readonly RTCSessionDescription: typeof RTCSessionDescription
  readonly RTCIceCandidate: typeof RTCIceCandidate
}

/** Plain, unlike what some stacks return. */
export interface Description {
  readonly type: RTCSdpType
  sdp: string
}

/** What one connection lets its owner see and do. */
export interface Tap {
  /** For simple-peer's `wrtc` option. */
  readonly wrtc: Wrtc
  /** As the native stack made them or took them; null before, and after `release`. */
  readonly descriptions: { readonly local: Description | null; readonly remote: Description | null }
  /** As offerer, tell nobody where we are before we have the answer. */
  readonly isFirstToCall: boolean
  /** From now on the connection answers for itself, and nothing of its set-up is kept. */
  release(): void
}

/** Methods in place of the connection's own. */
type Overrides = Readonly<Record<string, (...args: never[]) => unknown>>

/** What an implementation needs besides: see `runtime.node.ts`. */
export interface Care {
  readonly overrides: Overrides
  readonly beforeOffer: () => Promise<void>
}

export interface TapOptions {
  /**
   * The one data channel. Our own: as it is made, before simple-peer listens to it. The other side's: in the turn of its
   * event, after simple-peer; its first messages may come before it says that it is open.
   */
  readonly onChannel: (channel: RTCDataChannel) => void
  /** One of `descriptions` has been set. */
  readonly onDescription: () => void
  /** Nobody will ask simple-peer for addresses. */
  readonly isLink: boolean
  readonly after: After
}

/** The implementation that was injected, or the platform's; null if there is none. */
export function findWrtc(injected: unknown): Wrtc | null {
  const candidate = (injected ?? globalThis) as Partial<Wrtc>
  const { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate } = candidate
  if (!RTCPeerConnection || !RTCSessionDescription || !RTCIceCandidate) return null
  return { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate }
}

/** A `wrtc` for exactly one simple-peer instance. */
export function tapWrtc(wrtc: Wrtc, options: TapOptions): Tap {
  const tap = new ConnectionTap(options)
  return {
    // A constructor that returns an object: `new` gives that object.
    wrtc: {
      ...wrtc,
      RTCPeerConnection: function (config?: RTCConfiguration) {
        return tap.attach(new wrtc.RTCPeerConnection(config))
      } as unknown as Wrtc['RTCPeerConnection'],
    },
    descriptions: tap.descriptions,
    isFirstToCall: isFirstToCall(wrtc),
    release: () => tap.release(),
  }
}

/** Enough for simple-peer to find "the selected pair", whose addresses a link has no use for. */
const NO_STATS: ReadonlyMap<string, object> = new Map<string, object>([
  ['transport', { id: 'transport', type: 'transport', selectedCandidatePairId: 'pair' }],
  ['pair', { id: 'pair', type: 'candidate-pair' }],
])

class ConnectionTap {
  readonly descriptions: { local: Description | null; remote: Description | null } = { local: null, remote: null }
  readonly #options: TapOptions
  #isReleased = false
  #hasChannel = false

  constructor(options: TapOptions) {
    this.#options = options
  }

  release(): void {
    this.#isReleased = true
    this.descriptions.local = null
    this.descriptions.remote = null
  }

  attach(native: RTCPeerConnection): RTCPeerConnection {
    const overrides = new Map(Object.entries(this.#overrides(native)))
    return new Proxy(native, {
      get: (target, name) => {
        if (!areDescriptionsReadable && !this.#isReleased) {
          if (name === 'localDescription') return this.descriptions.local
          if (name === 'remoteDescription') return this.descriptions.remote
        }
        const value: unknown = overrides.get(name as string) ?? Reflect.get(target, name, target)
        return typeof value === 'function' && !overrides.has(name as string) ? value.bind(target) : value
      },
      set: (target, name, value) => {
        Reflect.set(target, name, name === 'ondatachannel' ? this.#tapped(value as DataChannelListener) : value, target)
        return true
      },
    })
  }

  #overrides(native: RTCPeerConnection): Overrides {
    const { isLink, onChannel, after } = this.#options
    const { overrides, beforeOffer } = careFor(native, after)
    return {
      ...overrides,
      setLocalDescription: async (description: Description) => {
        if (description.type === 'offer') await beforeOffer()
        await native.setLocalDescription(description)
        this.#describe('local', plain(description))
      },
      setRemoteDescription: async (description: RTCSessionDescriptionInit) => {
        await native.setRemoteDescription(description)
        this.#describe('remote', plain(description))
      },
      addIceCandidate: (candidate: RTCIceCandidateInit) => native.addIceCandidate(candidate).catch(() => {}),
      createDataChannel: (label: string, config?: RTCDataChannelInit) => {
        const channel = native.createDataChannel(label, config)
        this.#hasChannel = true
        onChannel(channel)
        return channel
      },
      ...(isLink ? { getStats: () => Promise.resolve(NO_STATS) } : {}),
    }
  }

  #describe(side: 'local' | 'remote', description: Description): void {
    if (this.#isReleased) return
    this.descriptions[side] = description
    this.#options.onDescription()
  }

  #tapped(listener: DataChannelListener | null): DataChannelListener | null {
    if (listener === null) return null
    return (event) => {
      // A second channel is none of ours; simple-peer would take it for the first.
      if (this.#hasChannel) return event.channel.close()
      this.#hasChannel = true
      listener(event)
      this.#options.onChannel(event.channel)
    }
  }
}

type DataChannelListener = (event: RTCDataChannelEvent) => void

const plain = ({ type, sdp }: RTCSessionDescriptionInit): Description => ({ type, sdp: sdp ?? '' })
