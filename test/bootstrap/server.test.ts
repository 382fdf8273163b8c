/** A bootstrap on real sockets: what visitors see, and that every limit is kept and counted. */

import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { Link } from '../../src/net/link.ts'
import { createIdentity, networkIdOf } from '../../src/net/identity.ts'
import { type Bootstrap, type BootstrapOptions, createBootstrap, createToken } from '../../bootstrap/server.ts'
import { createAcceptor, type Visitor } from '../../bootstrap/acceptor.ts'
import { resolveBootstrap } from '../../bootstrap/options.ts'
import { dialWebSocket } from '../../src/net/websocket.ts'
import { describeLinkContract } from '../net/link-contract.ts'
import { get, refusalOf, unicastTo, visit } from './support.ts'

const running: { close(): Promise<void> }[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((bootstrap) => bootstrap.close()))
})

async function start(options: BootstrapOptions = {}): Promise<Bootstrap> {
  const bootstrap = await createBootstrap({ host: '127.0.0.1', ...options })
  running.push(bootstrap)
  return bootstrap
}

/** Looks again until it is so: for what the other side does in its own time. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('visitors', () => {
  test('learn the proven id of the server, and who serves as an entry', async () => {
    const bootstrap = await start()
    const first = await visit(bootstrap.url)
    expect(first.server).toBe(bootstrap.id)
    expect(await first.introduction).toEqual({ kind: 'introduction', entries: [], leaseMs: 60_000 })
    const second = await visit(bootstrap.url)
    expect((await second.introduction).entries).toEqual([first.id])
  })

  test('reach each other through it, marked, and get the reply back', async () => {
    const bootstrap = await start()
    const [a, b] = [await visit(bootstrap.url), await visit(bootstrap.url)]
    const frame = unicastTo(b.id, 1000)
    a.link.send(frame)
    expect(await b.next()).toEqual({ ...frame, hopLimit: 39, hops: 1, viaBootstrap: true })
    b.link.send({
      kind: 'reply',
      hopLimit: 39,
      hops: 1,
      attempt: 0,
      viaBootstrap: false,
      id: frame.id,
      body: new Uint8Array([1]),
    })
    expect(await a.next()).toMatchObject({ kind: 'reply', id: frame.id, viaBootstrap: true })
    expect(bootstrap.stats()).toMatchObject({
      visitors: 2,
      framesIn: { unicast: 1, reply: 1 },
      framesOut: { introduction: 2, unicast: 1, reply: 1 },
    })
  })

  test('of different networks do not exist for each other', async () => {
    const bootstrap = await start()
    const [a, b] = [await visit(bootstrap.url, { network: 'one' }), await visit(bootstrap.url, { network: 'two' })]
    expect((await b.introduction).entries).toEqual([])
    b.link.send(unicastTo(a.id))
    expect(await b.next()).toMatchObject({ kind: 'nack', reason: 'dead-end' })
  })

  test('are told how things are done by an echo of their heartbeats', async () => {
    const { url } = await start()
    const { link, next } = await visit(url)
    link.send({ kind: 'heartbeat', isEcho: false, hasRoom: true, stamp: 42 })
    expect(await next()).toEqual({ kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 42 })
  })

  test('that say nothing for the time set are closed', async () => {
    const { url } = await start({ silenceMs: 20 })
    const { down } = await visit(url)
    expect(await down).toBe('silent')
  })
})

describe('an id', () => {
  test('is nobody else’s: not before, during or after its owner’s session', async () => {
    const bootstrap = await start()
    const victim = await createIdentity()
    const thief = await createIdentity()
    const hijack = () =>
      refusalOf(
        visit(bootstrap.url, { identity: victim, signer: { id: victim.id, sign: (bytes) => thief.sign(bytes) } }),
      )
    expect(await hijack()).toBe('denied: signature')
    const session = await visit(bootstrap.url, { identity: victim })
    expect(await hijack()).toBe('denied: signature')
    // The session has noticed nothing.
    const friend = await visit(bootstrap.url)
    friend.link.send(unicastTo(victim.id))
    expect(await session.next()).toMatchObject({ kind: 'unicast' })
    session.link.close('done')
    await until(() => bootstrap.stats().visitors === 1)
    expect(await hijack()).toBe('denied: signature')
    expect(bootstrap.stats()).toMatchObject({ visitors: 1, accept: { refused: { signature: 3 } } })
  })

  test('that comes again with its key replaces its older link', async () => {
    const bootstrap = await start()
    const identity = await createIdentity()
    const older = await visit(bootstrap.url, { identity })
    const newer = await visit(bootstrap.url, { identity })
    expect(await older.down).toBe('replaced')
    const friend = await visit(bootstrap.url)
    friend.link.send(unicastTo(identity.id))
    expect(await newer.next()).toMatchObject({ kind: 'unicast' })
    expect(bootstrap.stats().visitors).toBe(2)
  })

  test('of the server cannot be claimed even by who has its seed', async () => {
    const seed = new Uint8Array(32).fill(4)
    const bootstrap = await start({ seed })
    const identity = await createIdentity({ seed })
    expect(bootstrap.id).toBe(identity.id)
    expect(await refusalOf(visit(bootstrap.url, { identity }))).toMatch('self')
  })
})

describe('tokens', () => {
  const tokenSecret = 'sixteen characters and more'

  test('let their holders in; without one, with a wrong or an old one, nobody gets in', async () => {
    const bootstrap = await start({ tokenSecret })
    const token = createToken(tokenSecret, { network: 'test', expires: Date.now() + 60_000 })
    const old = createToken(tokenSecret, { network: 'test', expires: Date.now() - 1_000 })
    expect(await refusalOf(visit(bootstrap.url, { token }))).toBe('accepted')
    expect(await refusalOf(visit(bootstrap.url))).toBe('denied: token')
    expect(await refusalOf(visit(bootstrap.url, { token: old }))).toBe('denied: token')
    expect(await refusalOf(visit(bootstrap.url, { token: `${token}x` }))).toBe('denied: token')
    expect(await refusalOf(visit(bootstrap.url, { token, network: 'other' }))).toBe('denied: token')
    expect(bootstrap.stats().accept.refused.token).toBe(4)
  })

  test('made for one peer let in that peer only', async () => {
    const { url } = await start({ tokenSecret })
    const identity = await createIdentity()
    const token = createToken(tokenSecret, { network: 'test', peer: identity.id, expires: Date.now() + 60_000 })
    expect(await refusalOf(visit(url, { identity, token }))).toBe('accepted')
    expect(await refusalOf(visit(url, { token }))).toBe('denied: token')
  })
})

describe('limits', () => {
  test('pages of foreign origins are refused, programs without an origin are not', async () => {
    const bootstrap = await start({ origin: ['https://a.example'] })
    const dial = (origin?: string) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(bootstrap.url, origin === undefined ? {} : { origin })
        socket.on('error', (error) => resolve(error.message))
        socket.on('open', () => (socket.terminate(), resolve('open')))
      })
    expect(await dial('https://a.example')).toBe('open')
    expect(await dial()).toBe('open')
    expect(await dial('https://b.example')).toMatch('403')
    expect(bootstrap.stats().accept.refused.origin).toBe(1)
  })

  test('proven visitors from one address are bounded; those who say nothing make room', async () => {
    const bootstrap = await start({ maxConnectionsPerAddress: 3 })
    const silent = [
      await dialWebSocket(bootstrap.url, { WebSocket }),
      await dialWebSocket(bootstrap.url, { WebSocket }),
    ]
    const evictions = silent.map((channel) => new Promise((resolve) => (channel.onClose = resolve)))
    for (let i = 0; i < 3; i++) await visit(bootstrap.url)
    await Promise.all(evictions)
    expect(await refusalOf(visit(bootstrap.url))).toMatch('429')
    expect(bootstrap.stats()).toMatchObject({ visitors: 3, accept: { refused: { evicted: 2, address: 1 } } })
  })

  test('addresses behind a trusted proxy are told apart, by the proxy’s word only', async () => {
    const bootstrap = await start({ maxConnectionsPerAddress: 1, trustProxy: true })
    const dial = (forwarded: string) =>
      new Promise<string>((resolve) => {
        const socket = new WebSocket(bootstrap.url, { headers: { 'X-Forwarded-For': forwarded } })
        socket.on('error', (error) => resolve(error.message))
        socket.on('open', () => resolve('open'))
        opened.push(socket)
      })
    const opened: WebSocket[] = []
    for (const address of ['192.0.2.1', '192.0.2.2', '10.0.0.1, 192.0.2.3']) expect(await dial(address)).toBe('open')
    expect(bootstrap.stats().accept.addresses).toBe(3)
    // Whatever the sender puts in front: only the last one counts, and its older silent socket makes room.
    expect(await dial('192.0.2.99, 192.0.2.3')).toBe('open')
    expect(bootstrap.stats().accept).toMatchObject({ addresses: 3, refused: { evicted: 1 } })
    opened.forEach((socket) => socket.terminate())
  })

  test('connections in all are bounded', async () => {
    const bootstrap = await start({ maxConnections: 2 })
    await visit(bootstrap.url)
    await visit(bootstrap.url)
    expect(await refusalOf(visit(bootstrap.url))).toMatch('503')
    expect(bootstrap.stats().accept).toMatchObject({ connections: 2, refused: { full: 1 } })
  })

  test('a hello that does not come in time is not waited for', async () => {
    const bootstrap = await start({ helloTimeoutMs: 100 })
    const channel = await dialWebSocket(bootstrap.url, { WebSocket })
    expect(await new Promise((resolve) => (channel.onClose = resolve))).toBe('timeout')
    await until(() => bootstrap.stats().accept.connections === 0)
    expect(bootstrap.stats().accept.refused.timeout).toBe(1)
  })

  test('anything but one hello is denied', async () => {
    const bootstrap = await start()
    for (const message of [new Uint8Array(0), Uint8Array.of(0, 1, 9), Uint8Array.of(0, 8, 1, 0x12, 0, 1, 0, 0, 0, 7)]) {
      const channel = await dialWebSocket(bootstrap.url, { WebSocket })
      channel.send(message)
      expect(await new Promise((resolve) => (channel.onClose = resolve))).toBe('malformed')
    }
    expect(bootstrap.stats().accept.refused.malformed).toBe(3)
  })

  test('text closes, and so do too many frames that do not decode', async () => {
    const bootstrap = await start()
    const socket = new WebSocket(bootstrap.url)
    socket.on('open', () => socket.send('hello?'))
    expect(await new Promise((resolve) => socket.on('close', (_, reason) => resolve(reason.toString())))).toBe(
      'text message',
    )
    const { link, down } = await visit(bootstrap.url)
    for (let i = 0; i < 9; i++) link.channel.send(Uint8Array.of(0, 1, 0xff))
    expect(await down).toBe('bad frames')
    expect(bootstrap.stats()).toMatchObject({ badFrames: 9, accept: { limited: { textMessages: 1 } } })
  })

  test('who sends more frames than allowed is read more slowly, and loses nothing', async () => {
    const bootstrap = await start({ framesPerSecond: 100 })
    const [a, b] = [await visit(bootstrap.url), await visit(bootstrap.url)]
    // 100 are in hand; the next 100 came in the same read, and whatever follows waits until they are paid for.
    for (let i = 0; i < 200; i++) a.link.send(unicastTo(b.id))
    for (let i = 0; i < 200; i++) await b.next('unicast')
    const started = performance.now()
    a.link.send(unicastTo(b.id))
    await b.next('unicast')
    expect(performance.now() - started).toBeGreaterThan(800)
    expect(bootstrap.stats().framesIn.unicast).toBe(201)
    expect(bootstrap.stats().accept.limited.throttled).toBeGreaterThan(0)
  })

  test('who sends more bytes than allowed is read more slowly too', async () => {
    const bootstrap = await start({ bytesPerSecond: 64 * 1024 })
    const [a, b] = [await visit(bootstrap.url), await visit(bootstrap.url)]
    const started = performance.now()
    for (let i = 0; i < 12; i++) {
      a.link.send(unicastTo(b.id, 16_000))
      await b.next('unicast')
    }
    expect(performance.now() - started).toBeGreaterThan(800)
  })

  test('a reader that does not read is dropped, with little held for it and no harm to others', async () => {
    const bootstrap = await start({ slowReaderMs: 300, maxBufferedBytes: 64 * 1024 })
    const [slow, a, b] = [await visit(bootstrap.url), await visit(bootstrap.url), await visit(bootstrap.url)]
    slow.socket.pause()
    const flood = setInterval(() => {
      for (let i = 0; i < 40; i++) a.link.send(unicastTo(slow.id, 16_000))
    }, 5)
    await until(() => bootstrap.stats().visitors === 2)
    clearInterval(flood)
    expect(bootstrap.stats().accept.limited.slowReaders).toBe(1)
    expect(bootstrap.stats().accept.limited.overflowed).toBeGreaterThan(0)
    const frame = unicastTo(b.id)
    a.link.send(frame)
    // What was for the slow one comes here too, since it is gone and this is an entry.
    let arrived = await b.next('unicast')
    while ('target' in arrived && arrived.target !== b.id) arrived = await b.next('unicast')
    expect(arrived).toMatchObject({ id: frame.id })
    slow.socket.terminate()
  })
})

describe('over TLS', () => {
  const file = (name: string) => fileURLToPath(new URL(`tls/${name}`, import.meta.url))

  test('visitors are served the same, with certificate and key as files or as text', async () => {
    const ca = readFileSync(file('cert.pem'))
    const options = [
      { cert: file('cert.pem'), key: file('key.pem') },
      { cert: ca.toString(), key: readFileSync(file('key.pem'), 'utf8') },
    ]
    for (const option of options) {
      const bootstrap = await start(option)
      expect(bootstrap.url).toMatch(/^wss:/)
      const visitor = await visit(bootstrap.url, { ca })
      expect(visitor.server).toBe(bootstrap.id)
      expect(visitor.link.channel.isSecure).toBe(false)
    }
  })

  test('half-open handshakes give way to the next visitor', async () => {
    const ca = readFileSync(file('cert.pem'))
    const bootstrap = await start({ cert: file('cert.pem'), key: file('key.pem'), maxHttpConnections: 5 })
    const halfOpen = Array.from({ length: 20 }, () => connect(bootstrap.port, '127.0.0.1'))
    for (const socket of halfOpen) socket.on('error', () => {})
    await until(() => bootstrap.stats().accept.refused.httpEvicted >= 15)
    expect(await refusalOf(visit(bootstrap.url, { ca }))).toBe('accepted')
    // The visitor is no longer one of them, under whatever object TLS has put it.
    expect(bootstrap.stats().accept.httpSockets).toBeLessThanOrEqual(4)
    for (const socket of halfOpen) socket.destroy()
  })
})

test('a peer that listens turns away visitors of other networks', async () => {
  const identity = await createIdentity()
  const network = await networkIdOf('ours')
  const acceptor = await createAcceptor({
    options: resolveBootstrap({ host: '127.0.0.1' }),
    identity,
    isServed: (asked) => asked === network,
    onVisitor: () => {},
    health: () => ({}),
  })
  expect(await refusalOf(visit(acceptor.url, { network: 'theirs' }))).toBe('denied: network')
  expect(await refusalOf(visit(acceptor.url, { network: 'ours' }))).toBe('accepted')
  await acceptor.close(0)
})

describe('over HTTP', () => {
  test('/healthz tells how it does', async () => {
    const bootstrap = await start()
    await visit(bootstrap.url)
    const { status, headers, body } = await get(bootstrap.url, '/healthz')
    expect([status, headers['content-type']]).toEqual([200, 'application/json'])
    expect(JSON.parse(body)).toMatchObject({ status: 'ok', id: bootstrap.id, visitors: 1, accept: { connections: 1 } })
  })

  test('without a page it says what it is for', async () => {
    const { url } = await start()
    expect(await get(url, '/')).toMatchObject({ status: 426, headers: { upgrade: 'websocket' } })
    expect((await get(url, '/', { method: 'POST' })).status).toBe(405)
  })

  test('a page is served with its types and under a policy, and nothing beside it', async () => {
    const root = mkdtempSync(join(tmpdir(), 'musubi-page-'))
    const page = join(root, 'page')
    mkdirSync(join(page, 'assets'), { recursive: true })
    writeFileSync(join(root, 'secret.txt'), 'secret')
    writeFileSync(join(page, 'index.html'), '<p>page</p>')
    writeFileSync(join(page, 'assets', 'a.js'), 'let a')
    writeFileSync(join(page, '.env'), 'secret')
    try {
      const { url } = await start({ page })
      const index = await get(url, '/')
      expect(index).toMatchObject({ status: 200, body: '<p>page</p>' })
      expect(index.headers['content-type']).toMatch('text/html')
      expect(index.headers['content-security-policy']).toMatch("default-src 'self'")
      expect(index.headers['x-content-type-options']).toBe('nosniff')
      expect((await get(url, '/assets/a.js')).headers['content-type']).toMatch('text/javascript')
      for (const path of [
        '/../secret.txt',
        '/..%2fsecret.txt',
        '/%2e%2e/secret.txt',
        '/assets/../../secret.txt',
        '//secret.txt',
        '/.env',
        '/no',
        '/%',
      ]) {
        const response = await get(url, path)
        expect([path, response.status]).toEqual([path, 404])
      }
    } finally {
      rmSync(root, { recursive: true })
    }
  })
})

describe('its life', () => {
  test('a port in use is named, and so is an address that is not ours', async () => {
    const { port } = await start()
    await expect(start({ port })).rejects.toMatchObject({
      code: 'ERR_OPTION',
      message: expect.stringMatching('"port"'),
    })
    await expect(start({ host: '192.0.2.1' })).rejects.toMatchObject({ message: expect.stringMatching('"host"') })
  })

  test('it says goodbye to all, frees its port in time, and is gone; twice is fine', async () => {
    const bootstrap = await start()
    const visitors = [await visit(bootstrap.url), await visit(bootstrap.url)]
    const silent = await dialWebSocket(bootstrap.url, { WebSocket })
    const halfOpen = connect(bootstrap.port, '127.0.0.1')
    halfOpen.on('error', () => {})
    halfOpen.write('GET / HTTP/1.1\r\n')
    const started = performance.now()
    await Promise.all([bootstrap.close(), bootstrap.close()])
    expect(performance.now() - started).toBeLessThan(2_000)
    for (const { next, down } of visitors) {
      expect(await next('goodbye')).toEqual({ kind: 'goodbye', reason: 'server stops' })
      expect(await down).toBe('server stops')
    }
    silent.close('done')
    await expect(visit(bootstrap.url)).rejects.toThrow()
    const again = await start({ port: bootstrap.port })
    expect(again.port).toBe(bootstrap.port)
  })

  test('a visitor that does not hear the goodbye does not hold it up', async () => {
    const bootstrap = await start()
    const { socket } = await visit(bootstrap.url)
    socket.pause()
    const started = performance.now()
    await bootstrap.close()
    expect(performance.now() - started).toBeLessThan(2_500)
    socket.terminate()
  })

  test('killed and started again empty, it is whole with the next visits', async () => {
    const first = await start()
    const members = await Promise.all([createIdentity(), createIdentity(), createIdentity()])
    for (const identity of members) await visit(first.url, { identity })
    await first.close()
    const second = await start({ port: first.port })
    for (const identity of members) await visit(second.url, { identity, role: 'visit' })
    const newcomer = await visit(second.url)
    expect((await newcomer.introduction).entries.toSorted()).toEqual(members.map((member) => member.id).toSorted())
  })
})

describeLinkContract('accepted WebSockets', async (limits) => {
  const identity = await createIdentity()
  const arrived: ((link: Link) => void)[] = []
  const acceptor = await createAcceptor({
    options: resolveBootstrap({ host: '127.0.0.1', maxBufferedBytes: 16 * 1024 * 1024 }),
    identity,
    onVisitor: (visitor: Visitor) => arrived.shift()!(new Link(visitor.channel, limits)),
    health: () => ({}),
  })
  const right = new Promise<Link>((resolve) => arrived.push(resolve))
  const { link } = await visit(acceptor.url)
  // The handshake is behind it: a fresh link over the same channel.
  return { left: new Link(link.channel, limits), right: await right, dispose: () => acceptor.close(100) }
})
