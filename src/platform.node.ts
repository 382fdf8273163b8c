/**
 * What differs between the places musubi runs in: this is Node's half, reached through the `#platform` entry of
 * package.json's "imports"; browsers get `platform.browser.ts`. It is the only file of the library that knows the
 * bootstrap server, and loads it when `mesh.listen()` is first called.
 */

import { WebSocket } from 'ws'
import type { NetworkId } from './core/ids.ts'
import type { Listener, ListenOptions } from './listening.ts'
import type { ProvenLink } from './net/driver.ts'
import type { Identity } from './net/identity.ts'
import { Link } from './net/link.ts'

/** Dials bootstraps unless the option `WebSocket` says otherwise. Node 20 has none of its own. */
export const platformWebSocket: unknown = WebSocket

/** What to do about it. */
export const webRtcMissing =
  'this runtime has no WebRTC of its own. In Node, run `npm i @roamhq/wrtc`, then ' +
  "`import wrtc from '@roamhq/wrtc'` and pass it: createMesh({ wrtc, … })"

/** DESIGN §5; REFERENCE 2b: 48 links reach 1M peers without a single failed lookup. */
export const linksMaxDefault = 48

/** Who listens, and where visitors go. */
export interface ListenParts {
  readonly options: ListenOptions
  readonly identity: Identity
  readonly network: NetworkId
  readonly attach: (link: ProvenLink) => void
  /** What `/healthz` shows. */
  readonly health: () => object
}

/** How long `close` waits for visitors to hang up, in ms; then they are cut off (guess). */
const CLOSE_MS = 500

/**
 * Opens a port at which newcomers of the same network are introduced to this peer, and through it to its mesh. Unlike
 * a bootstrap it keeps no pool of entries: it is one itself.
 */
export async function listen({ options, identity, network, attach, health }: ListenParts): Promise<Listener> {
  const [{ createAcceptor }, { resolveBootstrap }] = await Promise.all([
    import('../bootstrap/acceptor.ts'),
    import('../bootstrap/options.ts'),
  ])
  const acceptor = await createAcceptor({
    options: resolveBootstrap({ host: '127.0.0.1', ...options }),
    identity,
    isServed: (asked) => asked === network,
    health,
    onVisitor: ({ channel, peer }) => {
      const link = new Link(channel)
      attach({ link, peer, role: 'visitor', exchange: null })
      link.send({ kind: 'introduction', entries: [identity.id], leaseMs: 0 })
    },
  })
  return { port: acceptor.port, url: acceptor.url, close: () => acceptor.close(CLOSE_MS) }
}
