/**
 * libp2p's gossipsub as a rival has a package.json of its own, so that who installs the library does not install its
 * rivals: `npm ci --prefix test/bench/gossipsub`.
 */

import { existsSync } from 'node:fs'

// This runs from test/output/bench/test/bench; what is installed is beside the source.
const folder = new URL('../../../../bench/gossipsub/', import.meta.url)

/** The module with `createSwarm`. */
export const gossipsubUrl = new URL('swarm.mjs', folder).href

export const isGossipsubInstalled = (): boolean => existsSync(new URL('node_modules/libp2p/', folder))
