/**
 * What the page puts into a message. Chat is plain UTF-8 text, so that `musubi join` in a terminal and any other
 * program can take part. A name is announced by a message that begins with a zero byte, which no text does; programs
 * that do not know it should ignore such messages. Names are claims, ids are proven: the page shows both.
 */

import { trimName } from './settings.ts'

/** A message of the page, decoded. */
export type Payload = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'name'; readonly name: string }

/** Longest chat text, in bytes of UTF-8 (fits one 16 KiB frame with its seal; a guess at what people read). */
export const TEXT_BYTES_MAX = 4096

const NAME_BYTES_MAX = 256
const ANNOUNCEMENT = 0

export function encodeName(name: string): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify({ name }))
  const bytes = new Uint8Array(text.length + 1)
  bytes.set(text, 1)
  bytes[0] = ANNOUNCEMENT
  return bytes
}

/** null: not for people (an announcement that does not parse, or bytes that are no text). Never throws. */
export function decodePayload(bytes: Uint8Array): Payload | null {
  if (bytes[0] === ANNOUNCEMENT) return decodeName(bytes.subarray(1))
  const text = decodeText(bytes.subarray(0, TEXT_BYTES_MAX * 4))
  return text === null || text === '' ? null : { kind: 'text', text }
}

function decodeName(bytes: Uint8Array): Payload | null {
  const text = bytes.length > NAME_BYTES_MAX ? null : decodeText(bytes)
  if (text === null) return null
  try {
    const { name } = JSON.parse(text) as { name?: unknown }
    return typeof name === 'string' ? { kind: 'name', name: trimName(name) } : null
  } catch {
    return null
  }
}

function decodeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}
