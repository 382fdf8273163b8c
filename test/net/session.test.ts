/** Sessions: how they begin, what relays see of them, how they end, and that losing one costs one round trip. */

import { describe, expect, test } from 'vitest'
import type { Instant, PeerId } from '../../src/core/ids.ts'
import { equalBytes } from '../../src/net/crypto/bytes.ts'
import { nodeCrypto } from '../../src/net/crypto/crypto.node.ts'
import { sessionLostBody } from '../../src/net/seal.ts'
import {
  deriveSessionKeys,
  replyNonce,
  requestNonce,
  SESSION_RECEIVE_MS,
  SESSION_REKEY_MS,
  SESSION_REQUESTS_MAX,
  SessionTable,
  SESSIONS_MAX,
} from '../../src/net/session.ts'
import { idFromBytes } from '../../src/wire/ids.ts'
import { ack, Clock, createPeer, exchange, nextId, openJob, reasonOf, sealJob } from './sealing.ts'

const [HPKE, SESSION] = [1, 2]

async function two() {
  const clock = new Clock()
  return [await createPeer(clock), await createPeer(clock), clock] as const
}

describe('beginning', () => {
  test('the initiator writes in the session after the answer, the responder after the first request in it', async () => {
    const [a, b] = await two()
    expect((await exchange(a, b)).request[0]).toBe(HPKE)
    // If the answer was lost, the initiator could not read: so the responder waits for proof.
    expect((await b.sealer.seal(sealJob(a.id, nextId())))[0]).toBe(HPKE)
    expect((await exchange(a, b)).request[0]).toBe(SESSION)
    expect((await b.sealer.seal(sealJob(a.id, nextId())))[0]).toBe(SESSION)
  })

  test('many first requests at once begin one session', async () => {
    const [a, b] = await two()
    const ids = Array.from({ length: 10 }, nextId)
    const requests = await Promise.all(ids.map((id) => a.sealer.seal(sealJob(b.id, id))))
    await Promise.all(requests.map((body, at) => b.sealer.open(openJob(ids[at]!, body))))
    const replies = await Promise.all(ids.map((id) => b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack }))))
    await Promise.all(replies.map((body, at) => a.sealer.open(openJob(ids[at]!, body, { as: 'reply', from: b.id }))))
    expect([a.sealer.size.sessions, b.sealer.size.sessions]).toEqual([1, 1])
    expect((await exchange(a, b)).request[0]).toBe(SESSION)
  })

  test('several replies to the first request, opened at once, begin one session', async () => {
    const [a, b] = await two()
    const id = nextId()
    await b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id))))
    const answer = sealJob(a.id, id, { as: 'answer', message: ack })
    const replies = await Promise.all([b.sealer.seal(answer), b.sealer.seal(answer), b.sealer.seal(answer)])
    await Promise.all(replies.map((body) => a.sealer.open(openJob(id, body, { as: 'reply', from: b.id }))))
    expect([a.sealer.size.sessions, b.sealer.size.sessions]).toEqual([1, 1])
  })

  test('a forged answer does not keep the real one from beginning it', async () => {
    const [a, b] = await two()
    const id = nextId()
    await b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id))))
    const reply = await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack }))
    const forged = reply.slice()
    forged.set((await nodeCrypto.generateDhKey()).publicKey, 2)
    const open = (body: Uint8Array) => a.sealer.open(openJob(id, body, { as: 'reply', from: b.id }))
    expect(await reasonOf(open(forged))).toBe('undecryptable')
    expect(a.sealer.size.sessions).toBe(0)
    expect(await reasonOf(open(reply))).toBe('accepted')
    expect((await exchange(a, b)).request[0]).toBe(SESSION)
  })

  test('an answer with a small-order ephemeral key begins nothing', async () => {
    const [a, b] = await two()
    const id = nextId()
    await b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id))))
    const reply = await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack }))
    reply.fill(0, 2, 34)
    expect(await reasonOf(a.sealer.open(openJob(id, reply, { as: 'reply', from: b.id })))).toBe('undecryptable')
    expect(a.sealer.size.sessions).toBe(0)
  })

  test('when the answer was lost, a later request asks again', async () => {
    const [a, b, clock] = await two()
    const id = nextId()
    await b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id))))
    await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack }))
    await exchange(a, b)
    expect(a.sealer.size.sessions).toBe(0)
    clock.ms += 21_000
    await exchange(a, b)
    expect((await exchange(a, b)).request[0]).toBe(SESSION)
  })

  test('peers that write to each other at the same moment end with sessions that work', async () => {
    const [a, b] = await two()
    const [one, other] = [nextId(), nextId()]
    const [fromA, fromB] = [await a.sealer.seal(sealJob(b.id, one)), await b.sealer.seal(sealJob(a.id, other))]
    await b.sealer.open(openJob(one, fromA))
    await a.sealer.open(openJob(other, fromB))
    const [toA, toB] = [
      await b.sealer.seal(sealJob(a.id, one, { as: 'answer', message: ack })),
      await a.sealer.seal(sealJob(b.id, other, { as: 'answer', message: ack })),
    ]
    await a.sealer.open(openJob(one, toA, { as: 'reply', from: b.id }))
    await b.sealer.open(openJob(other, toB, { as: 'reply', from: a.id }))
    for (let round = 0; round < 5; round++) {
      expect((await exchange(a, b)).request[0]).toBe(SESSION)
      expect((await exchange(b, a)).request[0]).toBe(SESSION)
    }
  })
})

