/**
 * Child of `webrtc.ts`: what one end of a link holds. Ours: peers that are all linked with each other, everything that a
 * peer has included; the floor: as many ends of bare simple-peers. One process each, measured once.
 */

import { startBootstrap } from './bootstrap-url.ts'
import { serve, settledRss } from './child.ts'
import { barePair, rawWrtc } from './floor-webrtc.ts'
import { sized } from './measure.ts'
import { createMesh } from '../../src/index.ts'
import { until } from './rig.ts'

const wrtc = await rawWrtc('@roamhq/wrtc')
/** 16 peers have 240 ends of links. */
const PEERS = sized(16, 8)
const ENDS = PEERS * (PEERS - 1)
const kept: unknown[] = []

serve({
  /** KiB of one end. */
  measure: async (kind: 'ours' | 'floor') => {
    // What the native library allocates once.
    kept.push(await barePair(wrtc))
    const before = await settledRss()
    await (kind === 'ours' ? linkMeshes() : linkBarePeers())
    // Set-up leaves timers of some seconds behind, on both sides.
    await new Promise((resolve) => setTimeout(resolve, 6_000))
    return ((await settledRss()) - before) / ENDS / 1024
  },
})

async function linkMeshes(): Promise<void> {
  const bootstrap = await startBootstrap()
  const meshes = Array.from({ length: PEERS }, () => createMesh({ wrtc, bootstrap }))
  kept.push(meshes)
  await until(() => meshes.every((mesh) => mesh.peers().length === PEERS - 1), meshes[0])
}

async function linkBarePeers(): Promise<void> {
  for (let i = 0; i < ENDS / 2; i++) kept.push(await barePair(wrtc))
}
