/** Identities: ids from seeds, the same everywhere; signatures that only their owner could make. */

import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import { nodeCrypto } from '../../src/net/crypto/crypto.node.ts'
import { createIdentity, networkIdOf, PeerKeyCache, verifySignature } from '../../src/net/identity.ts'
import { bytesFromId, idFromBytes, isId } from '../../src/wire/ids.ts'
import type { PeerId } from '../../src/core/ids.ts'
import golden from '../golden/crypto.json' with { type: 'json' }
import { flipEachByte, fromHex, toHex } from './bytes.ts'
import { SUITES } from './sealing.ts'

const [seed] = golden.rfc8032.map((vector) => fromHex(vector.seed))
const bytes = fromHex('00112233')

describe.each(SUITES.map((suite) => [suite.name, suite] as const))('over %s', (_name, crypto) => {
  test('a seed always makes the same id: its Ed25519 public key', async () => {
    const identity = await createIdentity({ seed: seed!, crypto })
    expect(identity.id).toBe('25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkena')
    expect(toHex(bytesFromId(identity.id))).toBe(golden.rfc8032[0]!.publicKey)
    expect(isId(identity.id)).toBe(true)
    expect(identity.seed).toEqual(seed)
  })

  test('without a seed everybody is somebody else', async () => {
    const [one, other] = [await createIdentity({ crypto }), await createIdentity({ crypto })]
    expect(one.id).not.toBe(other.id)
    expect((await createIdentity({ seed: one.seed, crypto })).id).toBe(one.id)
  })

  test('the Diffie-Hellman key is the one that others derive from the id', async () => {
    const identity = await createIdentity({ crypto })
    const other = x25519.utils.randomSecretKey()
    const publicKey = ed25519.utils.toMontgomery(identity.publicKey)
    expect(identity.dhKey.publicKey).toEqual(publicKey)
    expect(await identity.dhKey.agree(x25519.getPublicKey(other))).toEqual(x25519.getSharedSecret(other, publicKey))
  })

  test('a signature holds for its signer and its bytes, and for nothing else', async () => {
    const [us, them] = [await createIdentity({ crypto }), await createIdentity({ crypto })]
    const signature = await us.sign(bytes)
    expect(await verifySignature(crypto, { peer: us.id, signature, bytes })).toBe(true)
    expect(await verifySignature(crypto, { peer: them.id, signature, bytes })).toBe(false)
    for (const changed of flipEachByte(bytes)) {
      expect(await verifySignature(crypto, { peer: us.id, signature, bytes: changed })).toBe(false)
    }
    for (const changed of flipEachByte(signature)) {
      expect(await verifySignature(crypto, { peer: us.id, signature: changed, bytes })).toBe(false)
    }
    expect(await verifySignature(crypto, { peer: us.id, signature: signature.subarray(1), bytes })).toBe(false)
  })

  test('a second form of a signature (S + L) is refused', async () => {
    const us = await createIdentity({ crypto })
    const signature = await us.sign(bytes)
    const s = BigInt(`0x${toHex(signature.subarray(32).toReversed())}`) + ed25519.Point.Fn.ORDER
    signature.set(fromHex(s.toString(16).padStart(64, '0')).toReversed(), 32)
    expect(await verifySignature(crypto, { peer: us.id, signature, bytes })).toBe(false)
  })

  test('a small-order id, for which anybody can sign, has signed nothing', async () => {
    // y = 1, the neutral element: R = S·B holds for every message.
    const peer = idFromBytes<PeerId>(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0)))
    const signature = new Uint8Array(64)
    signature.set(ed25519.Point.BASE.toBytes())
    signature[32] = 1
    expect(await verifySignature(crypto, { peer, signature, bytes })).toBe(false)
  })

  test('an id that is no point of the curve has signed nothing', async () => {
    const us = await createIdentity({ crypto })
    const peer = idFromBytes<PeerId>(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 2 : 0)))
    expect(await verifySignature(crypto, { peer, signature: await us.sign(bytes), bytes })).toBe(false)
  })

  test('a network id is the hash of its name behind a tag', async () => {
    const expected = crypto.sha256(new TextEncoder().encode('musubi network 1grüße'))
    expect(bytesFromId(await networkIdOf('grüße', crypto))).toEqual(expected)
    expect(await networkIdOf('a', crypto)).not.toBe(await networkIdOf('b', crypto))
  })
})

test('keys and signatures that suites disagree about never reach them', async () => {
  const gullible = { ...nodeCrypto, verify: async () => true }
  const us = await createIdentity()
  const signature = await us.sign(bytes)
  expect(await verifySignature(gullible, { peer: us.id, signature, bytes })).toBe(true)
  const notCanonical = signature.slice().fill(0xff, 32)
  expect(await verifySignature(gullible, { peer: us.id, signature: notCanonical, bytes })).toBe(false)
  const smallOrder = idFromBytes<PeerId>(new Uint8Array(32))
  expect(await verifySignature(gullible, { peer: smallOrder, signature, bytes })).toBe(false)
})

test('the suite of this runtime is found without being named', async () => {
  const identity = await createIdentity()
  expect(identity.crypto.name).toBe('node')
  expect(await networkIdOf('default')).toBe(await networkIdOf('default', identity.crypto))
})

test("a seed of another length is the caller's mistake", async () => {
  await expect(createIdentity({ seed: new Uint8Array(31) })).rejects.toThrow(TypeError)
})

test('an identity keeps its own copy of the seed', async () => {
  const mine = seed!.slice()
  const identity = await createIdentity({ seed: mine })
  mine.fill(0)
  expect(identity.seed).toEqual(seed)
})

test('the key cache stays below its bound and still converts right', () => {
  const cache = new PeerKeyCache()
  const id = (number: number): PeerId => {
    const bytes = new Uint8Array(32).fill(7)
    new DataView(bytes.buffer).setUint32(0, number)
    return idFromBytes<PeerId>(bytes)
  }
  const real = ed25519.getPublicKey(seed!)
  const expected = { ed25519: real, x25519: ed25519.utils.toMontgomery(real) }
  expect(cache.get(idFromBytes(real))).toEqual(expected)
  expect(cache.get(idFromBytes(real))).toEqual(expected)
  for (let number = 0; number < 2000; number++) cache.get(id(number))
  expect(cache.size).toBe(512)
  expect(cache.get(idFromBytes(real))).toEqual(expected)
})
