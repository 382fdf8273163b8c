/**
 * Floors made of bare simple-peer: two of them, connected by trickled signals. What a program does that wants a data
 * channel and nothing else: no identities, no proofs, no routing.
 */

import SimplePeer from 'simple-peer'
import type { Instance, SignalData } from 'simple-peer'
import type { Stack } from '../net/exchange-kit.ts'

/** simple-peer's `wrtc` option. */
export type RawWrtc = NonNullable<ConstructorParameters<typeof SimplePeer>[0]>['wrtc']

/** The implementation as it comes, but for what keeps simple-peer from running on it. */
export async function rawWrtc(stack: Stack): Promise<RawWrtc> {
  if (stack === '@roamhq/wrtc') return (await import('@roamhq/wrtc')).default
  const polyfill = await import('node-datachannel/polyfill')
  class Connection extends polyfill.RTCPeerConnection {
    // simple-peer assigns `sdp`, which is read-only here.
    override async createOffer(): Promise<RTCSessionDescriptionInit> {
      const { type, sdp } = await super.createOffer()
      return { type: type!, sdp: sdp! }
    }
    override async createAnswer(): Promise<RTCSessionDescriptionInit> {
      const { type, sdp } = await super.createAnswer()
      return { type: type!, sdp: sdp! }
    }
  }
  return { ...polyfill, RTCPeerConnection: Connection } as unknown as RawWrtc
}

export function barePeer(wrtc: RawWrtc, isInitiator: boolean): Instance {
  const peer = new SimplePeer({ initiator: isInitiator, wrtc, config: { iceServers: [] } })
  peer.on('error', () => {})
  return peer
}

/** Both ends are open. */
export const areConnected = (...peers: readonly Instance[]): Promise<unknown> =>
  Promise.all(
    peers.map(
      (peer) => new Promise((resolve) => (peer.connected ? resolve(null) : peer.once('connect', () => resolve(null)))),
    ),
  )

/** Two connected ends; their signals cross a turn of the event loop. libdatachannel now and then needs a second try. */
export async function barePair(wrtc: RawWrtc): Promise<[Instance, Instance]> {
  const pair: [Instance, Instance] = [barePeer(wrtc, true), barePeer(wrtc, false)]
  const send = (to: Instance) => (signal: SignalData) => void setImmediate(() => to.destroyed || to.signal(signal))
  carrySignals(pair[0], send(pair[1]))
  carrySignals(pair[1], send(pair[0]))
  const failed = Promise.race(
    pair.map((peer) => new Promise<'failed'>((resolve) => peer.once('close', () => resolve('failed')))),
  )
  return (await Promise.race([areConnected(...pair), failed])) === 'failed' ? barePair(wrtc) : pair
}

export function carrySignals(peer: Instance, send: (signal: SignalData) => void): void {
  peer.on('signal', send)
}

export function closeAll(...peers: readonly Instance[]): Promise<unknown> {
  const closed = peers.map(
    (peer) => new Promise<void>((resolve) => (peer.destroyed ? resolve() : peer.once('close', () => resolve()))),
  )
  for (const peer of peers) peer.destroy()
  return Promise.all(closed)
}
