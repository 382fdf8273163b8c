/**
 * Child of `webrtc.ts`: what one end of a link holds. Ours: peers that come one after the other until all are linked with
 * each other, everything that a peer has included; the floor: as many ends of bare simple-peers, one pair after the
 * other. One process each, measured once; what code and native library need once is there before.
 */

import { startBootstrap } from './bootstrap-url.ts'
import { serve, settledRss } from './child.ts'
import { barePair, rawWrtc } from './floor-webrtc.ts'
import { createMesh, type Mesh } from '../../src/index.ts'
import { until } from './rig.ts'

const wrtc = await rawWrtc('@roamhq/wrtc')
/** Few enough for each to want all others as ring neighbours. */
const PEERS = 8
const MESHES = 3
const ENDS = MESHES * PEERS * (PEERS - 1)
const kept: unknown[] = []

serve({
  /** KiB of one end. */
  measure: async (kind: 'ours' | 'floor') => {
    kept.push(await barePair(wrtc))
    await linkPeers(2, 'before')
    const before = await settledRss()
    await (kind === 'ours' ? linkMeshes() : linkBarePeers())
    // Set-up leaves timers of some seconds behind, on both sides.
    await new Promise((resolve) => setTimeout(resolve, 6_000))
    return ((await settledRss()) - before) / ENDS / 1024
  },
})

async function linkMeshes(): Promise<void> {
  for (let i = 0; i < MESHES; i++) await linkPeers(PEERS, `memory ${i}`)
}

async function linkPeers(count: number, network: string): Promise<void> {
  const bootstrap = await startBootstrap()
  const meshes: Mesh[] = []
  kept.push(meshes)
  while (meshes.length < count) {
    meshes.push(createMesh({ wrtc, bootstrap, network }))
    await until(() => meshes.every((mesh) => mesh.peers().length === meshes.length - 1))
  }
}

async function linkBarePeers(): Promise<void> {
  for (let i = 0; i < ENDS / 2; i++) kept.push(await barePair(wrtc))
}
