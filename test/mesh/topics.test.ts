/** Topics as an application uses them, over real data channels. */

import { describe, expect, it, vi } from 'vitest'
import type { TopicId } from '../../src/core/ids.ts'
import { Engine } from '../../src/engine.ts'
import type { Mesh } from '../../src/mesh.ts'
import type { Topic, TopicMessage } from '../../src/topic.ts'
import { Topics } from '../../src/topics.ts'
import { Gate } from '../../src/waiting.ts'
import { next, startBootstrap, startMesh, startPeers, text } from './support.ts'

const nextOf = (topic: Topic): Promise<TopicMessage> =>
  new Promise((resolve) => {
    const off = topic.on('message', (message) => {
      off()
      resolve(message)
    })
  })

/** Until all of these know each other. */
async function acquainted(topics: readonly Topic[]): Promise<void> {
  await expect
    .poll(() => topics.map((topic) => topic.peers().length), { timeout: 15_000 })
    .toEqual(topics.map(() => topics.length - 1))
}

async function refused(attempt: () => unknown): Promise<string> {
  try {
    await attempt()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'nothing'
}

describe('a topic', () => {
  it('brings what its members publish to all of them once, and to nobody else', async () => {
    const { url } = await startBootstrap()
    const meshes = await startPeers(5, { bootstrap: url })
    const [ada, bob, eve, joe, zoe] = meshes as [Mesh, Mesh, Mesh, Mesh, Mesh]
    const chats = [ada, bob, eve].map((mesh) => mesh.topic('chat'))
    const heard: string[] = []
    for (const [i, chat] of chats.entries())
      chat.on('message', ({ from, data, hops }) => {
        expect(hops).toBeGreaterThanOrEqual(1)
        heard.push(`${i} from ${meshes.findIndex(({ id }) => id === from)}: ${text(data)}`)
      })
    const elsewhere = joe.topic('other')
    for (const mesh of meshes) mesh.on('message', ({ data, kind }) => kind === 'broadcast' && heard.push(text(data)))
    elsewhere.on('message', () => heard.push('in another topic'))
    await acquainted(chats)
    expect(new Set(chats[0]!.peers())).toEqual(new Set([bob.id, eve.id]))
    const { id, confirmed } = await chats[0]!.publish('one')
    expect(id).toMatch(/^[a-z2-7]{26}$/)
    expect(confirmed).toBeGreaterThanOrEqual(1)
    await chats[2]!.publish(new TextEncoder().encode('two'))
    await expect
      .poll(() => heard.toSorted())
      .toEqual(['0 from 2: two', '1 from 0: one', '1 from 2: two', '2 from 0: one'])
    // Nothing comes later either: a link keeps the order of what it carries.
    for (const mesh of meshes) for (const other of meshes) if (mesh !== other) await mesh.send(other.id, 'done')
    expect(heard).toHaveLength(4)
    expect(ada.inspect().topics).toMatchObject([{ name: 'chat', role: 'member' }])
    // Everybody has a link to everybody, so no relay is needed.
    expect(zoe.inspect().counters['topics']).toMatchObject({ sent: 0 })
  })

  it('is the same object by the same name until it is left; afterwards a new one', async () => {
    const mesh = startMesh()
    await mesh.ready()
    const chat = mesh.topic('chat')
    expect(mesh.topic('chat')).toBe(chat)
    expect(chat.name).toBe('chat')
    chat.leave()
    chat.leave()
    expect(await refused(() => chat.publish('x'))).toBe('ERR_CLOSED')
    expect(mesh.topic('chat')).not.toBe(chat)
  })

  it('may be joined and published to before the mesh is ready', async () => {
    const { url } = await startBootstrap()
    const ada = startMesh({ bootstrap: url })
    const heard = nextOf(ada.topic('chat'))
    await ada.ready()
    const bob = startMesh({ bootstrap: url })
    await bob.topic('chat').publish('early bird')
    expect(await heard).toMatchObject({ from: bob.id, data: new TextEncoder().encode('early bird') })
  })

  it('can be read in a loop, which ends when the topic is left', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = (await startPeers(2, { bootstrap: url })) as [Mesh, Mesh]
    const chats = [ada.topic('chat'), bob.topic('chat')] as const
    await acquainted(chats)
    const read: string[] = []
    const loop = (async () => {
      for await (const { data } of chats[1]) {
        read.push(text(data))
        if (read.length === 2) break
      }
      for await (const { data } of chats[1]) {
        read.push(text(data))
        chats[1].leave()
      }
    })()
    for (const word of ['one', 'two']) await chats[0].publish(word)
    await expect.poll(() => read).toEqual(['one', 'two'])
    await chats[0].publish('three')
    await loop
    expect(read).toEqual(['one', 'two', 'three'])
  })

  it('hears nothing more after it was left', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = (await startPeers(2, { bootstrap: url })) as [Mesh, Mesh]
    const chats = [ada.topic('chat'), bob.topic('chat')] as const
    await acquainted(chats)
    const heard: string[] = []
    chats[1].on('message', ({ data }) => heard.push(text(data)))
    chats[1].leave()
    await expect.poll(() => chats[0].peers()).toEqual([])
    await chats[0].publish('anybody?')
    await ada.send(bob.id, 'done')
    expect(heard).toEqual([])
  })

  it('ends with the mesh: loops end, publishing is refused', async () => {
    const mesh = startMesh()
    await mesh.ready()
    const chat = mesh.topic('chat')
    const loop = (async () => {
      for await (const message of chat) expect(message).toBeUndefined()
    })()
    await mesh.close()
    await loop
    expect(await refused(() => chat.publish('x'))).toBe('ERR_CLOSED')
    expect(await refused(() => mesh.topic('chat'))).toBe('ERR_CLOSED')
  })

  it('does not wait for its code longer than its caller does, nor than the mesh would be waited for', async () => {
    const mesh = startMesh({ readyTimeoutMs: 300 })
    await mesh.ready()
    const never = new Promise<never>(() => {})
    const loading = vi.spyOn(Engine.prototype, 'joinTopic').mockReturnValue(never)
    try {
      const chat = mesh.topic('chat')
      const leaving = new AbortController()
      const published = refused(() => chat.publish('x', { signal: leaving.signal }))
      leaving.abort()
      expect(await published).toBe('ERR_ABORTED')
      expect(await refused(() => chat.publish('x'))).toBe('ERR_TIMEOUT')
    } finally {
      loading.mockRestore()
    }
  })

  it('says what is wrong with what it is given', async () => {
    const mesh = startMesh()
    await mesh.ready()
    for (const name of ['', 'x'.repeat(129), 7, undefined])
      expect(await refused(() => mesh.topic(name as never))).toBe('ERR_OPTION')
    const chat = mesh.topic('chat')
    expect(await refused(() => chat.publish(''))).toBe('ERR_OPTION')
    expect(await refused(() => chat.publish(7 as never))).toBe('ERR_OPTION')
    expect(await refused(() => chat.publish('x'.repeat(15_361)))).toBe('ERR_TOO_LARGE')
    expect(await refused(() => chat.publish('x', { signal: AbortSignal.abort() }))).toBe('ERR_ABORTED')
    for (let i = 0; i < 63; i++) mesh.topic(`room ${i}`)
    expect(await refused(() => mesh.topic('one too many'))).toBe('ERR_BUSY')
    mesh.topic('room 0').leave()
    expect(mesh.topic('one too many').name).toBe('one too many')
  })

  it('a listener that throws is reported by the mesh and disturbs nobody', async () => {
    const { url } = await startBootstrap()
    const [ada, bob] = (await startPeers(2, { bootstrap: url })) as [Mesh, Mesh]
    const chats = [ada.topic('chat'), bob.topic('chat')] as const
    await acquainted(chats)
    chats[1].on('message', () => {
      throw new Error('my own fault')
    })
    const heard = nextOf(chats[1])
    const error = next(bob, 'error')
    await chats[0].publish('x')
    expect(text((await heard).data)).toBe('x')
    expect(await error).toMatchObject({ code: 'ERR_LISTENER', cause: { message: 'my own fault' } })
  })
})

