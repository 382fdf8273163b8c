/**
 * One sealed body of each type with fixed keys, so that other programs can check theirs. The bodies are compared with
 * `test/golden/sealing.json` and opened as docs/PROTOCOL.md says, by libraries that `src/` does not use for it.
 */

import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { gcm } from '@noble/ciphers/aes.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { expand, extract } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { expect, test } from 'vitest'
import type { Message } from '../../src/core/frames.ts'
import type { MessageId } from '../../src/core/ids.ts'
import { nodeCrypto } from '../../src/net/crypto/crypto.node.ts'
import type { CryptoSuite } from '../../src/net/crypto/suite.ts'
import { bytesFromId, messageIdFromBytes } from '../../src/wire/ids.ts'
import { encodeMessage } from '../../src/wire/messages.ts'
import golden from '../golden/sealing.json' with { type: 'json' }
import { fromHex, toHex } from './bytes.ts'
import { ack, Clock, createPeer, NETWORK, openJob, sealJob } from './sealing.ts'

const request: Message = { kind: 'data', payload: utf8ToBytes('tie the knot') }
const id = (byte: number): MessageId => messageIdFromBytes(new Uint8Array(16).fill(byte))
const ids = { request: id(0xa1), early: id(0xa2), inSession: id(0xa3), offer: id(0xa4), broadcast: id(0xa5) }

/** Ephemeral keys and salts come from a list: 32 bytes of 01, of 02 and so on. */
function counted(first: number): CryptoSuite {
  let next = first
  return {
    ...nodeCrypto,
    generateDhKey: async () => {
      const secret = new Uint8Array(32).fill(next++)
      return nodeCrypto.dhKey(secret, x25519.getPublicKey(secret))
    },
    randomBytes: (length) => new Uint8Array(length).fill(next++),
  }
}

async function makeVectors(): Promise<typeof golden> {
  const clock = new Clock()
  const alice = await createPeer(clock, counted(0x01), { seed: new Uint8Array(32).fill(0xaa) })
  const bob = await createPeer(clock, counted(0x41), { seed: new Uint8Array(32).fill(0xbb) })
  const hex: Record<string, string> = {}
  const ask = async (name: string, message: MessageId): Promise<Uint8Array> => {
    const body = await alice.sealer.seal(sealJob(bob.id, message, { message: request }))
    hex[name] = toHex(body)
    await bob.sealer.open(openJob(message, body))
    return body
  }
  const answer = async (name: string, message: MessageId): Promise<void> => {
    const body = await bob.sealer.seal(sealJob(alice.id, message, { as: 'answer', message: ack }))
    hex[name] = toHex(body)
    await alice.sealer.open(openJob(message, body, { as: 'reply', from: bob.id }))
  }
  await ask('request', ids.request)
  await ask('requestThatAsksForNoSession', ids.early)
  await answer('reply', ids.early)
  await answer('replyAndSession', ids.request)
  await ask('requestInSession', ids.inSession)
  await answer('replyInSession', ids.inSession)
  hex['offer'] = toHex(await bob.sealer.seal(sealJob(alice.id, ids.offer, { as: 'offer', message: request })))
  hex['broadcast'] = toHex(await alice.sealer.sign(ids.broadcast, utf8ToBytes('to all'), NETWORK))
  return {
    network: 'test',
    time: clock.ms,
    alice: { seed: 'aa'.repeat(32), id: toHex(alice.identity.publicKey) },
    bob: { seed: 'bb'.repeat(32), id: toHex(bob.identity.publicKey) },
    messageIds: Object.fromEntries(Object.entries(ids).map(([name, text]) => [name, toHex(bytesFromId(text))])),
    bodies: hex,
  } as typeof golden
}

test('the same keys, clock and chance make the golden bodies', async () => {
  expect(await makeVectors()).toEqual(golden)
})

