/** The public face end to end: real WebRTC, a real bootstrap, several peers in one process. */

import wrtc from '@roamhq/wrtc'
import type { Instance } from 'simple-peer'
import { describe, expect, it } from 'vitest'
import type { Call } from '../../src/call.ts'
import type { MeshError } from '../../src/errors.ts'
import type { Received } from '../../src/events.ts'
import { createMesh } from '../../src/mesh.ts'
import { linked, next, once, startBootstrap, startMesh, startPeers, text } from './support.ts'

const STRANGER = 'a'.repeat(51) + 'a'
const codes = (error: unknown): string => (error as MeshError).code

describe('two peers', () => {
  it('are ready, and send both ways with receipts', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    expect(ada!.id).toMatch(/^[a-z2-7]{52}$/)
    const heard = next(bob!, 'message')
    const receipt = await ada!.send(bob!.id, 'ping')
    expect(receipt).toMatchObject({ hops: 1, path: 'direct', attempts: 1 })
    expect(receipt.ms).toBeGreaterThanOrEqual(0)
    expect(await heard).toEqual({ from: ada!.id, data: new TextEncoder().encode('ping'), kind: 'unicast', hops: 1 })
    const back = next(ada!, 'message')
    await bob!.send(ada!.id, new Uint8Array([0, 255]))
    const { data } = await back
    expect(data).toEqual(new Uint8Array([0, 255]))
    // Its own memory, not a view of the whole message that it came in.
    expect(data.buffer.byteLength).toBe(2)
  })

  it('carry messages of the greatest size, and refuse greater ones', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    const data = crypto.getRandomValues(new Uint8Array(15 * 1024))
    const heard = next(bob!, 'message')
    await ada!.send(bob!.id, data.buffer)
    expect((await heard).data).toEqual(data)
    await expect(ada!.send(bob!.id, new Uint8Array(15 * 1024 + 1))).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' })
    await expect(ada!.broadcast('x'.repeat(15_361))).rejects.toMatchObject({ code: 'ERR_TOO_LARGE' })
  })

  it('of different networks never meet', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = [startMesh({ bootstrap: url, network: 'a' }), startMesh({ bootstrap: url, network: 'b' })]
    await Promise.all([ada.ready(), bob.ready()])
    await expect(ada.send(bob.id, 'x', { timeoutMs: 500 })).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' })
    expect(ada.peers()).toEqual([])
  })

  it('keep the id that their seed gives them', async () => {
    const seed = crypto.getRandomValues(new Uint8Array(32))
    const first = startMesh({ seed })
    const { id, seed: saved } = await first.identity()
    expect(saved).toEqual(seed)
    await first.close()
    const second = startMesh({ seed: saved })
    expect((await second.identity()).id).toBe(id)
    expect(second.id).toBe(id)
  })

  it('name whom to come back to, and take those names as they are', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    expect(ada!.anchors()).toEqual([bob!.id])
    const anchors = bob!.anchors()
    await bob!.close()
    expect(bob!.anchors()).toEqual([])
    const again = startMesh({ bootstrap: url, anchors })
    await again.ready()
    await linked(again, 1)
    expect(again.anchors()).toEqual(anchors)
  })
})

describe('three peers', () => {
  it('hear a broadcast exactly once each, its sender not at all', async () => {
    const { url } = await startBootstrap()
    const meshes = await startPeers(3, { bootstrap: url })
    const heard: string[] = []
    for (const [index, mesh] of meshes.entries()) {
      mesh.on('message', ({ from, data, kind }) =>
        heard.push(`${index} ${kind} ${from === meshes[0]!.id} ${text(data)}`),
      )
    }
    const { id, confirmed, sent } = await meshes[0]!.broadcast('one')
    expect(id).toMatch(/^[a-z2-7]{26}$/)
    expect([sent, confirmed]).toEqual([meshes.length - 1, expect.any(Number)])
    expect(confirmed).toBeGreaterThan(0)
    await meshes[0]!.broadcast('two')
    // Links keep the order of frames: what is sent afterwards arrives after any second copy.
    for (const mesh of meshes) for (const other of meshes) if (mesh !== other) await mesh.send(other.id, 'done')
    const broadcasts = heard.filter((line) => !line.endsWith('done')).toSorted()
    expect(broadcasts).toEqual([
      '1 broadcast true one',
      '1 broadcast true two',
      '2 broadcast true one',
      '2 broadcast true two',
    ])
  })

  it('go on without their bootstrap: messages, broadcasts, calls', async () => {
    const bootstrap = await startBootstrap()
    const [ada, bob, eve] = await startPeers(3, { bootstrap: bootstrap.url })
    await bootstrap.close()
    expect((await ada!.send(eve!.id, 'still here')).hops).toBeGreaterThanOrEqual(1)
    const heard = next(bob!, 'message', ({ kind }) => kind === 'broadcast')
    await eve!.broadcast('all')
    expect(text((await heard).data)).toBe('all')
    bob!.on('call', (call) => call.accept())
    const connection = await ada!.dial(bob!.id)
    expect(connection.connected).toBe(true)
    connection.destroy()
  })

  it('say how the offer of each link came, and the first came via the bootstrap', async () => {
    const { url } = await startBootstrap()
    const ada = startMesh({ bootstrap: url })
    await ada.ready()
    const up = next(ada, 'peer')
    const bob = startMesh({ bootstrap: url })
    await bob.ready()
    expect(await up).toMatchObject({ id: bob.id, state: 'up', offer: { viaBootstrap: true } })
    await bob.close()
    expect(await next(ada, 'peer')).toMatchObject({ id: bob.id, state: 'down' })
  })
})

