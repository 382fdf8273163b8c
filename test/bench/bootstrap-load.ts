/**
 * Child of `bootstrap.ts`: clients of one server, and messages among them. Each message that arrives sends the receiver
 * its next one, to another client each time, so that as many are in flight at any time as there were at the start. Ours
 * are unicast frames, each in a message of its own; the floor's have the same size and begin with the target.
 */

import { randomBytes } from 'node:crypto'
import type { MessageId, PeerId } from '../../src/core/ids.ts'
import { transcript } from '../../src/net/hello.ts'
import { createIdentity, networkIdOf } from '../../src/net/identity.ts'
import { BatchPacker, decodeBatch } from '../../src/wire/batch.ts'
import { messageIdFromBytes } from '../../src/wire/ids.ts'
import type { HandshakeFrame } from '../../src/wire/handshake.ts'
import type { Frame } from '../../src/core/frames.ts'
import { serve } from './child.ts'
import { LoadSocket, maskedMessage, writeMasked } from './load-socket.ts'

type Kind = 'ours' | 'floor'

interface Client {
  readonly socket: LoadSocket
  readonly id: Uint8Array
  /** Messages that it may send. */
  credit: number
  /** Index of whom it wrote to last. */
  target: number
}

/** Connections and hellos under way at once. */
const CONNECTING_MAX = 100
/** After the last message has been sent, until all have arrived. */
const DRAIN_MS = 60
const UNICAST = 0x01
const NACK = 0x10
/** Offsets in a message of ours: length, version, kind, hop limit, hops, flags, message id, target. */
const OURS = { kind: 3, messageId: 7, target: 23 }
const FLOOR_TARGET = 0

const clients: Client[] = []
let kind: Kind = 'ours'
let template = maskedMessage(new Uint8Array(200))
let isRunning = false
let delivered = 0
let refused = 0
/** Makes message ids distinct. */
let sent = 0
const counter = Buffer.alloc(8)

serve({
  connect: async (options: { kind: Kind; url: string; count: number }) => {
    kind = options.kind
    while (clients.length < options.count) {
      const size = Math.min(CONNECTING_MAX, options.count - clients.length)
      clients.push(...(await Promise.all(Array.from({ length: size }, () => connectClient(options.url)))))
    }
  },
  start: ({ bytes, window }: { bytes: number; window: number }) => {
    template = maskedMessage(kind === 'ours' ? unicastMessage(bytes) : randomBytes(bytes))
    isRunning = true
    clients.forEach((client, index) => {
      client.target = index
      client.socket.onMessage = (message, start, end) => count(client, message, start, end)
      client.socket.onChunkEnd = () => send(client)
      client.credit = window
      send(client)
    })
  },
  stop: async () => {
    isRunning = false
    await new Promise((resolve) => setTimeout(resolve, DRAIN_MS))
    for (const client of clients) client.credit = 0
  },
  progress: () => ({
    delivered,
    refused,
    atMs: performance.now(),
    closed: clients.filter(({ socket }) => socket.isClosed).length,
  }),
})

/** One client of ours with a proven id, or one of the relay's with a random one. */
async function connectClient(url: string): Promise<Client> {
  if (kind === 'floor') {
    const id = randomBytes(32)
    const socket = await new Promise<LoadSocket>((resolve, reject) => {
      const opened = LoadSocket.open(url, () => opened.then(resolve, reject))
      opened.then((open) => open.write(maskedMessage(id).bytes), reject)
    })
    return { socket, id, credit: 0, target: 0 }
  }
  const identity = await createIdentity()
  const network = await networkIdOf('bench')
  const socket = await new Promise<LoadSocket>((resolve, reject) => {
    const opened = LoadSocket.open(url, (bytes, start, end) => {
      const frame = decodeBatch(Uint8Array.prototype.slice.call(bytes, start, end))?.[0]
      if (frame?.kind === 'welcome') opened.then(resolve, reject)
      if (frame?.kind !== 'challenge') return
      const said = {
        peer: identity.id,
        network,
        nonce: randomBytes(32),
        role: 'join',
        token: new Uint8Array(0),
      } as const
      const isSent = identity.sign(transcript('dialer', frame, said)).then(async (signature) => {
        ;(await opened).write(maskedMessage(messageOf({ kind: 'hello', ...said, signature })).bytes)
      })
      isSent.catch(reject)
    })
    opened.catch(reject)
  })
  return { socket, id: identity.publicKey, credit: 0, target: 0 }
}

function messageOf(frame: Frame | HandshakeFrame): Uint8Array {
  const packer = new BatchPacker()
  packer.add(frame)
  return packer.take()[0]!
}

/** A unicast frame in a message of `bytes` bytes; ids are written over later. */
function unicastMessage(bytes: number): Uint8Array {
  const id = messageIdFromBytes<MessageId>(randomBytes(16))
  const frame = (body: number): Uint8Array =>
    messageOf({
      kind: 'unicast',
      hopLimit: 40,
      hops: 0,
      attempt: 0,
      viaBootstrap: false,
      id,
      target: anyId(),
      body: randomBytes(body),
    })
  return frame(bytes - frame(0).byteLength)
}

const anyId = (): PeerId => 'a'.repeat(52) as PeerId

/** One for each message that arrives, and for each that comes back. Our server may put several frames into a message. */
function count(client: Client, bytes: Buffer, start: number, end: number): void {
  if (kind === 'floor') {
    delivered++
    client.credit++
    return
  }
  for (let at = start; at < end; at += 2 + bytes.readUInt16BE(at)) {
    const frameKind = bytes[at + OURS.kind]
    if (frameKind === UNICAST) delivered++
    else if (frameKind === NACK) refused++
    else continue
    client.credit++
  }
}

/** Spends the credit in one write. */
function send(client: Client): void {
  if (!isRunning || client.credit === 0) return
  const { bytes, start } = template
  const all = Buffer.allocUnsafe(bytes.byteLength * client.credit)
  for (let i = 0; i < client.credit; i++) {
    const at = i * bytes.byteLength
    bytes.copy(all, at)
    address(all, at + start, nextTarget(client))
  }
  client.credit = 0
  client.socket.write(all)
}

function address(bytes: Buffer, start: number, target: Uint8Array): void {
  if (kind === 'ours') {
    counter.writeUInt32BE(++sent, 4)
    writeMasked(bytes, start, { at: OURS.messageId, payload: counter })
  }
  writeMasked(bytes, start, { at: kind === 'ours' ? OURS.target : FLOOR_TARGET, payload: target })
}

/** All others in turn, with a stride so that nobody follows anybody. */
function nextTarget(client: Client): Uint8Array {
  client.target = (client.target + 7) % clients.length
  if (clients[client.target] === client) client.target = (client.target + 7) % clients.length
  return clients[client.target]!.id
}
