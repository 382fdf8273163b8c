/**
 * The vectors of test/golden/wire.json. A value is a frame or message as JSON, with `{ "bytes": "<hex>" }` for bytes.
 * To add one: write its value with any hex, and take the right hex from the failing test after checking it by hand.
 */

import { readFileSync } from 'node:fs'
import type { Frame, Message } from '../../src/core/frames.ts'
import type { HandshakeFrame } from '../../src/wire/handshake.ts'

export interface Vector<T> {
  readonly name: string
  readonly value: T
  readonly hex: string
}

export interface Vectors {
  readonly frames: readonly Vector<Frame | HandshakeFrame>[]
  readonly messages: readonly Vector<Message>[]
  readonly batches: readonly { readonly name: string; readonly frames: readonly string[]; readonly hex: string }[]
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

const file = new URL('../golden/wire.json', import.meta.url)

export const vectors = JSON.parse(readFileSync(file, 'utf8'), (_, value: unknown) => {
  const isBytes = typeof value === 'object' && value !== null && 'bytes' in value
  return isBytes ? fromHex((value as { bytes: string }).bytes) : value
}) as Vectors
