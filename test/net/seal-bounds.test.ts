/** Sealing under load: tables stay below their bounds, and what is forgotten is what was meant to be. */

import { expect, test } from 'vitest'
import { nodeCrypto } from '../../src/net/crypto/crypto.node.ts'
import type { CryptoSuite, DhKey } from '../../src/net/crypto/suite.ts'
import { ack, Clock, createPeer, exchange, nextId, offer, openJob, reasonOf, sealJob } from './sealing.ts'

test('a flood of requests does not grow the tables past their bounds', async () => {
  const clock = new Clock()
  const b = await createPeer(clock, toyCrypto)
  for (let source = 0; source < 300; source++) {
    await exchange(await createPeer(clock, toyCrypto), b, { message: offer })
  }
  expect(b.sealer.size).toMatchObject({ sessions: 256, tags: 256 * 36, seen: 300, opened: 300 })
  const flood = await createPeer(clock, toyCrypto)
  const sizes = []
  for (let count = 0; count < 8_700; count++) {
    const id = nextId()
    await b.sealer.open(openJob(id, await flood.sealer.seal(sealJob(b.id, id, { isFresh: true }))))
    sizes.push(b.sealer.size.seen)
  }
  expect(Math.max(...sizes)).toBe(8_192)
  expect(sizes.at(-1)).toBeGreaterThan(4_096)
  expect(b.sealer.size.opened).toBeLessThanOrEqual(2 * 8_192)
  expect(flood.sealer.size.sent).toBeLessThanOrEqual(2 * 8_192)
})

test('idle tables empty with time', async () => {
  const clock = new Clock()
  const [a, b] = [await createPeer(clock), await createPeer(clock)]
  for (let count = 0; count < 50; count++) await exchange(a, b)
  clock.ms += 500_000
  await exchange(a, b)
  expect(a.sealer.size.sent).toBe(1)
  expect(b.sealer.size.opened).toBe(1)
})

test('candidates can still be sent after thousands of data messages', async () => {
  const clock = new Clock()
  const [a, b] = [await createPeer(clock), await createPeer(clock)]
  const id = nextId()
  await b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id, { message: offer }))))
  const answer = await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack }))
  await a.sealer.open(openJob(id, answer, { as: 'reply', from: b.id }))
  for (let count = 0; count < 9_000; count++) await exchange(a, b)
  const late = await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack }))
  expect(await reasonOf(a.sealer.open(openJob(id, late, { as: 'reply', from: b.id })))).toBe('accepted')
  expect(a.sealer.size.sent).toBeLessThanOrEqual(8_193)
  expect(b.sealer.size.opened).toBeLessThanOrEqual(8_193)
  expect(b.sealer.size.tags).toBeLessThanOrEqual(132)
})

/** Fast and worthless: bounds need thousands of requests, not security. Agreement is a hash of both public keys. */
const toyCrypto: CryptoSuite = {
  ...nodeCrypto,
  verify: async () => true,
  signingKey: async (seed) => ({ publicKey: nodeCrypto.sha256(seed), sign: async () => new Uint8Array(64) }),
  dhKey: async (_secret, publicKey) => toyKey(publicKey),
  generateDhKey: async () => toyKey(nodeCrypto.randomBytes(32)),
}

function toyKey(publicKey: Uint8Array): DhKey {
  const both = (remote: Uint8Array) => publicKey.map((byte, at) => byte ^ remote[at]!)
  return { publicKey, agree: async (remote) => nodeCrypto.sha256(both(remote)) }
}
