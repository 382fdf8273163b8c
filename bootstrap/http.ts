/**
 * The HTTP side of a listening port: the page, `/healthz`, and the bounds on everything that has not become a WebSocket.
 * Node's own time-outs end requests that never finish (slowloris); how many may be at it is bounded here, the oldest
 * giving way, so that a thousand half-open sockets do not keep the next visitor out. There is no time-out for idle
 * sockets: Node's leaves a timer object with every socket that it was ever set on, upgraded ones included.
 */

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import sirv from 'sirv'
import type { ResolvedAccept } from './options.ts'

/** Browsers with their cookies stay well below; 2,000 headers do not fit. */
const HEADER_BYTES_MAX = 8 * 1024
/** Headers that are looked at; Chromium sends 15 with an upgrade. */
const HEADERS_MAX = 64
/** Between two requests for parts of the page, in milliseconds. Node's default. */
const KEEP_ALIVE_MS = 5_000

/** The page is our own and talks to any bootstrap; nothing else may be loaded, framed or submitted to. */
const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; media-src 'self' blob:; " +
    "style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
}

const WELCOME = 'This is a musubi bootstrap. Connect to it with a WebSocket.\n'

/** A server that is not listening yet. `health` is what `/healthz` shows. */
export function createHttpServer(options: ResolvedAccept, health: () => object): Server {
  const { helloTimeoutMs } = options.limits
  const settings = {
    headersTimeout: helloTimeoutMs,
    requestTimeout: helloTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, helloTimeoutMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
  }
  const listener = requestListener(options.page, health)
  const { tls } = options
  const server =
    tls === null
      ? createServer(settings, listener)
      : createTlsServer(
          { ...settings, cert: pemText(tls.cert), key: pemText(tls.key), handshakeTimeout: helloTimeoutMs },
          listener,
        )
  server.maxHeadersCount = HEADERS_MAX
  return server
}

const pemText = (pem: string | Uint8Array): string | Buffer => (typeof pem === 'string' ? pem : Buffer.from(pem))

function requestListener(page: string | null, health: () => object): RequestListener {
  const servePage = page === null ? null : sirv(page, { etag: true, setHeaders: setPageHeaders })
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Only GET\n')
    if (request.url === '/healthz') return sendHealth(request, response, health())
    if (servePage === null) return refuse(response, 426, WELCOME)
    servePage(request, response, () => refuse(response, 404, 'Not found\n'))
  }
}

function setPageHeaders(response: ServerResponse): void {
  for (const [name, value] of Object.entries(PAGE_HEADERS)) response.setHeader(name, value)
}

function sendHealth(request: IncomingMessage, response: ServerResponse, health: object): void {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
  response.end(request.method === 'HEAD' ? undefined : JSON.stringify(health))
}

/** Closes too: who sends a body with it is not listened to any longer. */
function refuse(response: ServerResponse, status: number, text: string): void {
  const upgrade = status === 426 ? { Upgrade: 'websocket' } : {}
  const connection = status === 426 ? 'close, Upgrade' : 'close'
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: connection, ...upgrade })
  response.end(text)
}

/**
 * Sockets that are not (yet) WebSockets, oldest first, by the far end's address and port: under TLS the socket that is
 * upgraded is another object than the one that was accepted. Bound: `max`.
 */
export class HttpSockets {
  readonly #max: number
  readonly #sockets = new Map<string, Socket>()
  evicted = 0

  constructor(server: Server, max: number) {
    this.#max = max
    server.on('connection', (socket: Socket) => this.#add(socket))
  }

  get size(): number {
    return this.#sockets.size
  }

  /** It has become a WebSocket, and is counted there from now on. */
  upgraded(socket: Socket): void {
    this.#sockets.delete(keyOf(socket))
  }

  /** Forgets those that are gone. They have no listener for that: it would stay with every WebSocket. */
  sweep(): void {
    for (const [key, socket] of this.#sockets) if (socket.destroyed) this.#sockets.delete(key)
  }

  #add(socket: Socket): void {
    if (this.#sockets.size >= this.#max) this.#evictOldest()
    this.#sockets.set(keyOf(socket), socket)
  }

  #evictOldest(): void {
    for (const [key, socket] of this.#sockets) {
      this.#sockets.delete(key)
      if (!socket.destroyed) this.evicted++
      return void socket.destroy()
    }
  }
}

const keyOf = (socket: Socket): string => `${socket.remoteAddress}|${socket.remotePort}`
