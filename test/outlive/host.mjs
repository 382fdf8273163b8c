/**
 * One process with several real peers, told over IPC what to do: `{ id, op, args }` in, `{ id, result }` or
 * `{ id, error }` out. Plain JavaScript on the built package, as a user's own program would be.
 */

import wrtc from '@roamhq/wrtc'
import { createMesh } from 'musubi'

const peers = new Map()
/** Broadcast texts that each of our peers heard, with how often. */
const heard = new Map()
/** When each peer was made and when it was ready (0: not yet), on this process's clock. */
const lives = new Map()
/** Tell every message as it comes, and not only when asked. */
let isReporting = false
/** Calls that came: how many relays their offers crossed. */
const rung = []

async function spawn({ count, options }) {
  const fresh = Array.from({ length: count }, () => createMesh({ wrtc, ...options }))
  await Promise.all(fresh.map((mesh) => mesh.ready()))
  for (const mesh of fresh) adopt(mesh)
  return fresh.map((mesh) => mesh.id)
}

/** As `spawn`, but without waiting until they are ready, and from now on every message is reported. */
async function create({ count, options }) {
  isReporting = true
  const fresh = Array.from({ length: count }, () => createMesh({ wrtc, ...options }))
  return Promise.all(
    fresh.map(async (mesh) => {
      const life = { startedAt: Date.now(), readyAt: 0 }
      const { id } = await mesh.identity()
      adopt(mesh, id)
      lives.set(id, life)
      mesh.ready().then(
        () => (life.readyAt = Date.now()),
        () => {},
      )
      return { id, startedAt: life.startedAt }
    }),
  )
}

function adopt(mesh, id = mesh.id) {
  const texts = new Map()
  peers.set(id, mesh)
  heard.set(id, texts)
  mesh.on('message', ({ data, kind, hops }) => {
    if (isReporting) process.send({ heard: new TextDecoder().decode(data), to: id, hops })
    const text = `${kind} ${new TextDecoder().decode(data)}`
    texts.set(text, (texts.get(text) ?? 0) + 1)
  })
  mesh.on('call', async (call) => {
    rung.push({ from: call.from, to: id, ...call.offer })
    const connection = await call.accept()
    connection.on('error', () => {})
    connection.on('data', (chunk) => connection.send(`echo ${chunk}`))
  })
}

/** Sends one text to each target; the failures come back. Eight at a time. */
async function sendAll({ from, targets, text }) {
  const mesh = peers.get(from)
  const results = []
  const rest = [...targets]
  const worker = async () => {
    for (let target = rest.pop(); target !== undefined; target = rest.pop()) {
      try {
        const { hops, attempts, ms } = await mesh.send(target, text, { timeoutMs: 20_000 })
        results.push({ target, hops, attempts, ms })
      } catch (error) {
        results.push({ target, code: error.code })
      }
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return results
}

/** One message; its receipt, or why there is none. */
async function sendOne({ from, to, text, timeoutMs }) {
  try {
    const { hops, attempts, ms } = await peers.get(from).send(to, text, { timeoutMs })
    return { hops, attempts, ms }
  } catch (error) {
    return { code: error.code }
  }
}

async function dial({ from, to }) {
  const connection = await peers.get(from).dial(to, { timeoutMs: 20_000 })
  const echo = new Promise((resolve, reject) => {
    connection.once('data', (chunk) => resolve(String(chunk)))
    connection.once('error', reject)
  })
  connection.send('over?')
  const text = await echo
  connection.destroy()
  return text
}

const operations = {
  spawn,
  create,
  sendOne,
  lives: () => [...lives].map(([id, { readyAt }]) => ({ id, readyAt })),
  sendAll,
  dial,
  broadcast: ({ from, text }) => peers.get(from).broadcast(text),
  heard: () => [...heard].map(([id, texts]) => ({ id, texts: [...texts] })),
  rung: () => rung,
  inspect: () => [...peers.values()].map((mesh) => mesh.inspect()),
  listen: async ({ from }) => (await peers.get(from).listen({ port: 0, host: '127.0.0.1' })).url,
}

process.on('message', async ({ id, op, args }) => {
  try {
    process.send({ id, result: (await operations[op](args)) ?? null })
  } catch (error) {
    process.send({ id, error: `${error.code ?? ''} ${error.stack}` })
  }
})
process.on('disconnect', () => process.exit(0))
