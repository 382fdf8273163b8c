/**
 * What differs between the places musubi runs in: this is Node's half, reached through the `#platform` entry of
 * package.json's "imports"; browsers get `platform.browser.ts`. It is the only file of the library that knows the
 * bootstrap server, and loads it when `mesh.listen()` is first called.
 */

import { WebSocket } from 'ws'
import type { NetworkId } from './core/ids.ts'
import { closedError } from './errors.ts'
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

/** Who listens, and where visitors go: an `Engine` fits. */
interface Host {
  readonly identity: Identity
  readonly network: NetworkId
  readonly driver: { attach(link: ProvenLink): void }
  /** For `/healthz`. */
  inspect(): { readonly neighbors: readonly unknown[] }
}

/** How long `close` waits for visitors to hang up, in ms; then they are cut off (guess). */
const CLOSE_MS = 500

/** The ports that a mesh has open. */
export class Listeners {
  readonly #open = new Set<Listener>()
  #isClosed = false

  get urls(): readonly string[] {
    return [...this.#open].map(({ url }) => url)
  }

  /** Rejects with `ERR_CLOSED` if `close` was called meanwhile. */
  async open(host: Host, options: ListenOptions): Promise<Listener> {
    const listener = await listen(host, options)
    if (this.#isClosed) {
      await listener.close()
      throw closedError()
    }
    this.#open.add(listener)
    const close = async (): Promise<void> => {
      this.#open.delete(listener)
      await listener.close()
    }
    return { port: listener.port, url: listener.url, close }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#open].map((listener) => listener.close()))
    this.#open.clear()
  }
}

/**
 * Opens a port at which newcomers of the same network are introduced to this peer, and through it to its mesh. Unlike
 * a bootstrap it keeps no pool of entries: it is one itself.
 */
async function listen(host: Host, options: ListenOptions): Promise<Listener> {
  const { identity, network, driver } = host
  const [{ createAcceptor }, { resolveBootstrap }] = await Promise.all([
    import('../bootstrap/acceptor.ts'),
    import('../bootstrap/options.ts'),
  ])
  const acceptor = await createAcceptor({
    options: resolveBootstrap({ host: '127.0.0.1', ...options }),
    identity,
    isServed: (asked) => asked === network,
    health: () => ({ status: 'ok', id: identity.id, links: host.inspect().neighbors.length }),
    onVisitor: ({ channel, peer }) => {
      const link = new Link(channel)
      driver.attach({ link, peer, role: 'visitor', exchange: null })
      link.send({ kind: 'introduction', entries: [identity.id], leaseMs: 0 })
    },
  })
  return { port: acceptor.port, url: acceptor.url, close: () => acceptor.close(CLOSE_MS) }
}
