/**
 * What differs between the places musubi runs in: this is Node's half, reached through the `#platform` entry of
 * package.json's "imports"; browsers get `platform.browser.ts`. It is the only file of the library that knows the
 * bootstrap server, and loads it when `mesh.listen()` is first called.
 */

import { WebSocket } from 'ws'

/** Dials bootstraps unless the option `WebSocket` says otherwise. Node 20 has none of its own. */
export const platformWebSocket: unknown = WebSocket

/** DESIGN §5; REFERENCE 2b: 48 links reach 1M peers without a single failed lookup. */
export const linksMaxDefault = 48
