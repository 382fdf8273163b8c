/**
 * A WebSocket client (RFC 6455) with next to no cost of its own, so that a benchmark is about the server: messages are
 * masked once, when they are made; what comes in is counted where it lies. Servers of this machine only.
 */

import { connect, type Socket } from 'node:net'

/** Any mask but zero: servers unmask as they would for a browser. */
const MASK = Buffer.from([0x5a, 0x3c, 0x96, 0xe1])
/** One buffer for all sockets of this process: what is left of a chunk is copied. */
const chunk = Buffer.allocUnsafe(256 * 1024)

/** A masked binary WebSocket message, and where its payload begins. `payload[i]` lies at `start + i`, masked by `maskAt(i)`. */
export function maskedMessage(payload: Uint8Array): { bytes: Buffer; start: number } {
  const isShort = payload.byteLength < 126
  const start = isShort ? 6 : 8
  const bytes = Buffer.allocUnsafe(start + payload.byteLength)
  bytes[0] = 0x82
  bytes[1] = 0x80 | (isShort ? payload.byteLength : 126)
  if (!isShort) bytes.writeUInt16BE(payload.byteLength, 2)
  MASK.copy(bytes, start - 4)
  writeMasked(bytes, start, { at: 0, payload })
  return { bytes, start }
}

/** Overwrites a part of the payload of a masked message. */
export function writeMasked(
  bytes: Buffer,
  start: number,
  part: { readonly at: number; readonly payload: Uint8Array },
): void {
  const { at, payload } = part
  for (let i = 0; i < payload.byteLength; i++) bytes[start + at + i] = payload[i]! ^ MASK[(at + i) & 3]!
}

export class LoadSocket {
  /** A whole message: where its payload lies in `bytes`, which is only good during the call. */
  onMessage: (bytes: Buffer, start: number, end: number) => void
  /** All messages of one read of the socket have been handed over. */
  onChunkEnd: () => void = () => {}
  readonly #socket: Socket
  #rest: Buffer | null = null
  #isOpen = false
  #onOpen: () => void = () => {}

  /** Opens a connection; resolves after the upgrade. */
  static open(url: string, onMessage: LoadSocket['onMessage']): Promise<LoadSocket> {
    return new Promise((resolve, reject) => {
      const socket = new LoadSocket(new URL(url), onMessage, reject)
      socket.#onOpen = () => resolve(socket)
    })
  }

  private constructor({ hostname, port }: URL, onMessage: LoadSocket['onMessage'], reject: (error: Error) => void) {
    this.onMessage = onMessage
    const onread = { buffer: chunk, callback: (size: number) => (this.#receive(chunk.subarray(0, size)), true) }
    this.#socket = connect({ host: hostname, port: Number(port), onread, noDelay: true })
    this.#socket.on('error', reject)
    this.#socket.on('close', () => reject(new Error('closed')))
    this.#socket.write(
      `GET / HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    )
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /** Bytes of one or more masked messages. They must not change before they have left. */
  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(data: Buffer): void {
    let bytes = this.#rest === null ? data : Buffer.concat([this.#rest, data])
    this.#rest = null
    if (!this.#isOpen) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) return void (this.#rest = Buffer.from(bytes))
      this.#isOpen = true
      this.#onOpen()
      bytes = bytes.subarray(end + 4)
    }
    const used = this.#split(bytes)
    if (used < bytes.byteLength) this.#rest = Buffer.from(bytes.subarray(used))
    this.onChunkEnd()
  }

  /** Hands over whole messages; returns how many bytes they took. Servers do not mask, and these do not fragment. */
  #split(bytes: Buffer): number {
    let offset = 0
    while (bytes.byteLength - offset >= 2) {
      const isShort = bytes[offset + 1]! < 126
      const start = offset + (isShort ? 2 : 4)
      if (start > bytes.byteLength) return offset
      const end = start + (isShort ? bytes[offset + 1]! : bytes.readUInt16BE(offset + 2))
      if (end > bytes.byteLength) return offset
      this.onMessage(bytes, start, end)
      offset = end
    }
    return offset
  }
}
