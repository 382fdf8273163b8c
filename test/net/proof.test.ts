/** The in-channel proof over memory: what it binds, in which order, and by which name it fails. */

import { describe, expect, test } from 'vitest'
import type { NetworkId } from '../../src/core/ids.ts'
import type { Identity } from '../../src/net/identity.ts'
import { createIdentity, verifySignature } from '../../src/net/identity.ts'
import { Link } from '../../src/net/link.ts'
import { MemoryChannel } from '../../src/net/memory.ts'
import type { ProofRole, Transcript } from '../../src/net/proof.ts'
import { Proof, proofBytes, ProofFailed, proveLink } from '../../src/net/proof.ts'
import type { After } from '../../src/net/timers.ts'
import { idFromBytes } from '../../src/wire/ids.ts'
import { framesOf, heartbeat, numberOf, turns } from './link-contract.ts'

const [alice, bob, mallory] = await Promise.all([createIdentity(), createIdentity(), createIdentity()])
const bytes = (fill: number) => new Uint8Array(32).fill(fill)
const network = idFromBytes<NetworkId>(bytes(9))

const seen: Transcript = {
  network,
  offerer: alice.id,
  answerer: bob.id,
  offererFingerprint: bytes(1),
  answererFingerprint: bytes(2),
  offerHash: bytes(3),
  answerHash: bytes(4),
}

test('two sides that saw the same resolve, and what follows the proof at once is not lost', async () => {
  const [left, right] = links()
  const proving = prove(left, seen, 'offerer', alice).then(() =>
    [1, 2, 3].forEach((stamp) => left.send(heartbeat(stamp))),
  )
  await prove(right, seen, 'answerer', bob)
  await proving
  expect((await framesOf(right).take(3)).map(numberOf)).toEqual([1, 2, 3])
})

test('frames in the same message as the proof are held until it is verified', async () => {
  const [left, right] = links()
  const proof = new Proof(seen, side('offerer', alice))
  left.send(await proof.own)
  left.send(heartbeat(7))
  left.onFrame = () => {}
  await prove(right, seen, 'answerer', bob)
  expect(right.counters.messagesIn).toBe(1)
  expect((await framesOf(right).take(1)).map(numberOf)).toEqual([7])
})

describe('each word of the transcript counts', () => {
  const changes: Partial<Transcript>[] = [
    { network: idFromBytes<NetworkId>(bytes(8)) },
    { offerer: mallory.id },
    { answerer: mallory.id },
    { offererFingerprint: bytes(11) },
    { answererFingerprint: bytes(12) },
    { offerHash: bytes(13) },
    { answerHash: bytes(14) },
  ]

  test.each(changes)('%o', async (change) => {
    const [left, right] = links()
    const results = await Promise.allSettled([
      prove(left, { ...seen, ...change }, 'offerer', alice),
      prove(right, seen, 'answerer', bob),
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(results.map(reasonOf)).toContain('signature')
    expect([left.isOpen, right.isOpen]).toEqual([false, false])
  })

  test('and no two transcripts or roles give the same bytes', () => {
    const all = [seen, ...changes.map((change) => ({ ...seen, ...change }))]
    const texts = all.flatMap((transcript) =>
      [proofBytes(transcript, 'offerer'), proofBytes(transcript, 'answerer')].map(String),
    )
    expect(new Set(texts).size).toBe(texts.length)
    expect(proofBytes(seen, 'offerer')).toHaveLength(23 + 7 * 32)
  })
})

test('a proof sent back to its sender proves nothing', async () => {
  const [left, right] = links()
  right.onFrame = (frame) => right.send(frame)
  await expect(prove(left, seen, 'offerer', alice)).rejects.toMatchObject({ reason: 'signature' })
})

test("another's signature proves nothing", async () => {
  const [left, right] = links()
  const results = await Promise.allSettled([prove(left, seen, 'offerer', mallory), prove(right, seen, 'answerer', bob)])
  expect(reasonOf(results[1])).toBe('signature')
  await turns()
  expect([left.isOpen, right.isOpen]).toEqual([false, false])
})

test('anything else in front of the proof is refused by name', async () => {
  const [left, right] = links()
  left.send(heartbeat(1))
  await expect(prove(right, seen, 'answerer', bob)).rejects.toMatchObject({ reason: 'missing' })
})

test('silence is refused after five seconds, and not before', async () => {
  const [left, right] = links()
  left.onFrame = () => {}
  const delays: number[] = []
  let fire = () => {}
  const after: After = (delayMs, callback) => {
    delays.push(delayMs)
    fire = callback
    return () => {}
  }
  const proving = proveLink(right, new Proof(seen, side('answerer', bob)), { after })
  expect(delays).toEqual([5_000])
  fire()
  await expect(proving).rejects.toMatchObject({ reason: 'timeout' })
  expect(right.isOpen).toBe(false)
})

test('a channel that goes in between is named', async () => {
  const [left, right] = links()
  const proving = prove(right, seen, 'answerer', bob)
  left.close('changed my mind')
  await expect(proving).rejects.toMatchObject({ reason: 'closed' })
})

test('a signature that cannot be made fails the proof, not the process', async () => {
  const [left, right] = links()
  left.onFrame = () => {}
  const proof = new Proof(seen, {
    ...side('answerer', bob),
    signer: { id: bob.id, sign: () => Promise.reject(new Error('no key')) },
  })
  left.send(await new Proof(seen, side('offerer', alice)).own)
  await expect(proveLink(right, proof)).rejects.toBeInstanceOf(ProofFailed)
})

function links(): [Link, Link] {
  const [a, b] = MemoryChannel.pair()
  return [new Link(a), new Link(b)]
}

const side = (role: ProofRole, identity: Identity) => ({
  role,
  signer: identity,
  verify: (claim: Parameters<typeof verifySignature>[1]) => verifySignature(identity.crypto, claim),
})

const prove = (link: Link, transcript: Transcript, role: ProofRole, identity: Identity): Promise<void> =>
  proveLink(link, new Proof(transcript, side(role, identity)))

const reasonOf = (result: PromiseSettledResult<unknown>): unknown =>
  result.status === 'rejected' ? (result.reason as ProofFailed).reason : null
