/** Real peers in one process, through a real bootstrap on this machine; everything is closed after each test. */

import wrtc from '@roamhq/wrtc'
import type { Instance } from 'simple-peer'
import { afterEach } from 'vitest'
import { type Bootstrap, createBootstrap } from '../../bootstrap/server.ts'
import { createMesh, type Mesh } from '../../src/mesh.ts'
import type { MeshEvents } from '../../src/events.ts'
import type { MeshOptions } from '../../src/options.ts'

const open: (() => Promise<unknown>)[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

export const text = (data: Uint8Array): string => new TextDecoder().decode(data)

export async function startBootstrap(options: Parameters<typeof createBootstrap>[0] = {}): Promise<Bootstrap> {
  const bootstrap = await createBootstrap({ host: '127.0.0.1', ...options })
  open.push(() => bootstrap.close())
  return bootstrap
}

/** A mesh that need not be ready. */
export function startMesh(options: MeshOptions = {}): Mesh {
  const mesh = createMesh({ wrtc, ...options })
  open.push(() => mesh.close())
  return mesh
}

/** `count` peers that are ready and all linked with each other. */
export async function startPeers(count: number, options: MeshOptions): Promise<Mesh[]> {
  const meshes = Array.from({ length: count }, () => startMesh(options))
  await Promise.all(meshes.map((mesh) => mesh.ready()))
  await Promise.all(meshes.map((mesh) => linked(mesh, count - 1)))
  return meshes
}

/** Resolves once `mesh` has `count` links. */
export async function linked(mesh: Mesh, count: number): Promise<void> {
  while (mesh.peers().length < count) await next(mesh, 'peer')
}

/** The next event of that name (that fits). */
export function next<Name extends keyof MeshEvents>(
  mesh: Mesh,
  name: Name,
  fits: (detail: MeshEvents[Name]) => boolean = () => true,
): Promise<MeshEvents[Name]> {
  return new Promise((resolve) => {
    const off = mesh.on(name, (detail) => {
      if (!fits(detail)) return
      off()
      resolve(detail)
    })
  })
}

/** The next event of a simple-peer instance. */
export function once<T = unknown>(peer: Instance, name: 'data' | 'close' | 'stream'): Promise<T> {
  return new Promise((resolve) => peer.once(name, resolve as () => void))
}
