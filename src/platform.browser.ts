/**
 * What differs between the places musubi runs in: the browser's half of `#platform` (see `platform.node.ts`). A browser
 * can dial but not listen.
 */

import { MeshError } from './errors.ts'

/** The browser's own. Looked up by name, so that the module also loads where there is none (a worklet, a test). */
export const platformWebSocket: unknown = (globalThis as { readonly WebSocket?: unknown }).WebSocket

/** Where RTCPeerConnection should be: a worker, or a browser that was told to have none. */
export const webRtcMissing = 'there is no WebRTC here'

/** DESIGN §5: browsers throttle and each link costs them 0.3–0.5 MB; REFERENCE 2b: 32 is enough for 100k peers. */
export const linksMaxDefault = 32

/** Browsers open no ports. */
export class Listeners {
  readonly urls: readonly string[] = []

  async open(): Promise<never> {
    throw new MeshError('ERR_UNSUPPORTED', 'a browser cannot listen: run a peer in Node for that')
  }

  async close(): Promise<void> {}
}
