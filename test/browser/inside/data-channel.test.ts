/** Chromium's own WebRTC and crypto under the network shell: the link contract, calls, and hidden local addresses. */

import { expect, test } from 'vitest'
import { findWrtc } from '../../../src/net/adapt-wrtc.ts'
import { createIdentity } from '../../../src/net/identity.ts'
import type { LinkLimits } from '../../../src/net/link.ts'
import { connect, connectionOf, createSides, linkOf } from '../../net/exchange-kit.ts'
import { describeLinkContract } from '../../net/link-contract.ts'

const wrtc = findWrtc(globalThis)!

describeLinkContract('data channels of Chromium', async (linkLimits: Partial<LinkLimits> = {}) => {
  const [near, far] = await createSides({ wrtc, linkLimits })
  const [left, right] = await connect(near, far)
  return {
    left,
    right,
    dispose: async () => {
      left.close('test over')
      right.close('test over')
      near.exchanges.close()
      far.exchanges.close()
    },
  }
})

test('a hundred links one after the other all stand', { timeout: 60_000 }, async () => {
  for (let i = 0; i < 100; i++) {
    const [near, far] = await createSides({ wrtc })
    const [left] = await connect(near, far)
    left.close('next')
    near.exchanges.close()
    far.exchanges.close()
  }
})

test('identities of a browser use its native crypto', async () => {
  expect((await createIdentity()).crypto.name).toBe('webcrypto')
})

test('a call is a plain simple-peer instance that carries data both ways', async () => {
  const [near, far] = await createSides({ wrtc })
  near.offer('call')
  const [caller, callee] = (await Promise.all([near.next(), far.next()])).map(connectionOf)
  const heard = new Promise<string>((resolve) => callee!.once('data', (data: Uint8Array) => resolve(textOf(data))))
  const answered = new Promise<string>((resolve) => caller!.once('data', (data: Uint8Array) => resolve(textOf(data))))
  caller!.send('there')
  expect(await heard).toBe('there')
  callee!.send('back')
  expect(await answered).toBe('back')
  near.exchanges.close()
  far.exchanges.close()
})

test('an offer whose fingerprint was changed on the way makes no link', async () => {
  const [near, far] = await createSides({ wrtc })
  near.path = ({ kind, bytes }) => (kind === 'offer' ? flipped(bytes) : bytes)
  near.offer('link')
  const end = await far.next()
  expect(() => linkOf(end)).toThrow()
  near.exchanges.close()
  far.exchanges.close()
})

const textOf = (data: Uint8Array): string => new TextDecoder().decode(data)

/** Every description carries its 32 bytes of fingerprint; one bit in the middle of all is enough to break something. */
function flipped(bytes: Uint8Array): Uint8Array {
  const changed = bytes.slice()
  changed[bytes.length >> 1]! ^= 1
  return changed
}