describe('what relays see', () => {
  test('no tag comes twice, in either direction or session, and all bytes but the type change', async () => {
    const [a, b] = await two()
    const tags = new Set<string>()
    let count = 0
    const repeated: number[] = []
    const previous: Record<number, Uint8Array> = {}
    for (let round = 0; round < 1500; round++) {
      const isFresh = round % 500 === 0
      for (const [index, pair] of [[a, b] as const, [b, a] as const].entries()) {
        const { request } = await exchange(...pair, { isFresh })
        if (request[0] !== SESSION) continue
        tags.add(request.subarray(1, 9).join())
        count++
        // A field that stayed the same would name the session: eight equal bytes happen once in 2^64.
        const before = previous[index]
        for (let at = 1; before && at + 8 <= 33; at++) {
          if (equalBytes(request.subarray(at, at + 8), before.subarray(at, at + 8))) repeated.push(at)
        }
        previous[index] = request
      }
    }
    expect(count).toBeGreaterThan(2900)
    expect(tags.size).toBe(count)
    expect(repeated).toEqual([])
  })

  test('replies in a session repeat nothing either', async () => {
    const [a, b] = await two()
    await exchange(a, b)
    const seen = new Set<string>()
    for (let round = 0; round < 200; round++) seen.add((await exchange(a, b)).reply.subarray(2, 10).join())
    expect(seen.size).toBe(200)
  })
})

describe('order and loss', () => {
  test('requests may overtake each other by a window', async () => {
    const [a, b] = await two()
    await exchange(a, b)
    await exchange(a, b)
    const ids = Array.from({ length: 60 }, nextId)
    const bodies: Uint8Array[] = []
    for (const id of ids) bodies.push(await a.sealer.seal(sealJob(b.id, id)))
    for (let at = ids.length - 1; at >= 0; at--) {
      expect(bodies[at]![0]).toBe(SESSION)
      expect(await reasonOf(b.sealer.open(openJob(ids[at]!, bodies[at]!)))).toBe('accepted')
    }
  })

  test('the window moves on for good: a thousand in a row', async () => {
    const [a, b] = await two()
    await exchange(a, b)
    for (let count = 0; count < 1000; count++) expect((await exchange(a, b)).request[0]).toBe(SESSION)
    expect(b.sealer.size.tags).toBeLessThanOrEqual(132)
  })

  test('a run of losses longer than the window loses the session, and a fresh request begins another', async () => {
    const [a, b] = await two()
    await exchange(a, b)
    await exchange(a, b)
    for (let lost = 0; lost < 70; lost++) await a.sealer.seal(sealJob(b.id, nextId()))
    const id = nextId()
    const body = await a.sealer.seal(sealJob(b.id, id))
    expect(await reasonOf(b.sealer.open(openJob(id, body)))).toBe('session')
    const lost = openJob(id, sessionLostBody(), { as: 'reply', from: b.id })
    expect(await reasonOf(a.sealer.open(lost))).toBe('session')
    const again = await a.sealer.seal(sealJob(b.id, id, { isFresh: true }))
    await b.sealer.open(openJob(id, again))
    const reply = await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack }))
    await a.sealer.open(openJob(id, reply, { as: 'reply', from: b.id }))
    expect((await exchange(a, b)).request[0]).toBe(SESSION)
  })

  test('a peer that was restarted says so, and one exchange later all is as before', async () => {
    const [a, b, clock] = await two()
    await exchange(a, b)
    const reborn = await createPeer(clock, nodeCrypto, { seed: b.identity.seed })
    const id = nextId()
    const body = await a.sealer.seal(sealJob(b.id, id))
    expect(await reasonOf(reborn.sealer.open(openJob(id, body)))).toBe('session')
    await exchange(a, reborn, { isFresh: true })
    expect((await exchange(a, reborn)).request[0]).toBe(SESSION)
  })

  test('a replay older than the window is refused too', async () => {
    const [a, b] = await two()
    await exchange(a, b)
    const old = await exchange(a, b)
    for (let count = 0; count < 200; count++) await exchange(a, b)
    expect(await reasonOf(b.sealer.open(openJob(old.id, old.request)))).toBe('session')
  })
})

