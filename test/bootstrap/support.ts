/** Visitors for bootstraps under test: real WebSockets, real handshakes. */

import { request } from 'node:http'
import { WebSocket } from 'ws'
import type { Frame, IntroductionFrame, UnicastFrame } from '../../src/core/frames.ts'
import type { MessageId, PeerId } from '../../src/core/ids.ts'
import { dialHello, type DialerOptions } from '../../src/net/hello.ts'
import { createIdentity, type Identity, networkIdOf, verifySignature } from '../../src/net/identity.ts'
import { Link } from '../../src/net/link.ts'
import { dialWebSocket } from '../../src/net/websocket.ts'
import type { HandshakeFrame } from '../../src/wire/handshake.ts'
import { messageIdFromBytes } from '../../src/wire/ids.ts'

export interface VisitOptions {
  /** Default: a new one. */
  readonly identity?: Identity
  /** Who signs in the identity's name; default: itself. */
  readonly signer?: DialerOptions['signer']
  /** Name of the network; default "test". */
  readonly network?: string
  readonly role?: 'join' | 'visit'
  readonly token?: string
  /** Certificate to trust, PEM. */
  readonly ca?: Buffer
}

export interface TestVisitor {
  readonly id: PeerId
  readonly server: PeerId
  readonly link: Link
  /** The socket beneath, for what only a test does: stop reading. */
  readonly socket: WebSocket
  /** The next frame, of this kind if one is named; others before it are dropped. */
  next(kind?: Frame['kind']): Promise<Frame | HandshakeFrame>
  readonly introduction: Promise<IntroductionFrame>
  /** Resolves with the reason when the link is down. */
  readonly down: Promise<string>
}

/** Connects and says hello; rejects like `dialWebSocket` and `dialHello`. */
export async function visit(url: string, options: VisitOptions = {}): Promise<TestVisitor> {
  const identity = options.identity ?? (await createIdentity())
  const sockets: WebSocket[] = []
  class Recorded extends WebSocket {
    constructor(address: string, protocols: string[], limits: object) {
      super(address, protocols, { ...limits, ...(options.ca && { ca: options.ca }) })
      sockets.push(this)
    }
  }
  const link = new Link(await dialWebSocket(url, { WebSocket: Recorded }))
  const server = await dialHello(link, {
    signer: options.signer ?? identity,
    verify: (claim) => verifySignature(identity.crypto, claim),
    network: await networkIdOf(options.network ?? 'test'),
    role: options.role ?? 'join',
    token: new TextEncoder().encode(options.token ?? ''),
    randomBytes: (length) => identity.crypto.randomBytes(length),
  })
  const frames: (Frame | HandshakeFrame)[] = []
  let wake = () => {}
  const down = new Promise<string>((resolve) => (link.onDown = resolve))
  const next = async (kind?: Frame['kind']): Promise<Frame | HandshakeFrame> => {
    for (;;) {
      const frame = frames.shift()
      if (frame !== undefined && (kind === undefined || frame.kind === kind)) return frame
      if (frame === undefined) await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  const introduction = new Promise<IntroductionFrame>((resolve) => {
    link.onFrame = (frame) => {
      if (frame.kind === 'introduction') resolve(frame)
      else frames.push(frame)
      wake()
    }
  })
  return { id: identity.id, server, link, socket: sockets[0]!, next, introduction, down }
}

/** Why a visit was turned away. */
export const refusalOf = (visiting: Promise<unknown>): Promise<string> =>
  visiting.then(
    () => 'accepted',
    (error: unknown) => (error as Error).message,
  )

let messages = 0

export function unicastTo(target: PeerId, bytes = 10): UnicastFrame {
  const id = new Uint8Array(16)
  new DataView(id.buffer).setUint32(0, ++messages)
  return {
    kind: 'unicast',
    hopLimit: 40,
    hops: 0,
    attempt: 0,
    viaBootstrap: false,
    id: messageIdFromBytes<MessageId>(id),
    target,
    body: new Uint8Array(bytes).fill(messages),
  }
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** A plain request; `path` goes out as it is, which `fetch` would not do for "..". */
export function get(
  url: string,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<HttpResponse> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, path, agent: false, ...options }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}
