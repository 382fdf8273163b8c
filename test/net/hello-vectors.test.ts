/** docs/PROTOCOL.md, "WebSocket handshake", put together by hand and with other libraries from the page's words alone. */

import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ed25519 } from '@noble/curves/ed25519.js'
import { expect, test } from 'vitest'
import type { NetworkId, PeerId } from '../../src/core/ids.ts'
import { answerHello, createChallenge, transcript } from '../../src/net/hello.ts'
import { createIdentity, verifySignature } from '../../src/net/identity.ts'
import { idFromBytes } from '../../src/wire/ids.ts'

interface Vectors {
  readonly serverSeed: string
  readonly peerSeed: string
  readonly network: string
  readonly challengeNonce: string
  readonly helloNonce: string
  readonly tokenSecret: string
  readonly token: string
  readonly helloSigned: string
  readonly helloSignature: string
  readonly welcomeSigned: string
  readonly welcomeSignature: string
}

const golden = JSON.parse(readFileSync(new URL('../golden/hello.json', import.meta.url), 'utf8')) as Vectors
const page = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8')
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')

const serverKey = ed25519.getPublicKey(bytes(golden.serverSeed))
const peerKey = ed25519.getPublicKey(bytes(golden.peerSeed))
const networkKey = createHash('sha256').update(`musubi network 1${golden.network}`).digest()

const signed = (tag: string): Buffer =>
  Buffer.concat([
    Buffer.from(tag),
    serverKey,
    peerKey,
    networkKey,
    bytes(golden.challengeNonce),
    bytes(golden.helloNonce),
    Buffer.of(1),
    Buffer.from(golden.token),
  ])

test('the words of the page give the bytes of the vectors, and their signatures', () => {
  expect(signed('musubi hello 1 dialer  ').toString('hex')).toBe(golden.helloSigned)
  expect(signed('musubi hello 1 acceptor').toString('hex')).toBe(golden.welcomeSigned)
  const sign = (hex: string, seed: string) => Buffer.from(ed25519.sign(bytes(hex), bytes(seed))).toString('hex')
  expect(sign(golden.helloSigned, golden.peerSeed)).toBe(golden.helloSignature)
  expect(sign(golden.welcomeSigned, golden.serverSeed)).toBe(golden.welcomeSignature)
})

test('the code signs and accepts the same', async () => {
  const server = await createIdentity({ seed: bytes(golden.serverSeed) })
  const challenge = createChallenge(server, bytes(golden.challengeNonce))
  const hello = {
    kind: 'hello',
    peer: idFromBytes<PeerId>(peerKey),
    network: idFromBytes<NetworkId>(networkKey),
    nonce: bytes(golden.helloNonce),
    role: 'visit',
    token: new TextEncoder().encode(golden.token),
    signature: bytes(golden.helloSignature),
  } as const
  expect(Buffer.from(transcript('dialer', challenge, hello)).toString('hex')).toBe(golden.helloSigned)
  const verify = (claim: Parameters<typeof verifySignature>[1]) => verifySignature(server.crypto, claim)
  const welcome = await answerHello(challenge, hello, { signer: server, verify, refusalOf: () => null })
  expect(Buffer.from(welcome.signature).toString('hex')).toBe(golden.welcomeSignature)
})

test('the token of the vectors is the one that the page describes', () => {
  const [version, expires, scope, mac] = golden.token.split('.')
  expect([version, scope]).toEqual(['1', 'peer'])
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(expires!))
  const hmac = createHmac('sha256', golden.tokenSecret)
  for (const part of [Buffer.from('musubi token 1'), networkKey, peerKey, time]) hmac.update(part)
  expect(hmac.digest('base64url')).toBe(mac)
})

test('the page names every reason of a denial', () => {
  const section = page.slice(page.indexOf('## WebSocket handshake'), page.indexOf('## Proof'))
  for (const reason of ['malformed', 'signature', 'self', 'network', 'token', 'timeout']) {
    expect(section).toContain(`\n| ${reason} | `)
  }
})
