/** The link contract over dialled WebSockets, and what is particular about them. */

import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { MESSAGE_BYTES_MAX } from '../../src/net/channel.ts'
import { Link } from '../../src/net/link.ts'
import { dialWebSocket, printable, WebSocketChannel } from '../../src/net/websocket.ts'
import { describeLinkContract } from './link-contract.ts'

let server: WebSocketServer
let url: string

beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => void server.close())

const accepted = (): Promise<WebSocket> => new Promise((resolve) => server.once('connection', resolve))

async function socketPair(): Promise<{ channel: WebSocketChannel; remote: WebSocket }> {
  const [remote, channel] = await Promise.all([accepted(), dialWebSocket(url, { WebSocket })])
  return { channel: channel as WebSocketChannel, remote }
}

const closeOf = (socket: WebSocket): Promise<{ code: number; reason: string }> =>
  new Promise((resolve) => socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })))

const endOf = (channel: WebSocketChannel): Promise<string> => new Promise((resolve) => (channel.onClose = resolve))

describeLinkContract('dialled WebSockets', async (limits) => {
  const { channel, remote } = await socketPair()
  const left = new Link(channel, limits)
  const right = new Link(new WebSocketChannel(remote), limits)
  return { left, right, dispose: async () => remote.terminate() }
})

test('a text message closes the channel and is delivered to nobody', async () => {
  const { channel, remote } = await socketPair()
  const messages: Uint8Array[] = []
  channel.onMessage = (message) => messages.push(message)
  remote.send('text')
  remote.send(new Uint8Array(3))
  expect(await endOf(channel)).toBe('text message')
  expect(await closeOf(remote)).toEqual({ code: 1000, reason: 'text message' })
  expect(messages).toEqual([])
})

test('messages that come before there is an owner are delivered to the first one, in order', async () => {
  server.once('connection', (socket) => {
    for (let i = 0; i < 3; i++) socket.send(Uint8Array.of(i))
  })
  const channel = await dialWebSocket(url, { WebSocket })
  const messages: number[] = []
  await new Promise<void>((resolve) => {
    channel.onMessage = (message) => {
      if (messages.push(message[0]!) === 3) resolve()
    }
  })
  expect(messages).toEqual([0, 1, 2])
  channel.close('done')
})

test('a flood that nobody takes closes the channel', async () => {
  const { channel, remote } = await socketPair()
  for (let i = 0; i < 17; i++) remote.send(new Uint8Array(1))
  expect(await endOf(channel)).toBe('flood')
})

test('a message above 16 KiB is refused before it is held', async () => {
  const { channel, remote } = await socketPair()
  remote.send(new Uint8Array(MESSAGE_BYTES_MAX + 1))
  expect(await endOf(channel)).toMatch(/max payload/i)
  expect((await closeOf(remote)).code).toBe(1009)
})

test('a message in more than 64 fragments is refused', async () => {
  const { channel, remote } = await socketPair()
  for (let i = 0; i < 65; i++) remote.send(new Uint8Array(1), { fin: false })
  expect(await endOf(channel)).toMatch(/too many message fragments/i)
})

test('a dial rejects when nobody listens, for a URL that is none, and when it is aborted', async () => {
  const free = await freePort()
  await expect(dialWebSocket(`ws://127.0.0.1:${free}`, { WebSocket })).rejects.toThrow(/ECONNREFUSED/)
  await expect(dialWebSocket('no url', { WebSocket })).rejects.toThrow(/invalid url/i)
  await expect(dialWebSocket(url, { WebSocket, signal: AbortSignal.abort() })).rejects.toThrow('aborted')
  const abort = new AbortController()
  const dial = dialWebSocket(url, { WebSocket, signal: abort.signal })
  abort.abort()
  await expect(dial).rejects.toThrow('aborted')
})

test('a dial rejects when the server accepts the connection and says nothing', async () => {
  const silent = createServer(() => {})
  const port = await listen(silent)
  await expect(dialWebSocket(`ws://127.0.0.1:${port}`, { WebSocket, timeoutMs: 50 })).rejects.toThrow(/time/)
  silent.close()
})

test('reasons fit a close frame: printable ASCII, 123 bytes at most', async () => {
  expect(printable(`größe\n${'x'.repeat(200)}`)).toBe(`gr??e?${'x'.repeat(117)}`)
  const { channel, remote } = await socketPair()
  const closed = closeOf(remote)
  channel.close('ü'.repeat(300))
  expect(await closed).toEqual({ code: 1000, reason: '?'.repeat(123) })
})

test('no WebSocket is taken for a secure channel', async () => {
  const { channel, remote } = await socketPair()
  expect(channel.isSecure).toBe(false)
  remote.terminate()
})

async function freePort(): Promise<number> {
  const probe = createServer()
  const port = await listen(probe)
  await new Promise((resolve) => probe.close(resolve))
  return port
}

const listen = (target: Server): Promise<number> =>
  new Promise((resolve) => target.listen(0, '127.0.0.1', () => resolve((target.address() as AddressInfo).port)))
