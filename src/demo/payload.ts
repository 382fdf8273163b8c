/**
 * What the page puts into a message. Chat is plain UTF-8 text, so that `musubi join` in a terminal and any other
 * program can take part. What is meant for the other page and not for people (a name; by which path an offer came) is
 * JSON behind a zero byte, with which no text begins; programs that do not know it ignore such messages. Names are
 * claims, ids are proven: the page shows both.
 */

import { trimName } from './settings.ts'
import type { OfferPath } from './wording.ts'

/** A message of the page, decoded. */
export type Payload = { readonly kind: 'text'; readonly text: string } | Announcement

/** name: what the sender calls itself. path: how the receiver's offer of this direct connection came. */
export type Announcement =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'path'; readonly path: OfferPath }

/** Longest chat text, in bytes of UTF-8 (fits one 16 KiB frame with its seal; a guess at what people read). */
export const TEXT_BYTES_MAX = 4096

const ANNOUNCEMENT_BYTES_MAX = 256
const MARK = 0
/** Hops are clamped to 40 (DESIGN §3), so no honest path has more relays. */
const RELAYS_MAX = 40

export function encodeAnnouncement(announcement: Announcement): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(announcement))
  const bytes = new Uint8Array(text.length + 1)
  bytes.set(text, 1)
  bytes[0] = MARK
  return bytes
}

/** null: not for us (an announcement that we do not know, or bytes that are no text). Never throws. */
export function decodePayload(bytes: Uint8Array): Payload | null {
  if (bytes[0] === MARK) return decodeAnnouncement(bytes.subarray(1))
  const text = bytes.length > TEXT_BYTES_MAX * 4 ? null : decodeText(bytes)
  return text === null || text === '' ? null : { kind: 'text', text }
}

function decodeAnnouncement(bytes: Uint8Array): Announcement | null {
  const value = bytes.length > ANNOUNCEMENT_BYTES_MAX ? null : parse(decodeText(bytes) ?? '')
  if (typeof value !== 'object' || value === null) return null
  const { kind, name, path } = value as Readonly<Record<string, unknown>>
  if (kind === 'name' && typeof name === 'string') return { kind, name: trimName(name) }
  const checked = kind === 'path' ? checkPath(path) : null
  return checked === null ? null : { kind: 'path', path: checked }
}

function checkPath(value: unknown): OfferPath | null {
  if (typeof value !== 'object' || value === null) return null
  const { viaBootstrap, relays } = value as Readonly<Record<string, unknown>>
  if (typeof viaBootstrap !== 'boolean' || typeof relays !== 'number') return null
  return Number.isInteger(relays) && relays >= 0 && relays <= RELAYS_MAX ? { viaBootstrap, relays } : null
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
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
