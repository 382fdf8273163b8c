/**
 * Child of `webrtc.ts`: how long a link takes. `join`: from a newcomer's first line of code to its first link, with a
 * server in a process of its own; the floor is a bare simple-peer signaled over a bare `ws` relay. `relayed`: a
 * connection between two peers that have a third in common; the floor relays its signals by hand over the data channels
 * of bare simple-peers. Each time with new identities, so that nothing is shared or cached.
 */

import type { Instance, SignalData } from 'simple-peer'
import { WebSocket } from 'ws'
import { createMesh, type Mesh } from '../../src/index.ts'
import { serve, withChild } from './child.ts'
import { areConnected, barePair, barePeer, carrySignals, closeAll, rawWrtc } from './floor-webrtc.ts'
import { inTurns, sized } from './measure.ts'
import { createRow, firstPeer } from './rig.ts'

const wrtc = await rawWrtc('@roamhq/wrtc')
const TURNS = sized(31, 11)
const ID_BYTES = 32

serve({ join: measureJoin, relayed: measureRelayed })

// ---- join + first link ----------------------------------------------------------------------------------------------

function measureJoin(): Promise<{ ours: number[]; floor: number[] }> {
  return withChild('bootstrap-server', (ours) =>
    withChild('bootstrap-server', async (floor) => {
      const url = { ours: await ours.call<string>('start', 'ours'), floor: await floor.call<string>('start', 'floor') }
      return inTurns({ ours: () => join(url.ours), floor: () => bareJoin(url.floor) }, TURNS, 3)
    }),
  )
}

let networkCount = 0

async function join(url: string): Promise<number> {
  const options = { wrtc, bootstrap: url, network: `join ${++networkCount}` }
  const first = createMesh(options)
  await first.ready()
  await settle()
  const startedAt = performance.now()
  const second = createMesh(options)
  await firstPeer(second)
  const took = performance.now() - startedAt
  await Promise.all([first.close(), second.close()])
  return took
}

/**
 * Both know each other's id beforehand, which a bare relay has no way to tell them. Like our first peer, the floor's has
 * no connection in store: it makes one when an offer comes.
 */
async function bareJoin(url: string): Promise<number> {
  const ids = {
    first: crypto.getRandomValues(Buffer.alloc(ID_BYTES)),
    second: crypto.getRandomValues(Buffer.alloc(ID_BYTES)),
  }
  const waiting = await enter(url, ids.first)
  const answering = new Promise<Instance>((resolve) => {
    waiting.once('message', (offer: Buffer) => {
      const peer = barePeer(wrtc, false)
      signalOver(waiting, { peer, target: ids.second })
      peer.signal(signalIn(offer))
      resolve(peer)
    })
  })
  await settle()
  const startedAt = performance.now()
  const entering = await enter(url, ids.second)
  const offerer = barePeer(wrtc, true)
  signalOver(entering, { peer: offerer, target: ids.first })
  const answerer = await answering
  await areConnected(offerer, answerer)
  const took = performance.now() - startedAt
  waiting.close()
  entering.close()
  await closeAll(offerer, answerer)
  return took
}

function enter(url: string, id: Uint8Array): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false })
    socket.on('error', reject)
    socket.on('open', () => socket.send(id))
    socket.once('message', () => resolve(socket))
  })
}

function signalOver(socket: WebSocket, { peer, target }: { peer: Instance; target: Buffer }): void {
  carrySignals(peer, (signal) => socket.send(Buffer.concat([target, Buffer.from(JSON.stringify(signal))])))
  socket.on('message', (message: Buffer) => peer.destroyed || peer.signal(signalIn(message)))
}

const signalIn = (message: Buffer): SignalData => JSON.parse(message.toString('utf8', ID_BYTES)) as SignalData

// ---- a connection through a common peer -----------------------------------------------------------------------------

function measureRelayed(): Promise<{ ours: number[]; floor: number[] }> {
  return inTurns({ ours: dial, floor: bareDial }, TURNS, 3)
}

async function dial(): Promise<number> {
  const { a, c, close } = await createRow(wrtc)
  await settle()
  const accepted = accept(c)
  const startedAt = performance.now()
  const offered = await a.dial(c.id)
  const answered = await accepted
  const took = performance.now() - startedAt
  await closeAll(offered, answered)
  await close()
  return took
}

function accept(mesh: Mesh): Promise<Instance> {
  return new Promise((resolve, reject) => void mesh.on('call', (call) => call.accept().then(resolve, reject)))
}

/** A – B – C: B hands on whatever it gets. */
async function bareDial(): Promise<number> {
  const [[a, ba], [bc, c]] = await Promise.all([barePair(wrtc), barePair(wrtc)])
  ba.on('data', (data: Buffer) => bc.send(data))
  bc.on('data', (data: Buffer) => ba.send(data))
  await settle()
  const startedAt = performance.now()
  const offerer = barePeer(wrtc, true)
  const answerer = barePeer(wrtc, false)
  for (const [channel, peer] of [
    [a, offerer],
    [c, answerer],
  ] as const) {
    carrySignals(peer, (signal) => channel.send(JSON.stringify(signal)))
    channel.on('data', (data: Buffer) => peer.destroyed || peer.signal(JSON.parse(String(data)) as SignalData))
  }
  await areConnected(offerer, answerer)
  const took = performance.now() - startedAt
  await closeAll(a, ba, bc, c, offerer, answerer)
  return took
}

/** What was under way before is over. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100))