test('the page tells how to open them: done here with other libraries', async () => {
  const network = sha256(utf8ToBytes('musubi network 1test'))
  const bob = fromHex(golden.bob.id)
  const alice = fromHex(golden.alice.id)
  const body = (name: keyof typeof golden.bodies): Uint8Array => fromHex(golden.bodies[name])
  const place = (type: number, key: Uint8Array, message: MessageId): Uint8Array =>
    concatBytes(Uint8Array.of(type), network, key, bytesFromId(message))
  const u64 = (value: number): Uint8Array => fromHex(value.toString(16).padStart(16, '0'))
  const u32 = (value: number): Uint8Array => fromHex(value.toString(16).padStart(8, '0'))
  const expiry = u64(golden.time + 60_000)

  // Requests: HPKE to Bob's converted key, Alice's signature inside.
  const hpke = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() })
  const scalar = ed25519.utils.getExtendedPublicKey(new Uint8Array(32).fill(0xbb)).head
  const recipientKey = await hpke.kem.deserializePrivateKey(buffer(scalar))
  const opened = async (sealed: Uint8Array, message: MessageId) => {
    const info = buffer(concatBytes(utf8ToBytes('musubi seal 1'), place(1, bob, message)))
    const context = await hpke.createRecipientContext({ recipientKey, enc: buffer(sealed.slice(1, 33)), info })
    return { context, inner: new Uint8Array(await context.open(buffer(sealed.slice(33)))) }
  }
  const first = await opened(body('request'), ids.request)
  expect(toHex(first.inner.subarray(0, 41))).toBe(toHex(concatBytes(alice, expiry, Uint8Array.of(1))))
  expect(toHex(first.inner.subarray(105))).toBe(toHex(encodeMessage(request)))
  const signed = concatBytes(
    utf8ToBytes('musubi request 1'),
    place(1, bob, ids.request),
    first.inner.subarray(32, 41),
    body('request').subarray(1, 33),
    encodeMessage(request),
  )
  expect(ed25519.verify(first.inner.subarray(41, 105), signed, alice)).toBe(true)

  // A reply outside of sessions.
  const early = await opened(body('requestThatAsksForNoSession'), ids.early)
  expect(early.inner[40]).toBe(0)
  const exported = async (context: typeof early.context, label: string): Promise<Uint8Array> =>
    new Uint8Array(await context.export(buffer(utf8ToBytes(label)), 32))
  const reply = body('reply')
  const replyPrk = extract(sha256, await exported(early.context, 'musubi reply 1'), reply.subarray(2, 18))
  const replyKey = expand(sha256, replyPrk, utf8ToBytes('key'), 16)
  const replyNonce = (request_: number): Uint8Array => concatBytes(fromHex('01000000'), u32(request_), u32(0))
  const acknowledged = (key: Uint8Array, n: number, type: number, message: MessageId, sealed: Uint8Array): string =>
    toHex(gcm(key, replyNonce(n), place(type, alice, message)).decrypt(sealed))
  expect(acknowledged(replyKey, 0, 6, ids.early, reply.subarray(18))).toBe(toHex(encodeMessage(ack)))

  // A reply that begins a session: the key behind `enc` of the first request is 32 bytes of 01.
  const began = body('replyAndSession')
  const ephemeral = began.subarray(2, 34)
  const shared = x25519.getSharedSecret(new Uint8Array(32).fill(1), ephemeral)
  const prk = extract(sha256, shared, await exported(first.context, 'musubi session 1'))
  const okm = expand(sha256, prk, concatBytes(utf8ToBytes('musubi session 1'), ephemeral), 96)
  const toResponder = okm.subarray(0, 16)
  const toInitiator = okm.subarray(16, 32)
  expect(acknowledged(toInitiator, 0, 5, ids.request, began.subarray(34))).toBe(toHex(encodeMessage(ack)))

  // A request in it, number 1, and its reply.
  const inSession = body('requestInSession')
  expect(toHex(inSession.subarray(1, 9))).toBe(toHex(hmac(sha256, okm.subarray(32, 64), u32(0)).subarray(8, 16)))
  const nonce = concatBytes(fromHex('00000000'), u32(1), u32(0))
  const plain = gcm(toResponder, nonce, place(2, bob, ids.inSession)).decrypt(inSession.subarray(9))
  expect(toHex(plain)).toBe(toHex(concatBytes(expiry, encodeMessage(request))))
  const replied = body('replyInSession').subarray(2)
  expect(acknowledged(toInitiator, 1, 4, ids.inSession, replied)).toBe(toHex(encodeMessage(ack)))

  // A broadcast.
  const broadcast = body('broadcast')
  expect(toHex(broadcast.subarray(0, 40))).toBe(toHex(concatBytes(alice, u64(golden.time))))
  const what = [network, bytesFromId(ids.broadcast), u64(golden.time), utf8ToBytes('to all')]
  const told = concatBytes(utf8ToBytes('musubi broadcast 1'), ...what)
  expect(ed25519.verify(broadcast.subarray(40, 104), told, alice)).toBe(true)
})

function buffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer
}
