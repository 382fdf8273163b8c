/**
 * A bootstrap in a process of its own under attack, its limits at their defaults. After and during each attack a good
 * visitor comes in, in less than a second, and the memory of the process stays within a stated bound. All attackers and
 * the good visitor share one address, which is the worst case for limits per address. The figures are printed.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BootstrapStats } from '../../bootstrap/server.ts'
import { get, visit } from './support.ts'

const HALF_OPEN = 1_000
/** Over the memory before the attack. Measured: at most 30 MB; the rest is room for a garbage collector's moods. */
const GROWTH_BYTES_MAX = 100 * 1024 * 1024
const JOIN_MS_MAX = 1_000

let child: ChildProcess
let url: string
let port: number
let rssBefore: number
const attackers: Socket[] = []

const SERVER = new URL('../../dist/bootstrap/server.js', import.meta.url).href
const SCRIPT = `
  import { createBootstrap } from ${JSON.stringify(SERVER)}
  const bootstrap = await createBootstrap({ host: '127.0.0.1' })
  process.send(bootstrap.url)
`

beforeAll(async () => {
  child = spawn(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  ;[url] = (await once(child, 'message')) as [string]
  port = Number(new URL(url).port)
  // Warm: what code and a first handful of visitors take is not the attackers' doing.
  for (let i = 0; i < 50; i++) (await visit(url)).link.close('warm')
  rssBefore = (await stats()).rssBytes
})

afterAll(async () => {
  attackers.forEach((socket) => socket.destroy())
  child.kill('SIGKILL')
  await once(child, 'exit')
})

const stats = async (): Promise<BootstrapStats> => JSON.parse((await get(url, '/healthz')).body) as BootstrapStats

/** The attack's name, with what it cost: printed, and held against the bounds. */
async function expectUnharmed(attack: string): Promise<void> {
  const started = performance.now()
  const visitor = await visit(url)
  await visitor.introduction
  const joinMs = performance.now() - started
  visitor.link.close('done')
  const growth = (await stats()).rssBytes - rssBefore
  console.log(
    `${attack}: good visitor in after ${joinMs.toFixed(0)} ms, memory ${(growth / 2 ** 20).toFixed(1)} MiB over before`,
  )
  expect(joinMs).toBeLessThan(JOIN_MS_MAX)
  expect(growth).toBeLessThan(GROWTH_BYTES_MAX)
  expect(child.exitCode).toBe(null)
}

/** A plain TCP connection that stays until the server ends it. */
function attack(): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.resume()
  attackers.push(socket)
  return socket
}

const UPGRADE =
  'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n'

/** So many plain connections, standing. */
async function standing(): Promise<Socket[]> {
  const sockets = Array.from({ length: HALF_OPEN }, () => attack())
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.once('connect', resolve))))
  return sockets
}

/** A WebSocket at the level of bytes; what the server says is thrown away. */
async function upgrade(): Promise<Socket> {
  const socket = attack()
  socket.write(`${UPGRADE}\r\n`)
  await once(socket, 'data')
  return socket
}

/** Not `once`, which rejects when a reset comes first. */
const gone = (socket: Socket): Promise<void> =>
  socket.destroyed ? Promise.resolve() : new Promise((resolve) => void socket.once('close', () => resolve()))

/** Writes `chunk` up to `times` as fast as it is taken; how often it was until the server hung up. */
async function pour(socket: Socket, chunk: Buffer, times: number): Promise<number> {
  for (let count = 0; count < times; count++) {
    if (socket.destroyed) return count
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), gone(socket)]).catch(() => {})
  }
  return times
}

