/**
 * Child of `webrtc.ts`: 32 peers in one process start at the same moment. Measured is the time until every wanted link
 * stands (ring and one for each bucket, judged from all ids, not from what the peers know), and what failed on the way.
 */

import { ringAround, xor } from '../../src/core/geometry.ts'
import type { PeerId } from '../../src/core/ids.ts'
import { planFor } from '../../src/core/slots.ts'
import { createMesh, type Mesh } from '../../src/index.ts'
import { startBootstrap } from './bootstrap-url.ts'
import { serve } from './child.ts'
import { barePair, rawWrtc } from './floor-webrtc.ts'
import { timed } from './measure.ts'
import { until } from './rig.ts'

const PEERS = 32
const kept: unknown[] = []

/** How it went. */
export interface Crowd {
  readonly ms: number
  readonly links: number
  /** As many pairs of bare simple-peers, one after the other. */
  readonly floorMs: number
  /** Exchanges that WebRTC or the proof ended, or that came to nothing in time. */
  readonly failures: number
  readonly detail: string
}

serve({
  measure: async (): Promise<Crowd> => {
    const wrtc = await rawWrtc('@roamhq/wrtc')
    const bootstrap = await startBootstrap()
    const startedAt = performance.now()
    const meshes = Array.from({ length: PEERS }, () => createMesh({ wrtc, bootstrap }))
    await Promise.all(meshes.map((mesh) => mesh.ready()))
    await until(() => meshes.every((mesh) => hasWantedLinks(mesh, meshes)))
    const ms = performance.now() - startedAt
    const failures = meshes.map(failuresOf)
    const links = meshes.reduce((sum, mesh) => sum + mesh.peers().length, 0) / 2
    // Both together would be too many sockets for one process.
    await Promise.all(meshes.map((mesh) => mesh.close()))
    const floorMs = await timed(async () => {
      for (let i = 0; i < links; i++) kept.push(await barePair(wrtc))
    })
    return {
      ms,
      links,
      floorMs,
      failures: failures.reduce((sum, { count }) => sum + count, 0),
      detail: failures.map(({ detail }) => detail).join(' '),
    }
  },
})

function hasWantedLinks(mesh: Mesh, meshes: readonly Mesh[]): boolean {
  const self = mesh.id as PeerId
  const others = meshes.filter((other) => other !== mesh).map(({ id }) => id as PeerId)
  const held = mesh.peers().map(({ id }) => id as PeerId)
  const bucketsOf = (ids: readonly PeerId[]): Set<number> => new Set(ids.map((id) => xor.bucketOf(self, id)))
  const { ringSide } = planFor(mesh.inspect().linksMax)
  return (
    [...ringAround(self, others, ringSide)].every((id) => held.includes(id)) &&
    [...bucketsOf(others)].every((bucket) => bucketsOf(held).has(bucket))
  )
}

function failuresOf(mesh: Mesh): { count: number; detail: string } {
  const { exchanges, signaling } = mesh.inspect().counters
  const all = Object.entries({ ...exchanges, timeouts: signaling!['timeouts']! }).filter(([, count]) => count > 0)
  return {
    count: all.reduce((sum, [, count]) => sum + count, 0),
    detail: all.map(([name, count]) => `${name}: ${count}`).join(', '),
  }
}
