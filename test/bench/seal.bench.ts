/**
 * What sealing costs, in each suite: `npx vitest bench --run --project webrtc test/bench/seal.bench.ts`. Milliseconds a call,
 * 600 bytes of offer. "seal and open" is a request outside of sessions, signature included; "exchange" is that and its
 * sealed answer, which begins a session; "in session" is a request and its acknowledgement in it. A link's set-up takes
 * one exchange and, for the proof, one signature and one verification on each side.
 */

import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { bench, describe } from 'vitest'
import { setupRecipient, setupSender } from '../../src/net/crypto/hpke.ts'
import type { CryptoSuite, DhKey } from '../../src/net/crypto/suite.ts'
import { verifySignature } from '../../src/net/identity.ts'
import { Clock, createPeer, exchange, nextId, NETWORK, openJob, sealJob, SUITES, verifyJob } from '../net/sealing.ts'

const clock = new Clock()
const message = { kind: 'data', payload: new Uint8Array(600) } as const
/** Long enough for steady medians in the native suites, short enough for noble. */
const options = { time: 500, warmupTime: 100 }
const theirs = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() })
const pair = await theirs.kem.generateKeyPair()
const recipients = new Map<CryptoSuite, DhKey>()
for (const suite of SUITES) recipients.set(suite, await suite.generateDhKey())

/** HPKE alone, without signature and window: ours over each suite beside the library that we check it against. */
describe('HPKE, seal and open', () => {
  const info = new Uint8Array(94)
  for (const suite of SUITES) {
    bench(
      `own over ${suite.name}`,
      async () => {
        const ephemeral = await suite.generateDhKey()
        const sender = await setupSender(suite, { recipient: recipients.get(suite)!.publicKey, ephemeral }, info)
        const sealed = await sender!.seal(message.payload, info)
        const opener = await setupRecipient(suite, { enc: sender!.enc, recipient: recipients.get(suite)! }, info)
        await opener!.open(sealed, info)
      },
      options,
    )
  }
  bench(
    '@hpke/core over WebCrypto',
    async () => {
      const sender = await theirs.createSenderContext({ recipientPublicKey: pair.publicKey, info: info.buffer })
      const sealed = await sender.seal(message.payload.buffer, info.buffer)
      const { enc } = sender
      const opener = await theirs.createRecipientContext({ recipientKey: pair.privateKey, enc, info: info.buffer })
      await opener.open(sealed, info.buffer)
    },
    options,
  )
})

for (const suite of SUITES) {
  const a = await createPeer(clock, suite)
  const b = await createPeer(clock, suite)
  await exchange(a, b)
  await exchange(a, b)
  const signature = await a.identity.sign(message.payload)

  describe(suite.name, () => {
    bench('sign', async () => void (await a.identity.sign(message.payload)), options)
    bench(
      'verify',
      async () => void (await verifySignature(suite, { peer: a.id, signature, bytes: message.payload })),
      options,
    )
    bench('seal', async () => void (await a.sealer.seal(sealJob(b.id, nextId(), { message, isFresh: true }))), options)
    bench(
      'seal and open',
      async () => {
        const id = nextId()
        await b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id, { message, isFresh: true }))))
      },
      options,
    )
    bench(
      'exchange that begins a session',
      async () => {
        // Beyond the time for which nobody else asks for a session.
        clock.ms += 11_000
        await exchange(a, b, { message, isFresh: true })
      },
      options,
    )
    bench('in session: request and acknowledgement', async () => void (await exchange(a, b, { message })), options)
    bench(
      'broadcast: sign and verify',
      async () => {
        const id = nextId()
        const body = await a.sealer.sign(id, message.payload, NETWORK)
        await b.sealer.verify(verifyJob(id, body))
      },
      options,
    )
  })
}
