/** Peers that seal, for the tests of identities, seals and sessions: three suites, one clock that only tests move. */

import type { Message } from '../../src/core/frames.ts'
import type { ExchangeId, Key, LinkId, MessageId, NetworkId, PeerId } from '../../src/core/ids.ts'
import type { OpenJob, RefusedReason, SealJob, VerifyJob } from '../../src/core/io.ts'
import { nobleCrypto } from '../../src/net/crypto/crypto.noble.ts'
import { nodeCrypto } from '../../src/net/crypto/crypto.node.ts'
import { webCrypto } from '../../src/net/crypto/crypto.web.ts'
import type { CryptoSuite } from '../../src/net/crypto/suite.ts'
import { createIdentity, type Identity, networkIdOf } from '../../src/net/identity.ts'
import { Refused, Sealer } from '../../src/net/seal.ts'
import { messageIdFromBytes } from '../../src/wire/ids.ts'

export const SUITES: readonly CryptoSuite[] = [nodeCrypto, webCrypto(globalThis.crypto.subtle), nobleCrypto]

export class Clock {
  ms = 1_800_000_000_000
}

export interface TestPeer {
  readonly identity: Identity
  readonly id: PeerId
  readonly sealer: Sealer
}

export async function createPeer(
  clock: Clock,
  crypto: CryptoSuite = nodeCrypto,
  options: { readonly network?: string; readonly seed?: Uint8Array } = {},
): Promise<TestPeer> {
  const identity = await createIdentity({ crypto, seed: options.seed })
  const network: NetworkId = await networkIdOf(options.network ?? 'test', crypto)
  const sealer = new Sealer({ identity, network, crypto, now: () => clock.ms })
  return { identity, id: identity.id, sealer }
}

function exchangeIdOf(byte: number): ExchangeId {
  return messageIdFromBytes<ExchangeId>(new Uint8Array(16).fill(byte))
}

/** What peers are in unless said otherwise. */
export const NETWORK: NetworkId = await networkIdOf('test', nodeCrypto)

let counter = 0
/** Ids that differ; sealing asks no more of them. */
export function nextId(): MessageId {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setUint32(12, ++counter)
  return messageIdFromBytes(bytes)
}

export const hello: Message = { kind: 'data', payload: new TextEncoder().encode('hello') }
export const ack: Message = { kind: 'ack' }
export const offer: Message = {
  kind: 'offer',
  exchange: exchangeIdOf(1),
  purpose: 'link',
  slot: 'bucket',
  description: new Uint8Array(200).fill(7),
  metadata: new Uint8Array(0),
}

export function sealJob(target: PeerId, id: MessageId, options: Partial<SealJob> = {}): SealJob {
  return { kind: 'seal', as: 'request', id, attempt: 0, target, message: hello, isFresh: false, ...options }
}

export function openJob(id: MessageId, body: Uint8Array, options: Partial<OpenJob> = {}): OpenJob {
  const link = 1 as LinkId
  return {
    kind: 'open',
    as: 'request',
    id,
    attempt: 0,
    link,
    from: null,
    body,
    hops: 1,
    viaBootstrap: false,
    ...options,
  }
}

/** `tree`: the network of the tests, unless said otherwise. */
export function verifyJob(id: MessageId, body: Uint8Array, tree: Key = NETWORK): VerifyJob {
  return { kind: 'verify', tree, id, link: 1 as LinkId, body }
}

/** A request from `a` to `b` and its acknowledgement back. */
export async function exchange(
  a: TestPeer,
  b: TestPeer,
  options: { readonly isFresh?: boolean; readonly message?: Message } = {},
): Promise<{ readonly id: MessageId; readonly request: Uint8Array; readonly reply: Uint8Array }> {
  const id = nextId()
  const request = await a.sealer.seal(sealJob(b.id, id, options))
  const { source } = await b.sealer.open(openJob(id, request))
  const reply = await b.sealer.seal(sealJob(source, id, { as: 'answer', message: ack }))
  await a.sealer.open(openJob(id, reply, { as: 'reply', from: b.id }))
  return { id, request, reply }
}

/** The reason of a refusal, 'accepted' if there was none; anything but a `Refused` is the test's failure. */
export async function reasonOf(promise: Promise<unknown>): Promise<RefusedReason | 'accepted'> {
  try {
    await promise
    return 'accepted'
  } catch (error) {
    if (error instanceof Refused) return error.reason
    throw error
  }
}