describe('ending', () => {
  test('after ten minutes the next request begins a new session', async () => {
    const [a, b, clock] = await two()
    await exchange(a, b)
    clock.ms += SESSION_REKEY_MS - 1
    expect((await exchange(a, b)).request[0]).toBe(SESSION)
    clock.ms += 1
    expect((await exchange(a, b)).request[0]).toBe(HPKE)
    expect((await exchange(a, b)).request[0]).toBe(SESSION)
  })

  test('what was sealed in an old session opens for two minutes more', async () => {
    const table = new SessionTable(nodeCrypto)
    const other = new SessionTable(nodeCrypto)
    const { ours, theirs } = await keyPair()
    const start = 0 as Instant
    table.add({ peer: peer(1), keys: ours, isInitiator: true }, start)
    other.add({ peer: peer(2), keys: theirs, isInitiator: false }, start)
    const { tag } = table.take(peer(1), (SESSION_REKEY_MS - 1) as Instant)!
    expect(table.take(peer(1), SESSION_REKEY_MS as Instant)).toBe(null)
    expect(other.find(tag, (SESSION_RECEIVE_MS - 1) as Instant)).toMatchObject({ counter: 1, isUsed: false })
    expect(other.find(tag, SESSION_RECEIVE_MS as Instant)).toBe(null)
    expect(other.size).toEqual({ sessions: 0, tags: 0 })
  })

  test('after 65,536 requests the next begins a new session', async () => {
    const table = new SessionTable(nodeCrypto)
    table.add({ peer: peer(1), keys: (await keyPair()).ours, isInitiator: true }, 0 as Instant)
    const counters = []
    for (let taken = table.take(peer(1), 1 as Instant); taken; taken = table.take(peer(1), 1 as Instant)) {
      counters.push(taken.counter)
    }
    expect(counters.length).toBe(SESSION_REQUESTS_MAX - 1)
    expect(new Set(counters).size).toBe(counters.length)
  })

  test('isFresh leaves a running session aside', async () => {
    const [a, b] = await two()
    await exchange(a, b)
    expect((await exchange(a, b, { isFresh: true })).request[0]).toBe(HPKE)
    expect((await exchange(a, b)).request[0]).toBe(SESSION)
  })
})

describe('bounds', () => {
  test('the table holds 256 sessions, and the least recently used goes first', async () => {
    const table = new SessionTable(nodeCrypto)
    const keys = (await keyPair()).ours
    for (let number = 0; number < SESSIONS_MAX; number++)
      table.add({ peer: peer(number), keys: keys, isInitiator: true }, number as Instant)
    expect(table.take(peer(0), 300 as Instant)).not.toBe(null)
    for (let number = 1000; number < 1100; number++)
      table.add({ peer: peer(number), keys: keys, isInitiator: true }, 400 as Instant)
    expect(table.size.sessions).toBe(SESSIONS_MAX)
    expect(table.take(peer(0), 500 as Instant)).not.toBe(null)
    expect(table.take(peer(1), 500 as Instant)).toBe(null)
    expect(table.take(peer(100), 500 as Instant)).toBe(null)
    expect(table.take(peer(101), 500 as Instant)).not.toBe(null)
  })

  test('tags go with their session', async () => {
    const table = new SessionTable(nodeCrypto)
    for (let number = 0; number < 3 * SESSIONS_MAX; number++) {
      table.add({ peer: peer(number), keys: (await keyPair()).theirs, isInitiator: false }, 0 as Instant)
    }
    expect(table.size).toEqual({ sessions: SESSIONS_MAX, tags: SESSIONS_MAX * 36 })
  })
})

test('no two uses of a key share a nonce', () => {
  const seen = new Set<string>()
  for (const counter of [0, 1, 255, 256, 65_535]) {
    seen.add(requestNonce(counter).join())
    for (let index = 0; index < 256; index++) seen.add(replyNonce(counter, index).join())
  }
  expect(seen.size).toBe(5 * 257)
})

test('the two ends derive the same keys, one for each direction', async () => {
  const { ours, theirs } = await keyPair()
  const nonce = requestNonce(1)
  const text = Uint8Array.of(1, 2, 3)
  expect(await theirs.receive.open(nonce, await ours.send.seal(nonce, text, text), text)).toEqual(text)
  expect(await ours.receive.open(nonce, await theirs.send.seal(nonce, text, text), text)).toEqual(text)
  expect(await ours.receive.open(nonce, await ours.send.seal(nonce, text, text), text)).toBe(null)
  expect(ours.sendTags).toEqual(theirs.receiveTags)
  expect(ours.receiveTags).toEqual(theirs.sendTags)
  expect(ours.sendTags).not.toEqual(ours.receiveTags)
})

async function keyPair() {
  const random = () => nodeCrypto.randomBytes(32)
  const secrets = { exported: random(), shared: random(), ephemeral: random() }
  return {
    ours: await deriveSessionKeys(nodeCrypto, secrets, { isInitiator: true }),
    theirs: await deriveSessionKeys(nodeCrypto, secrets, { isInitiator: false }),
  }
}

function peer(number: number): PeerId {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, number)
  return idFromBytes<PeerId>(bytes)
}
