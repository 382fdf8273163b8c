/**
 * The one place that knows how WebRTC implementations differ, and what simple-peer does to them. simple-peer gets a
 * `wrtc` of its own for each connection, whose RTCPeerConnection stands in front of the real one:
 *
 * - Descriptions come back as plain objects, because simple-peer assigns `offer.sdp` and node-datachannel's is read-only.
 * - `localDescription` and `remoteDescription` are answered from what was set. @roamhq/wrtc serialises them on our thread
 *   while its own adds candidates to them: a use after free that takes the process down (simple-peer #812, node-webrtc
 *   #696), and half a millisecond each time. Candidates come by their events instead.
 * - `close` waits for a later turn than the close of the data channel (node-webrtc #360, #576: the channel's native half
 *   must be gone before that of the connection).
 * - A candidate that the stack refuses is no reason to give up; an mDNS name is refused by most stacks outside browsers.
 * - For a link, `getStats` says no more than that there is a pair: simple-peer asks once and polls until it is told.
 *
 * What only implementations for Node need is in `runtime.node.ts`.
 */

import { enterGathering, isFirstToCall } from '#runtime'
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
  #isClosed = false
  /** Not null once it was our turn. */
  #leaveGathering: (() => void) | null = null

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
        if (name === 'localDescription') return this.#isReleased ? target.localDescription : this.descriptions.local
        if (name === 'remoteDescription') return this.#isReleased ? target.remoteDescription : this.descriptions.remote
        const value: unknown = overrides.get(name as string) ?? Reflect.get(target, name, target)
        return typeof value === 'function' && !overrides.has(name as string) ? value.bind(target) : value
      },
      set: (target, name, value) => {
        Reflect.set(target, name, name === 'ondatachannel' ? this.#tapped(value as DataChannelListener) : value, target)
        return true
      },
    })
  }

  #overrides(native: RTCPeerConnection): Readonly<Record<string, (...args: never[]) => unknown>> {
    const { isLink, onChannel, after } = this.#options
    return {
      createOffer: async (options: RTCOfferOptions) => plain(await native.createOffer(options)),
      createAnswer: async (options: RTCAnswerOptions) => plain(await native.createAnswer(options)),
      setLocalDescription: async (description: Description) => {
        if (description.type === 'offer') this.#leaveGathering = await enterGathering(native, after)
        if (this.#isClosed) this.#leaveGathering?.()
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
      close: () => {
        this.#isClosed = true
        this.#leaveGathering?.()
        after(0, () => native.close())
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
