/** Modelled cryptography keeps the promises that the core relies on. */

import { describe, expect, test } from 'vitest'
import type { Body } from '../../src/core/frames.ts'
import type { Instant, Key, LinkId, PeerId } from '../../src/core/ids.ts'
import type { OpenJob, SealJob } from '../../src/core/io.ts'
import { ModelSealer } from '../../src/sim/sealer.ts'
import { data, messageId } from './support.ts'

const alice = 'alice' as PeerId
const bob = 'bob' as PeerId
const id = messageId('m')
const tree = 'network' as Key
const now = 1_000_000 as Instant
const link = 1 as LinkId

const sealJob = (job: Partial<SealJob> = {}): SealJob => ({
  kind: 'seal',
  as: 'request',
  id,
  attempt: 0,
  target: bob,
  message: data(100),
  isFresh: false,
  ...job,
})

const openJob = (job: Partial<OpenJob> & { readonly body: Body }): OpenJob => ({
  kind: 'open',
  as: 'request',
  id,
  attempt: 0,
  link,
  from: null,
  hops: 1,
  viaBootstrap: false,
  ...job,
})

function sealed(by: ModelSealer, job: SealJob, at = now): Body {
  const input = by.seal(job, at)
  if (input.kind !== 'sealed') throw new Error('was not sealed')
  return input.body
}

const request = (at = now) => sealed(new ModelSealer(alice), sealJob(), at)

test('the target opens a request and learns who wrote it', () => {
  const job = openJob({ body: request() })
  expect(new ModelSealer(bob).open(job, now)).toEqual({ kind: 'opened', job, source: alice, message: data(100) })
})

test('only who has opened a request can answer it, and only the asked peer can', () => {
  const server = new ModelSealer(bob)
  expect(server.seal(sealJob({ as: 'answer', target: alice }), now)).toMatchObject({
    kind: 'jobRefused',
    reason: 'session',
  })
  server.open(openJob({ body: request() }), now)
  const body = sealed(server, sealJob({ as: 'answer', target: alice, message: { kind: 'ack' } }))
  const client = new ModelSealer(alice)
  expect(client.open(openJob({ as: 'reply', from: bob, body }), now)).toMatchObject({ kind: 'opened', source: bob })
  expect(client.open(openJob({ as: 'reply', from: 'carol' as PeerId, body }), now)).toMatchObject({
    reason: 'undecryptable',
  })
})

test('an offer in reply to a lookup opens for the requester, whoever wrote it', () => {
  const body = sealed(new ModelSealer(bob), sealJob({ as: 'offer', target: alice }))
  expect(new ModelSealer(alice).open(openJob({ as: 'reply', body }), now)).toMatchObject({
    kind: 'opened',
    source: bob,
  })
})

describe('refuses', () => {
  const cases = [
    ['what is no seal', 'malformed', bob, { body: { byteLength: 300 } }, 0],
    ['what is for another peer', 'undecryptable', alice, {}, 0],
    ['a body moved to another message', 'target', bob, { id: messageId('other') }, 0],
    ['a request in place of a reply', 'undecryptable', bob, { as: 'reply' }, 0],
    ['what is older than its minute and the skew', 'expired', bob, {}, 90_001],
    ['what comes from too far ahead', 'future', bob, {}, -30_001],
  ] as const
  test.each(cases)('%s: %s', (_, reason, opener, change, ageMs) => {
    const job = openJob({ body: request(), ...change })
    expect(new ModelSealer(opener).open(job, (now + ageMs) as Instant)).toMatchObject({ kind: 'jobRefused', reason })
  })

  test('a request that was opened before: replayed', () => {
    const server = new ModelSealer(bob)
    const body = request()
    server.open(openJob({ body }), now)
    expect(server.open(openJob({ body, attempt: 1 }), now)).toMatchObject({ kind: 'jobRefused', reason: 'replayed' })
  })
})

test('a broadcast verifies under its own id only, and not for ever', () => {
  const signed = new ModelSealer(alice).sign({ tree, id }, { byteLength: 10 }, now)
  if (signed.kind !== 'signed') throw new Error('was not signed')
  const { body } = signed
  const bobs = new ModelSealer(bob)
  expect(bobs.verify({ kind: 'verify', tree, id, link, body }, now)).toMatchObject({ kind: 'verified', source: alice })
  expect(bobs.verify({ kind: 'verify', tree, id: messageId('n'), link, body }, now)).toMatchObject({
    reason: 'signature',
  })
  expect(bobs.verify({ kind: 'verify', tree, id, link, body: { byteLength: 10 } }, now)).toMatchObject({
    reason: 'malformed',
  })
  expect(bobs.verify({ kind: 'verify', tree, id, link, body }, (now + 90_001) as Instant)).toMatchObject({
    reason: 'expired',
  })
})