describe('dial', () => {
  const callOf = (mesh: ReturnType<typeof startMesh>): Promise<Call> => next(mesh, 'call')

  it('gives both sides a plain simple-peer instance, and the other side the metadata', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    const ringing = callOf(bob!)
    const dialling = ada!.dial(bob!.id, { metadata: { topic: 'chess', moves: [1, null] } })
    const call = await ringing
    expect(call.from).toBe(ada!.id)
    expect(call.metadata).toEqual({ topic: 'chess', moves: [1, null] })
    expect(call.offer).toMatchObject({ viaBootstrap: false })
    const [near, far] = await Promise.all([dialling, call.accept()])
    expect(await call.accept()).toBe(far)
    near.send('e4')
    expect(String(await once(far, 'data'))).toBe('e4')
    far.send(new Uint8Array([7]))
    expect(new Uint8Array(await once<Uint8Array>(near, 'data'))).toEqual(new Uint8Array([7]))
    near.destroy()
    await once(far, 'close')
  })

  it('is refused when the other side rejects, and when nobody there listens', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    await expect(ada!.dial(bob!.id)).rejects.toMatchObject({ code: 'ERR_REFUSED', message: 'refused: rejected' })
    let call!: Call
    bob!.on('call', (ringing) => {
      call = ringing
      call.reject()
      call.reject()
    })
    await expect(ada!.dial(bob!.id)).rejects.toMatchObject({ code: 'ERR_REFUSED' })
    await expect(call.accept()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('can be given up, and the call there has ended then', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    const controller = new AbortController()
    const ringing = callOf(bob!)
    const dialling = ada!.dial(bob!.id, { signal: controller.signal })
    dialling.catch(() => {})
    const call = await ringing
    controller.abort(new Error('never mind'))
    await expect(dialling).rejects.toMatchObject({ code: 'ERR_ABORTED', message: 'aborted: never mind' })
    expect(await call.ended).toBe('the call has ended: closed')
    // It would ring for a minute otherwise.
    await expect(call.accept()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('that is given up does no harm to a listener that accepts and looks away', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    const controller = new AbortController()
    const ended = new Promise((resolve) => {
      bob!.on('call', (call) => {
        // An unhandled rejection would fail this run, and end a process.
        void call.accept()
        controller.abort()
        resolve(call.ended)
      })
    })
    await expect(ada!.dial(bob!.id, { signal: controller.signal })).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(await ended).toContain('the call has ended')
  })

  it('rejects with a time-out when nobody answers the call', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    bob!.on('call', () => {})
    await expect(ada!.dial(bob!.id, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  })

  it('connects several peers at once, each with its own', async () => {
    const { url } = await startBootstrap()
    const [ada, bob, eve] = await startPeers(3, { bootstrap: url })
    const accepted: Instance[] = []
    for (const mesh of [bob!, eve!]) {
      mesh.on('call', async (call) => {
        const connection = await call.accept()
        accepted.push(connection)
        connection.send(mesh.id)
      })
    }
    const targets = [bob!.id, eve!.id, bob!.id]
    const dialled = await Promise.all(targets.map((id) => ada!.dial(id)))
    const said = await Promise.all(dialled.map((connection) => once(connection, 'data')))
    expect(said.map(String)).toEqual(targets)
    for (const connection of [...dialled, ...accepted]) connection.destroy()
  })

  it('ends with the mesh that made it', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    const accepting = callOf(bob!).then((call) => call.accept())
    const [near, far] = await Promise.all([ada!.dial(bob!.id), accepting])
    const ended = Promise.all([once(near, 'close'), once(far, 'close')])
    await ada!.close()
    await ended
  })
})

describe('what cannot be', () => {
  it('is refused before anything is sent', async () => {
    const mesh = startMesh()
    const { id } = await mesh.identity()
    await mesh.ready()
    const refused = (work: Promise<unknown>) => work.then(() => 'resolved', codes)
    expect(await refused(mesh.send('bob', 'x'))).toBe('ERR_OPTION')
    expect(await refused(mesh.send(id, 'x'))).toBe('ERR_OPTION')
    expect(await refused(mesh.send(STRANGER, { no: 'bytes' } as never))).toBe('ERR_OPTION')
    expect(await refused(mesh.send(STRANGER, 'x', { timeoutMs: 0 }))).toBe('ERR_OPTION')
    expect(await refused(mesh.send(STRANGER, 'x', { signal: {} as AbortSignal }))).toBe('ERR_OPTION')
    expect(await refused(mesh.dial(STRANGER, { metadata: 'x'.repeat(1_023) }))).toBe('ERR_TOO_LARGE')
    expect(await refused(mesh.broadcast(7 as never))).toBe('ERR_OPTION')
    expect(await refused(mesh.ready({ timeoutMs: -1 }))).toBe('ERR_OPTION')
  })

  it('fails as unreachable: a peer that does not exist', async () => {
    const { url } = await startBootstrap()
    const [ada] = await startPeers(2, { bootstrap: url })
    const { id } = await startMesh().identity()
    await expect(ada!.send(id, 'x', { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' })
    await expect(ada!.dial(id, { timeoutMs: 1_000 })).rejects.toMatchObject({ name: 'MeshError' })
  })
})

describe('readiness', () => {
  it('comes at once to a peer that knows no bootstrap: it is the first of its mesh', async () => {
    const mesh = startMesh()
    expect(() => mesh.id).toThrow(expect.objectContaining({ code: 'ERR_NOT_READY' }))
    expect(mesh.inspect()).toMatchObject({ id: null, state: 'starting', neighbors: [] })
    const event = next(mesh, 'ready')
    await mesh.ready()
    expect(await event).toEqual({ id: mesh.id })
    expect(mesh.inspect()).toMatchObject({ id: mesh.id, state: 'ready' })
  })

  it('that takes too long says which bootstrap failed and why; the mesh goes on trying', async () => {
    const bootstrap = await startBootstrap()
    await bootstrap.close()
    const mesh = startMesh({ bootstrap: bootstrap.url })
    const error = await mesh.ready({ timeoutMs: 500 }).catch((thrown: MeshError) => thrown)
    expect(error).toMatchObject({ code: 'ERR_BOOTSTRAP' })
    expect((error as MeshError).message).toContain(`${bootstrap.url}/: `)
    expect((error as MeshError).message).toContain('ECONNREFUSED')
    await startBootstrap({ port: bootstrap.port })
    await mesh.ready()
  })

  it('needs only one bootstrap that works', async () => {
    const gone = await startBootstrap()
    await gone.close()
    const { url } = await startBootstrap()
    await startMesh({ bootstrap: [gone.url, url, `${gone.url}/other`] }).ready()
  })

  it('can be waited for with a signal, before and while', async () => {
    const bootstrap = await startBootstrap()
    await bootstrap.close()
    const mesh = startMesh({ bootstrap: bootstrap.url })
    await expect(mesh.ready({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    const controller = new AbortController()
    const waiting = [
      mesh.ready({ signal: controller.signal }),
      mesh.send(STRANGER, 'x', { signal: controller.signal }),
      mesh.broadcast('x', { signal: controller.signal }),
      mesh.dial(STRANGER, { signal: controller.signal }),
    ]
    const outcomes = Promise.allSettled(waiting)
    controller.abort()
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: 'ERR_ABORTED' } })
  })

  it('is refused to those without the token, and says so', async () => {
    const { url } = await startBootstrap({ tokenSecret: 'sixteen characters' })
    const mesh = startMesh({ bootstrap: url, token: 'wrong' })
    const error = await mesh.ready({ timeoutMs: 500 }).catch((thrown: MeshError) => thrown)
    expect(error).toMatchObject({ code: 'ERR_BOOTSTRAP' })
    expect((error as MeshError).message).toContain('token')
  })
})

describe('a send that is aborted', () => {
  it('rejects, and the mesh goes on', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    const { id } = await startMesh().identity()
    const controller = new AbortController()
    const sending = ada!.send(id, 'x', { signal: controller.signal })
    controller.abort()
    await expect(sending).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await ada!.send(bob!.id, 'y')
  })
})

describe('closing', () => {
  it('may be done twice, before the keys exist and while things wait', async () => {
    const mesh = createMesh({ wrtc })
    const waiting = Promise.allSettled([mesh.ready(), mesh.send(STRANGER, 'x'), mesh.identity()])
    const closing = mesh.close()
    expect(mesh.close()).toBe(closing)
    await closing
    for (const outcome of await waiting) expect(outcome).toMatchObject({ reason: { code: 'ERR_CLOSED' } })
    await mesh.close()
    await expect(mesh.broadcast('x')).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await expect(mesh.listen()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(mesh.inspect().state).toBe('closed')
  })

  it('rejects what is under way, and the others see the peer leave', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    const { id } = await startMesh().identity()
    const left = next(bob!, 'peer', ({ state }) => state === 'down')
    const sending = ada!.send(id, 'x')
    await ada!.ready()
    await ada!.close()
    await expect(sending).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    expect(await left).toMatchObject({ id: ada!.id })
    expect(bob!.peers()).toEqual([])
    expect(ada!.peers()).toEqual([])
  })

  it('happens by itself at the end of an await using block', async () => {
    const { url } = await startBootstrap()
    let mesh
    {
      await using inner = createMesh({ wrtc, bootstrap: url })
      await inner.ready()
      mesh = inner
    }
    expect(mesh.inspect().state).toBe('closed')
  })
})

describe('events and snapshots', () => {
  it('tell the story of the bootstrap', async () => {
    const bootstrap = await startBootstrap()
    const mesh = startMesh({ bootstrap: bootstrap.url })
    const story: string[] = []
    mesh.on('bootstrap', ({ state }) => story.push(state))
    await mesh.ready()
    expect(story).toEqual(['contacting', 'connected'])
    const lost = next(mesh, 'bootstrap')
    await bootstrap.close()
    expect(await lost).toMatchObject({ state: 'lost' })
  })

  it('a listener that throws disturbs nobody else', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url })
    const heard: Received[] = []
    const errors: MeshError[] = []
    bob!.on('error', (error) => errors.push(error))
    bob!.on('message', () => {
      throw new Error('bug')
    })
    bob!.on('message', (message) => heard.push(message))
    await ada!.send(bob!.id, 'x')
    await ada!.send(bob!.id, 'y')
    expect(heard.map(({ data }) => text(data))).toEqual(['x', 'y'])
    expect(errors.map(codes)).toEqual(['ERR_LISTENER', 'ERR_LISTENER'])
  })

  it('what an application does to its data reaches nobody else', async () => {
    const { url } = await startBootstrap()
    const meshes = await startPeers(3, { bootstrap: url })
    const heard = meshes.slice(1).map(
      (mesh) =>
        new Promise<string>((resolve) => {
          mesh.on('message', ({ data }) => {
            resolve(text(data))
            data.fill(0)
          })
        }),
    )
    const data = new TextEncoder().encode('abc')
    const sent = meshes[0]!.broadcast(data)
    data.fill(0)
    await sent
    expect(await Promise.all(heard)).toEqual(['abc', 'abc'])
  })

  it('inspect is one object that survives JSON', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = await startPeers(2, { bootstrap: url, linksMax: 8 })
    await ada!.send(bob!.id, 'x')
    const snapshot = ada!.inspect()
    expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot)
    expect(snapshot).toMatchObject({
      id: ada!.id,
      network: 'default',
      state: 'ready',
      linksMax: 8,
      listening: [],
      neighbors: [{ id: bob!.id, transport: 'webrtc' }],
      known: [{ id: bob!.id }],
    })
    expect(snapshot.bootstrap.servers).toEqual([{ url: `${url}/`, failures: 0 }])
    expect(snapshot.neighbors[0]!.counters!.framesOut).toBeGreaterThan(0)
    expect(ada!.peers()[0]).not.toHaveProperty('counters')
    for (const [name, { size, max }] of Object.entries(snapshot.collections))
      expect(size, name).toBeLessThanOrEqual(max)
  })
})