const message = (text: string): TopicMessage => ({ from: 'a', data: new TextEncoder().encode(text), hops: 1 })

/** Topics without a mesh. `joined` settles their joining; `ready`: what else publishing waits for. */
function topicsAlone(ready: Promise<void> = Promise.resolve()) {
  const joined = new Gate<TopicId>()
  const [left, wanted]: [string[], string[]] = [[], []]
  const topics = new Topics({
    join: async (name, isWanted) => {
      const id = await joined.promise
      if (isWanted()) wanted.push(name)
      return id
    },
    leave: (topic) => void left.push(topic),
    publish: async (topic) => {
      await ready
      await topic
      throw new Error('published')
    },
    membersOf: () => [],
    report: () => false,
  })
  return { topics, joined, left, wanted }
}

describe('a topic whose code is still being loaded', () => {
  it('says so to whoever publishes if it cannot be joined, and may be asked for again', async () => {
    const { topics, joined } = topicsAlone()
    const chat = topics.get('chat')
    joined.reject(new TypeError('Failed to fetch dynamically imported module') as never)
    await expect(chat.publish('x')).rejects.toMatchObject({ name: 'MeshError', code: 'ERR_UNSUPPORTED' })
    expect(topics.get('chat')).not.toBe(chat)
  })

  it('keeps nobody waiting who leaves it, or closes the mesh; what is joined too late is left at once', async () => {
    for (const end of ['leave', 'close'] as const) {
      const { topics, joined, left } = topicsAlone(new Promise(() => {}))
      const chat = topics.get('chat')
      const published = refused(() => chat.publish('x'))
      if (end === 'leave') chat.leave()
      else topics.close()
      expect(await published).toBe('ERR_CLOSED')
      joined.resolve('id' as TopicId)
      await expect.poll(() => left).toEqual(['id'])
    }
  })

  it('is not joined any more when it was left meanwhile: it would take the place of another', async () => {
    const { topics, joined, wanted } = topicsAlone()
    for (let i = 0; i < 64; i++) topics.get(`room ${i}`)
    topics.get('room 0').leave()
    topics.get('one more')
    joined.resolve('id' as TopicId)
    await expect.poll(() => wanted).toContain('one more')
    expect(wanted).toHaveLength(64)
    expect(wanted).not.toContain('room 0')
  })

  it('publishes once it is there', async () => {
    const { topics, joined } = topicsAlone()
    const published = topics.get('chat').publish('x')
    joined.resolve('id' as TopicId)
    await expect(published).rejects.toThrow('published')
  })
})

describe('a loop over a topic', () => {
  it('can be ended from outside, while it waits and before it has begun', async () => {
    const chat = topicsAlone().topics.get('chat')
    const [waiting, unbegun] = [chat[Symbol.asyncIterator](), chat[Symbol.asyncIterator]()]
    const next = waiting.next()
    await waiting.return(undefined)
    expect(await next).toEqual({ done: true, value: undefined })
    await unbegun.return(undefined)
    chat.deliver(message('late'))
    expect(await unbegun.next()).toEqual({ done: true, value: undefined })
  })

  it('begun after the topic was left has nothing to give; what came before is still given', async () => {
    const chat = topicsAlone().topics.get('chat')
    const early = chat[Symbol.asyncIterator]()
    chat.deliver(message('one'))
    chat.leave()
    expect(text((await early.next()).value!.data)).toBe('one')
    expect((await early.next()).done).toBe(true)
    expect((await chat[Symbol.asyncIterator]().next()).done).toBe(true)
  })
})
