/** Sealing end to end: who wrote what, for whom, when, and what becomes of everything else. */

import { describe, expect, test } from 'vitest'
import { Clock, createPeer, exchange, hello, nextId, openJob, sealJob, SUITES, ack } from './sealing.ts'

describe.each(SUITES.map((suite) => [suite.name, suite] as const))('over %s', (_name, suite) => {
  test('a request opens at its target and names its source', async () => {
    const clock = new Clock()
    const [a, b] = [await createPeer(clock, suite), await createPeer(clock, suite)]
    const id = nextId()
    const body = await a.sealer.seal(sealJob(b.id, id))
    expect(await b.sealer.open(openJob(id, body))).toEqual({ source: a.id, message: hello })
  })

  test('after one exchange both sides write in a session', async () => {
    const clock = new Clock()
    const [a, b] = [await createPeer(clock, suite), await createPeer(clock, suite)]
    expect((await exchange(a, b)).request[0]).toBe(1)
    expect((await exchange(a, b)).request[0]).toBe(2)
    expect((await exchange(b, a)).request[0]).toBe(2)
    expect((await exchange(a, b)).request[0]).toBe(2)
  })

  test('an offer that answers a lookup opens at the requester and names its source', async () => {
    const clock = new Clock()
    const [a, b] = [await createPeer(clock, suite), await createPeer(clock, suite)]
    const id = nextId()
    const body = await b.sealer.seal(sealJob(a.id, id, { as: 'offer', message: ack }))
    expect(await a.sealer.open(openJob(id, body, { as: 'reply' }))).toEqual({ source: b.id, message: ack })
  })
})
