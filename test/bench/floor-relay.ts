/**
 * The floor of a bootstrap: a `ws` relay that reads nothing but a target id. The first message of a socket is its id;
 * every other one begins with the 32 bytes of whom it is for.
 */

import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

const ID_BYTES = 32

/** Listens on a free port of this machine; resolves to its URL. */
export function startBareRelay(): Promise<string> {
  const sockets = new Map<string, WebSocket>()
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    backlog: 4_096,
    maxPayload: 16 * 1024,
    perMessageDeflate: false,
    clientTracking: false,
    skipUTF8Validation: true,
  })
  const relay = (message: Buffer): void => sockets.get(message.toString('latin1', 0, ID_BYTES))?.send(message)
  server.on('connection', (socket) => {
    socket.once('message', (id: Buffer) => {
      sockets.set(id.toString('latin1'), socket)
      socket.on('message', relay)
      socket.send('welcome')
    })
  })
  return new Promise((resolve) =>
    server.on('listening', () => resolve(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)),
  )
}