describe('a peer that listens', () => {
  it('lets newcomers in without any bootstrap', async () => {
    const first = startMesh()
    const { url, port } = await first.listen()
    expect(url).toBe(`ws://127.0.0.1:${port}`)
    expect(first.inspect().listening).toEqual([url])
    const [second, third] = await startPeers(2, { bootstrap: url }).catch((error) => {
      throw error
    })
    await linked(first, 2)
    await second!.send(third!.id, 'x')
    await third!.send(first.id, 'y')
  })

  it('turns other networks away and says why', async () => {
    const first = startMesh({ network: 'mine' })
    const { url } = await first.listen()
    const error = await startMesh({ bootstrap: url })
      .ready({ timeoutMs: 500 })
      .catch((thrown: MeshError) => thrown)
    expect(error).toMatchObject({ code: 'ERR_BOOTSTRAP' })
    expect((error as MeshError).message).toContain('network')
  })

  it('names an option that is wrong, and the port that is taken', async () => {
    const mesh = startMesh()
    const { port, close } = await mesh.listen()
    await expect(startMesh().listen({ port })).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringContaining('port'),
    })
    await expect(mesh.listen({ port: -1 })).rejects.toMatchObject({ code: 'ERR_OPTION' })
    await close()
    expect(mesh.inspect().listening).toEqual([])
    await mesh.listen({ port })
  })
})
