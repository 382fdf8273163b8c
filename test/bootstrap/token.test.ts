/** Admission tokens: what they are good for, and that nothing else will do. */

import { describe, expect, test } from 'vitest'
import type { PeerId } from '../../src/core/ids.ts'
import { networkIdOf } from '../../src/net/identity.ts'
import { idFromBytes } from '../../src/wire/ids.ts'
import { TOKEN_BYTES_MAX } from '../../src/wire/handshake.ts'
import { checkToken, createToken } from '../../bootstrap/token.ts'

const SECRET = 'a secret of at least sixteen'
const NOW = 1_700_000_000_000
const peer = idFromBytes<PeerId>(new Uint8Array(32).fill(1))
const other = idFromBytes<PeerId>(new Uint8Array(32).fill(2))
const network = await networkIdOf('app')
const bytes = (text: string) => new TextEncoder().encode(text)

const verdict = (
  token: string,
  changes: { peer?: PeerId; network?: typeof network; now?: number; secret?: string } = {},
) =>
  checkToken(
    changes.secret ?? SECRET,
    { peer: changes.peer ?? peer, network: changes.network ?? network, token: bytes(token) },
    changes.now ?? NOW,
  )

describe('a token', () => {
  const forAny = createToken(SECRET, { network: 'app', expires: NOW + 60_000 })
  const forPeer = createToken(SECRET, { network: 'app', peer, expires: new Date(NOW + 60_000) })

  test('lets in whoever holds it, or one peer only, until it expires', () => {
    expect([verdict(forAny), verdict(forAny, { peer: other })]).toEqual(['good', 'good'])
    expect([verdict(forPeer), verdict(forPeer, { peer: other })]).toEqual(['good', 'forged'])
    expect([verdict(forAny, { now: NOW + 59_999 }), verdict(forAny, { now: NOW + 60_000 })]).toEqual([
      'good',
      'expired',
    ])
  })

  test('is of no use in another network or under another secret', async () => {
    expect(verdict(forAny, { network: await networkIdOf('default') })).toBe('forged')
    expect(verdict(forAny, { secret: 'another secret of sixteen' })).toBe('forged')
    expect(verdict(createToken(SECRET, { expires: NOW + 1000 }), { network: await networkIdOf('default') })).toBe(
      'good',
    )
  })

  test('cannot be altered in a single character', () => {
    for (let i = 0; i < forPeer.length; i++) {
      const changed = forPeer.slice(0, i) + (forPeer[i] === '2' ? '3' : '2') + forPeer.slice(i + 1)
      // The last of 43 characters has two bits that mean nothing.
      if (i < forPeer.length - 1) expect(verdict(changed), changed).not.toBe('good')
    }
    expect(verdict(forPeer.replace('.peer.', '.any.'))).toBe('forged')
  })

  test('is missing when empty, malformed when it is none', () => {
    expect(verdict('')).toBe('missing')
    for (const token of ['x', '1.1.any.', `${forAny}x`, `${forAny}\n`, forAny.replace('1.', '2.'), '\0'.repeat(256)]) {
      expect(verdict(token), token).toBe('malformed')
    }
  })

  test('fits the hello', () => {
    expect(forPeer.length).toBeLessThanOrEqual(TOKEN_BYTES_MAX)
    expect(forAny).toBe('1.1700000060.any.' + forAny.slice(-43))
  })
})

test('a token is only made of sensible parts', () => {
  expect(() => createToken('short', { expires: NOW })).toThrow(/token secret/)
  expect(() => createToken(SECRET, { expires: Number.NaN })).toThrow(/"expires"/)
  expect(() => createToken(SECRET, { expires: NOW, peer: 'nobody' })).toThrow(/"peer"/)
})
