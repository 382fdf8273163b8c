// A chat in the terminal: what you type goes to everybody in the network.
//
//   npm start                                            (in this repository: a bootstrap on port 8080)
//   node examples/node-chat.mjs ws://localhost:8080      (in two other terminals)

import { createInterface } from 'node:readline'
import wrtc from '@roamhq/wrtc'
import { createMesh } from 'musubi'

const bootstrap = process.argv[2] ?? 'ws://localhost:8080'
const mesh = createMesh({ bootstrap, network: 'node-chat', wrtc })

mesh.on('message', ({ from, data }) => console.log(`${from.slice(0, 8)}: ${new TextDecoder().decode(data)}`))
mesh.on('peer', ({ id, state }) => console.log(`(${id.slice(0, 8)} is ${state})`))

await mesh.ready()
console.log(`joined as ${mesh.id.slice(0, 8)}`)

for await (const line of createInterface({ input: process.stdin })) await mesh.broadcast(line)

await mesh.close()
process.exit() // native WebRTC keeps threads that hold the process open
