// A direct connection between two peers, signaled over the mesh after the bootstrap has gone. Runs by itself:
//
//   node examples/direct-call.mjs

import wrtc from '@roamhq/wrtc'
import { createMesh } from 'musubi'
import { createBootstrap } from 'musubi/bootstrap'

const server = await createBootstrap({ host: '127.0.0.1' })
const join = async () => {
  const mesh = createMesh({ bootstrap: server.url, network: 'direct-call', wrtc })
  await mesh.ready()
  return mesh
}
const ada = await join()
const bob = await join()

await server.close()
console.log('the bootstrap is gone')

// Bob takes calls and answers what he is told.
bob.on('call', async (call) => {
  console.log(`bob: a call from ${call.from.slice(0, 8)} about ${call.metadata.topic}`)
  const connection = await call.accept()
  connection.on('data', (chunk) => connection.send(`you said "${chunk}"`))
})

// Ada dials him, by nothing but his id. What she gets is a plain simple-peer instance.
const connection = await ada.dial(bob.id, { metadata: { topic: 'chess' } })
const answer = new Promise((resolve) => connection.once('data', resolve))
connection.send('e4')
console.log(`ada: bob answers: ${await answer}`)

connection.destroy()
await Promise.all([ada.close(), bob.close()])
process.exit() // native WebRTC keeps threads that hold the process open
