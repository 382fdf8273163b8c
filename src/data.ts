/**
 * What applications hand in and get out: payloads as bytes, call metadata as JSON. Limits are checked before anything
 * is sealed; what peers sent is parsed without trust.
 */

import { MeshError } from './errors.ts'
import { utf8 } from './net/crypto/bytes.ts'
import { METADATA_BYTES_MAX, PAYLOAD_BYTES_MAX } from './wire/messages.ts'

/** What `send` and `broadcast` take: strings travel as UTF-8. At most 15 KiB; what arrives is always a `Uint8Array`. */
export type Data = string | Uint8Array | ArrayBuffer

/** A value that survives `JSON.stringify` and `JSON.parse`. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Bytes of `data`, copied: sealing takes a while, and the caller may use its buffer again at once. */
export function payloadOf(data: unknown): Uint8Array {
  const bytes = bytesOf(data)
  if (bytes.byteLength <= PAYLOAD_BYTES_MAX) return bytes
  throw tooLarge('data', bytes.byteLength, PAYLOAD_BYTES_MAX)
}

function bytesOf(data: unknown): Uint8Array {
  if (typeof data === 'string') return utf8(data)
  // Both make a copy; `slice()` of a Buffer would not.
  if (data instanceof Uint8Array) return new Uint8Array(data)
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0))
  throw new MeshError('ERR_OPTION', 'option "data" must be a string, Uint8Array or ArrayBuffer')
}

/** Metadata as JSON in UTF-8, at most 1 KiB; nothing at all if it is undefined. */
export function metadataBytes(metadata: unknown): Uint8Array {
  if (metadata === undefined) return new Uint8Array()
  const bytes = utf8(jsonOf(metadata))
  if (bytes.byteLength <= METADATA_BYTES_MAX) return bytes
  throw tooLarge('metadata', bytes.byteLength, METADATA_BYTES_MAX)
}

function jsonOf(metadata: unknown): string {
  let cause: unknown
  try {
    const text = JSON.stringify(metadata) as string | undefined
    if (text !== undefined) return text
  } catch (error) {
    cause = error
  }
  throw new MeshError('ERR_OPTION', 'option "metadata" must be a JSON value', cause)
}

/** What a caller sent along: `undefined` if nothing, `null` in the result if it is not JSON (the call is refused). */
export function parseMetadata(bytes: Uint8Array): { readonly metadata: Json | undefined } | null {
  if (bytes.byteLength === 0) return { metadata: undefined }
  try {
    return { metadata: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json }
  } catch {
    return null
  }
}

const tooLarge = (name: string, bytes: number, max: number): MeshError =>
  new MeshError('ERR_TOO_LARGE', `${name} of ${bytes} bytes is above the limit of ${max} bytes`)