describe('a bootstrap holds out against', () => {
  test('1,000 half-open requests that never end (slowloris), and ends them', async () => {
    const sockets = await standing()
    sockets.forEach((socket) => socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-'))
    const drip = setInterval(() => sockets.forEach((socket) => socket.write('a')), 500)
    await expectUnharmed('slowloris')
    await Promise.all(sockets.map(gone))
    clearInterval(drip)
    await expectUnharmed('after slowloris')
  })

  test('1,000 connections that say nothing at all', async () => {
    const sockets = await standing()
    await expectUnharmed('silent TCP')
    await Promise.all(sockets.map(gone))
  })

  test('1,000 WebSockets that never say hello', async () => {
    const sockets = await Promise.all(Array.from({ length: HALF_OPEN }, () => upgrade()))
    await expectUnharmed('no hello')
    // The address is allowed 256, of which the oldest made room for the rest.
    expect((await stats()).accept.refused.evicted).toBeGreaterThan(700)
    await Promise.all(sockets.map(gone))
    expect((await stats()).accept.unproven).toBe(0)
  })

  test('a frame of 100 MB, of which it takes next to nothing', async () => {
    const socket = await upgrade()
    const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 6, 0, 0, 0, 1, 2, 3, 4])
    socket.write(header)
    const taken = await pour(socket, Buffer.alloc(64 * 1024), 1_600)
    expect(taken).toBeLessThan(800)
    await expectUnharmed('100 MB frame')
  })

  test('a message of a million one-byte fragments', async () => {
    const socket = await upgrade()
    socket.write(Buffer.from([0x02, 0x81, 1, 2, 3, 4, 5]))
    const fragments = Buffer.concat(Array.from({ length: 1_000 }, () => Buffer.from([0x00, 0x81, 1, 2, 3, 4, 5])))
    await pour(socket, fragments, 1_000)
    await gone(socket)
    await expectUnharmed('a million fragments')
  })

  test('a message in one-byte TCP segments', async () => {
    const socket = await upgrade()
    socket.setNoDelay(true)
    socket.write(Buffer.from([0x82, 0xfe, 0x40, 0x00, 1, 2, 3, 4]))
    for (let i = 0; i < 2_000 && !socket.destroyed; i++) {
      socket.write(Buffer.of(i & 0xff))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await expectUnharmed('one-byte segments')
    socket.destroy()
  })

  test('2,000 headers', async () => {
    const socket = attack()
    socket.write(`${UPGRADE}${Array.from({ length: 2_000 }, (_, i) => `X-${i}: a\r\n`).join('')}\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString('latin1')).toMatch(/^HTTP\/1.1 431/)
    await gone(socket)
    await expectUnharmed('2,000 headers')
  })

  test('2,000 short headers that fit its limit', async () => {
    const socket = attack()
    socket.write(`GET / HTTP/1.1\r\n${'a:\r\n'.repeat(2_000 - 5)}${UPGRADE.slice(UPGRADE.indexOf('Host'))}\r\n`)
    await gone(socket)
    await expectUnharmed('2,000 short headers')
  })

  test('a flood of pings, which it does not answer for long', async () => {
    const socket = await upgrade()
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => Buffer.from([0x89, 0x80, 1, 2, 3, 4])))
    const poured = pour(socket, pings, 20_000)
    await expectUnharmed('ping flood')
    expect(await poured).toBeLessThan(20_000)
  })

  test('garbage in every form, from many at once', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1e6)
    console.log(`garbage: SEED=${seed}`)
    let state = seed
    const garbage = (length: number) =>
      Buffer.from(Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24))
    const sockets = await Promise.all(
      Array.from({ length: 200 }, (_, i) => (i % 2 ? upgrade() : Promise.resolve(attack()))),
    )
    await Promise.all(sockets.map((socket) => pour(socket, garbage(4_096), 20)))
    await expectUnharmed('garbage')
    sockets.forEach((socket) => socket.destroy())
  })

  test('all of it, and is as it was before', async () => {
    const { accept, visitors } = await stats()
    console.log(JSON.stringify({ refused: accept.refused, limited: accept.limited }))
    expect(visitors).toBe(0)
    expect(accept.limited.protocolErrors).toBeGreaterThan(2)
    await expectUnharmed('afterwards')
  })
})
