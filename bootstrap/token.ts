/**
 * Admission tokens: who runs a bootstrap with `tokenSecret` decides who may come in, by handing out short texts that
 * only the secret can have made. A token names no one in clear; it holds for one network until it expires, and for one
 * peer if it was made for one. It is shown in the hello under the visitor's signature (`net/hello.ts`), so a token
 * bound to a peer is of no use to anybody else.
 *
 *     1.<expires>.<any|peer>.<mac>
 *
 * expires: seconds since 1970 in decimal. mac: HMAC-SHA256(secret, "musubi token 1" ‖ network 32 ‖ peer 32, or 32 zeros
 * for "any" ‖ expires, eight bytes big-endian), base64url without padding.
 */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { NetworkId, PeerId } from '../src/core/ids.ts'
import { MeshError } from '../src/errors.ts'
import { bytesFromId, isId, KEY_BYTES } from '../src/wire/ids.ts'

/** What a token is good for. */
export interface TokenGrant {
  /** The network's name, as in `createMesh`; default `'default'`. */
  readonly network?: string
  /** Only this peer may use it. Default: whoever holds it. */
  readonly peer?: string
  /** When it ends: a Date, or milliseconds since 1970. */
  readonly expires: Date | number
}

/** Why a token was not accepted. */
export type TokenVerdict = 'good' | 'missing' | 'malformed' | 'expired' | 'forged'

const TAG = 'musubi token 1'
const NETWORK_TAG = 'musubi network 1'
/** Shorter secrets can be guessed offline from one token (RFC 2104 §3: no less than the hash's strength; 16 is its half). */
export const TOKEN_SECRET_CHARS_MIN = 16
/** Ten digits of seconds last until the year 2286; 43 characters are 32 bytes in base64url. */
const FORM = /^1\.(\d{1,10})\.(any|peer)\.([\w-]{43})$/

/**
 * An admission token, as text for `createMesh({ token })`. Throws `MeshError` `ERR_OPTION`.
 *
 * @example
 * const token = createToken(process.env.TOKEN_SECRET, { network: 'my-app', expires: Date.now() + 3_600_000 })
 */
export function createToken(secret: string, grant: TokenGrant): string {
  if (typeof secret !== 'string' || secret.length < TOKEN_SECRET_CHARS_MIN) {
    throw new MeshError(
      'ERR_OPTION',
      `the token secret must be a string of at least ${TOKEN_SECRET_CHARS_MIN} characters`,
    )
  }
  const { network = 'default', peer } = grant
  if (peer !== undefined && !isId(peer)) throw new MeshError('ERR_OPTION', 'option "peer" must be a peer id')
  const expires = Math.floor(Number(grant.expires) / 1000)
  if (!(expires >= 0 && expires < 1e10))
    throw new MeshError('ERR_OPTION', 'option "expires" must be a Date, or milliseconds since 1970')
  const mac = macOf(secret, {
    network: networkKey(network),
    peer: peer === undefined ? null : bytesFromId(peer),
    expires,
  })
  return `1.${expires}.${peer === undefined ? 'any' : 'peer'}.${mac.toString('base64url')}`
}

/** Judge the token of a hello whose signature has been checked. `now` in milliseconds since 1970. */
export function checkToken(
  secret: string,
  visitor: { readonly peer: PeerId; readonly network: NetworkId; readonly token: Uint8Array },
  now: number,
): TokenVerdict {
  if (visitor.token.byteLength === 0) return 'missing'
  const [, expiresText = '', scope, macText = ''] = FORM.exec(Buffer.from(visitor.token).toString('latin1')) ?? []
  if (scope === undefined) return 'malformed'
  const expires = Number(expiresText)
  const peer = scope === 'peer' ? bytesFromId(visitor.peer) : null
  const mac = macOf(secret, { network: bytesFromId(visitor.network), peer, expires })
  const shown = Buffer.from(macText, 'base64url')
  if (shown.byteLength !== mac.byteLength || !timingSafeEqual(shown, mac)) return 'forged'
  return now < expires * 1000 ? 'good' : 'expired'
}

function macOf(secret: string, bound: { network: Uint8Array; peer: Uint8Array | null; expires: number }): Buffer {
  const expires = Buffer.alloc(8)
  expires.writeBigUInt64BE(BigInt(bound.expires))
  // Zeros are the key of nobody: the point with y = 0 has small order, and "any" is under the same MAC as no real id.
  const peer = bound.peer ?? new Uint8Array(KEY_BYTES)
  return createHmac('sha256', secret).update(TAG).update(bound.network).update(peer).update(expires).digest()
}

/** The bytes of `networkIdOf(name)` (net/seal.ts), without waiting for it. */
function networkKey(name: string): Uint8Array {
  return createHash('sha256').update(NETWORK_TAG).update(name).digest()
}
