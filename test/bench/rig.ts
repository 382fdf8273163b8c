/**
 * Ours, arranged for benchmarks: A and C have links to B and to nobody else, so that whatever they say to each other
 * crosses one relay. B lets them in itself (`mesh.listen`).
 */

import { Neighbors } from '../../src/core/neighbors.ts'
import { Mesh, type MeshOptions } from '../../src/mesh.ts'
import { resolveOptions } from '../../src/options.ts'
import { createMesh } from '../../src/index.ts'

/** Three peers in a row. */
export interface Row {
  readonly a: Mesh
  readonly b: Mesh
  readonly c: Mesh
  close(): Promise<unknown>
}

export async function createRow(wrtc: unknown): Promise<Row> {
  const b = createMesh({ wrtc })
  const { url } = await b.listen()
  const a = await createEnd({ wrtc, bootstrap: url })
  const c = await createEnd({ wrtc, bootstrap: url })
  return { a, b, c, close: () => Promise.all([a.close(), c.close(), b.close()]) }
}

/**
 * A peer with room for one link. No option allows that, so it goes past them. Its ring would never stand, for want of
 * the third peer, and it would wait for that for ever: in this process, any link will do.
 */
async function createEnd(options: MeshOptions): Promise<Mesh> {
  Neighbors.prototype.ringStands = function (): boolean {
    return this.size > 0
  }
  const mesh = new Mesh({ ...resolveOptions(options), linksMax: 1 })
  await mesh.ready()
  await until(() => mesh.inspect().bootstrap.state === 'left')
  return mesh
}

/** Resolves when a mesh gets its first link. */
export function firstPeer(mesh: Mesh): Promise<void> {
  return new Promise((resolve) => {
    const off = mesh.on('peer', ({ state }) => {
      if (state !== 'up') return
      off()
      resolve()
    })
  })
}

/** Polls; not part of what is measured. */
export async function until(isTrue: () => boolean, limitMs = 20_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`never came about: ${isTrue.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
