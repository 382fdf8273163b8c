/**
 * Where a connection comes from, for limits per address: an IPv4 address, or the /64 of an IPv6 address, which is what
 * one customer gets and can fill at will (RFC 6177).
 */

import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

/** Groups of 16 bits in a /64. */
const PREFIX_GROUPS = 4

/** The source of a request. `trustProxy`: a reverse proxy of ours has appended the visitor to X-Forwarded-For. */
export function addressOf(request: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy ? request.headers['x-forwarded-for'] : undefined
  // Only the last one is the proxy's own word; whoever sent the request may have written the others.
  const last = (Array.isArray(forwarded) ? forwarded.at(-1) : forwarded)?.split(',').at(-1)?.trim()
  return (
    addressKey(last ?? request.socket.remoteAddress ?? '') ??
    addressKey(request.socket.remoteAddress ?? '') ??
    'unknown'
  )
}

/** An address as a key of a table; null for text that is none. */
export function addressKey(text: string): string | null {
  if (!ipaddr.isValid(text)) return null
  const address = ipaddr.process(text)
  if (!(address instanceof ipaddr.IPv6)) return address.toString()
  return `${address.parts
    .slice(0, PREFIX_GROUPS)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}
