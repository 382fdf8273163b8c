/** Our HPKE against RFC 9180's own numbers and against @hpke/core, in both directions. */

import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { x25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import { setupRecipient, setupSender } from '../../src/net/crypto/hpke.ts'
import golden from '../golden/crypto.json' with { type: 'json' }
import { flipEachByte, fromHex, toHex } from './bytes.ts'
import { SUITES } from './sealing.ts'

const vector = golden.rfc9180
const info = fromHex(vector.info)
const aad = fromHex(vector.aad)
const theirs = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() })

describe.each(SUITES.map((suite) => [suite.name, suite] as const))('HPKE over %s', (_name, suite) => {
  test('seals and exports as RFC 9180 A.1.1 says', async () => {
    const ephemeral = await suite.dhKey(fromHex(vector.skE), fromHex(vector.pkE))
    const context = (await setupSender(suite, { recipient: fromHex(vector.pkR), ephemeral }, info))!
    expect(toHex(context.enc)).toBe(vector.enc)
    expect(toHex(await context.seal(fromHex(vector.plaintext), aad))).toBe(vector.ciphertext)
    for (const { context: label, value } of vector.exports) {
      expect(toHex(context.export(fromHex(label), 32))).toBe(value)
    }
  })

  test('opens and exports as RFC 9180 A.1.1 says', async () => {
    const recipient = await suite.dhKey(fromHex(vector.skR), fromHex(vector.pkR))
    const context = (await setupRecipient(suite, { enc: fromHex(vector.enc), recipient }, info))!
    expect(toHex((await context.open(fromHex(vector.ciphertext), aad))!)).toBe(vector.plaintext)
    for (const { context: label, value } of vector.exports) {
      expect(toHex(context.export(fromHex(label), 32))).toBe(value)
    }
  })

  test('opens what @hpke/core seals', async () => {
    const recipient = await suite.generateDhKey()
    const recipientPublicKey = await theirs.kem.deserializePublicKey(buffer(recipient.publicKey))
    const sender = await theirs.createSenderContext({ recipientPublicKey, info: buffer(info) })
    const ciphertext = new Uint8Array(await sender.seal(buffer(fromHex('c0ffee')), buffer(aad)))
    const context = (await setupRecipient(suite, { enc: new Uint8Array(sender.enc), recipient }, info))!
    expect(toHex((await context.open(ciphertext, aad))!)).toBe('c0ffee')
    expect(context.export(aad, 48)).toEqual(new Uint8Array(await sender.export(buffer(aad), 48)))
  })

  test('seals what @hpke/core opens', async () => {
    const secret = x25519.utils.randomSecretKey()
    const recipientKey = await theirs.kem.deserializePrivateKey(buffer(secret))
    const ephemeral = await suite.generateDhKey()
    const context = (await setupSender(suite, { recipient: x25519.getPublicKey(secret), ephemeral }, info))!
    const ciphertext = await context.seal(fromHex('c0ffee'), aad)
    const recipient = await theirs.createRecipientContext({
      recipientKey,
      enc: buffer(context.enc),
      info: buffer(info),
    })
    expect(toHex(new Uint8Array(await recipient.open(buffer(ciphertext), buffer(aad))))).toBe('c0ffee')
  })

  test('opens nothing with any byte of key, text, info or associated data changed', async () => {
    const recipient = await suite.generateDhKey()
    const ephemeral = await suite.generateDhKey()
    const sender = (await setupSender(suite, { recipient: recipient.publicKey, ephemeral }, info))!
    const ciphertext = await sender.seal(fromHex('c0ffee'), aad)
    const open = async (enc: Uint8Array, text: Uint8Array, i: Uint8Array, a: Uint8Array): Promise<Uint8Array | null> =>
      (await setupRecipient(suite, { enc, recipient }, i))!.open(text, a)
    expect(await open(sender.enc, ciphertext, info, aad)).not.toBe(null)
    for (const changed of flipEachByte(sender.enc)) expect(await open(changed, ciphertext, info, aad)).toBe(null)
    for (const changed of flipEachByte(ciphertext)) expect(await open(sender.enc, changed, info, aad)).toBe(null)
    for (const changed of flipEachByte(info)) expect(await open(sender.enc, ciphertext, changed, aad)).toBe(null)
    for (const changed of flipEachByte(aad)) expect(await open(sender.enc, ciphertext, info, changed)).toBe(null)
  })

  test('sets nothing up with a small-order key', async () => {
    const key = await suite.generateDhKey()
    const zero = new Uint8Array(32)
    expect(await setupSender(suite, { recipient: zero, ephemeral: key }, info)).toBe(null)
    expect(await setupRecipient(suite, { enc: zero, recipient: key }, info)).toBe(null)
  })
})

function buffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer as ArrayBuffer
}
