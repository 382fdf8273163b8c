// A bootstrap inside your own program, for members only: it asks for tokens that your program hands out.
//
//   TOKEN_SECRET='at least sixteen characters' PORT=8080 node examples/run-a-bootstrap.mjs

import { createBootstrap, createToken } from 'musubi/bootstrap'

const tokenSecret = process.env.TOKEN_SECRET ?? 'change me, change me'
const server = await createBootstrap({ host: '127.0.0.1', port: Number(process.env.PORT ?? 8080), tokenSecret })
console.log(`bootstrap on ${server.url}`)

// To be given to somebody who has logged in with you, say: createMesh({ bootstrap, network, token }).
const token = createToken(tokenSecret, { network: 'members', expires: Date.now() + 3_600_000 })
console.log(`a token for the network "members", good for an hour: ${token}`)

process.once('SIGTERM', () => server.close().then(() => process.exit()))
process.once('SIGINT', () => server.close().then(() => process.exit()))
