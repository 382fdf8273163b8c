/** Child of `bootstrap.ts`: one server, ours or the bare relay, and what it costs its process. */

import { type Bootstrap, createBootstrap } from '../../bootstrap/server.ts'
import { serve, settledRss } from './child.ts'
import { startBareRelay } from './floor-relay.ts'

/** Room for all clients of this machine, and no end of patience with idle ones; every other limit is the default. */
const OPTIONS = { host: '127.0.0.1', maxConnections: 10_000, maxConnectionsPerAddress: 10_000, silenceMs: 86_400_000 }

let bootstrap: Bootstrap | null = null

serve({
  start: async (kind: 'ours' | 'floor') => {
    if (kind === 'floor') return startBareRelay()
    bootstrap = await createBootstrap(OPTIONS)
    return bootstrap.url
  },
  stats: () => bootstrap?.stats(),
  cpuMs: () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
  rss: () => settledRss(),
})
