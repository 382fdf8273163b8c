/** Sealing end to end: who wrote what, for whom and when; everything else is refused under a named reason. */

import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/core/frames.ts'
import type { MessageId, PeerId } from '../../src/core/ids.ts'
import { nodeCrypto } from '../../src/net/crypto/crypto.node.ts'
import { networkIdOf, topicIdOf } from '../../src/net/identity.ts'
import { Refused, Sealer, sessionLostBody } from '../../src/net/seal.ts'
import { Envelopes } from '../../src/net/seal-envelope.ts'
import { idFromBytes } from '../../src/wire/ids.ts'
import { flipEachByte } from './bytes.ts'
import {
  ack,
  Clock,
  createPeer,
  exchange,
  hello,
  NETWORK,
  nextId,
  offer,
  openJob,
  reasonOf,
  sealJob,
  SUITES,
  verifyJob,
} from './sealing.ts'

describe.each(SUITES.map((suite) => [suite.name, suite] as const))('over %s', (_name, suite) => {
  const pair = async (clock = new Clock()) =>
    [await createPeer(clock, suite), await createPeer(clock, suite), clock] as const

  test('a request opens at its target, along whichever attempt, and names its source', async () => {
    const [a, b] = await pair()
    const id = nextId()
    const body = await a.sealer.seal(sealJob(b.id, id, { message: offer }))
    expect(await b.sealer.open(openJob(id, body, { attempt: 5 }))).toEqual({ source: a.id, message: offer })
  })

  test('a request with any byte changed is refused, and the real one still opens', async () => {
    const [a, b] = await pair()
    const id = nextId()
    const body = await a.sealer.seal(sealJob(b.id, id))
    for (const changed of flipEachByte(body)) {
      expect(['undecryptable', 'malformed']).toContain(await reasonOf(b.sealer.open(openJob(id, changed))))
    }
    expect(await reasonOf(b.sealer.open(openJob(id, body)))).toBe('accepted')
  })

  test('a request in a session with any byte changed is refused, and the real one still opens', async () => {
    const [a, b] = await pair()
    await exchange(a, b)
    const id = nextId()
    const body = await a.sealer.seal(sealJob(b.id, id))
    expect(body[0]).toBe(2)
    for (const changed of flipEachByte(body)) {
      const reason = await reasonOf(b.sealer.open(openJob(id, changed)))
      expect(['undecryptable', 'malformed', 'session']).toContain(reason)
    }
    expect(await reasonOf(b.sealer.open(openJob(id, body)))).toBe('accepted')
  })

  test('replies of all three kinds with any byte changed are refused, and the real ones still open', async () => {
    const [a, b] = await pair()
    const ids = [nextId(), nextId()] as const
    // The first asks for a session, the second comes too early to have one, the third is in it.
    const requests = [await a.sealer.seal(sealJob(b.id, ids[0])), await a.sealer.seal(sealJob(b.id, ids[1]))]
    const replies: [MessageId, Uint8Array, number][] = []
    for (const [at, type] of [5, 6].entries()) {
      await b.sealer.open(openJob(ids[at]!, requests[at]!))
      const reply = await b.sealer.seal(sealJob(a.id, ids[at]!, { as: 'answer', message: ack }))
      replies.push([ids[at]!, reply, type])
    }
    const check = async ([id, reply, type]: [MessageId, Uint8Array, number]): Promise<void> => {
      expect(reply[0]).toBe(type)
      for (const changed of flipEachByte(reply)) {
        const reason = await reasonOf(a.sealer.open(openJob(id, changed, { as: 'reply', from: b.id })))
        expect(['undecryptable', 'malformed']).toContain(reason)
      }
      const opened = await a.sealer.open(openJob(id, reply, { as: 'reply', from: b.id }))
      expect(opened).toEqual({ source: b.id, message: ack })
    }
    for (const reply of replies) await check(reply)
    const id = nextId()
    await b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id))))
    await check([id, await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack })), 4])
  })

  test('an offer that answers a lookup opens at the requester; with any byte changed it does not', async () => {
    const [a, b] = await pair()
    const id = nextId()
    const body = await b.sealer.seal(sealJob(a.id, id, { as: 'offer', message: offer }))
    for (const changed of flipEachByte(body)) {
      const reason = await reasonOf(a.sealer.open(openJob(id, changed, { as: 'reply' })))
      expect(['undecryptable', 'malformed']).toContain(reason)
    }
    expect(await a.sealer.open(openJob(id, body, { as: 'reply' }))).toEqual({ source: b.id, message: offer })
  })

  test('a broadcast names its source and its time to everybody; with any byte changed it is refused', async () => {
    const [a, b, clock] = await pair()
    const id = nextId()
    const payload = new TextEncoder().encode('to all')
    const body = await a.sealer.sign(id, payload, NETWORK)
    expect(await b.sealer.verify(verifyJob(id, body))).toEqual({ source: a.id, signedAt: clock.ms, payload })
    for (const changed of flipEachByte(body)) {
      const reason = await reasonOf(b.sealer.verify(verifyJob(id, changed)))
      expect(['signature', 'expired', 'future']).toContain(reason)
    }
  })

  test('nothing that was cut short or made longer opens', async () => {
    const [a, b] = await pair()
    const { reply: _, ...first } = await exchange(a, b)
    const id = nextId()
    const bodies = [first.request, await a.sealer.seal(sealJob(b.id, id))]
    for (const body of bodies) {
      for (let length = 0; length < body.length; length += 3) {
        expect(await reasonOf(b.sealer.open(openJob(id, body.slice(0, length))))).not.toBe('accepted')
      }
      expect(await reasonOf(b.sealer.open(openJob(id, new Uint8Array([...body, 0]))))).not.toBe('accepted')
    }
  })

  test('of two copies opened at the same time one is accepted', async () => {
    const [a, b] = await pair()
    for (const type of [1, 2]) {
      const id = nextId()
      const body = await a.sealer.seal(sealJob(b.id, id))
      expect(body[0]).toBe(type)
      const copies = [b.sealer.open(openJob(id, body)), b.sealer.open(openJob(id, body))]
      expect((await Promise.all(copies.map(reasonOf))).toSorted()).toEqual(['accepted', 'replayed'])
      const reply = await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack }))
      const openings = [0, 1].map(() => a.sealer.open(openJob(id, reply, { as: 'reply', from: b.id })))
      expect((await Promise.all(openings.map(reasonOf))).toSorted()).toEqual(['accepted', 'replayed'])
    }
  })
})

describe('suites among each other', () => {
  const pairs = SUITES.flatMap((one) => SUITES.map((other) => [one.name, other.name, one, other] as const))
  test.each(pairs)('%s and %s talk: request, answer, session, broadcast', async (_one, _other, one, other) => {
    const clock = new Clock()
    const [a, b] = [await createPeer(clock, one), await createPeer(clock, other)]
    expect((await exchange(a, b)).request[0]).toBe(1)
    expect((await exchange(a, b)).request[0]).toBe(2)
    expect((await exchange(b, a)).request[0]).toBe(2)
    const id = nextId()
    expect((await b.sealer.verify(verifyJob(id, await a.sealer.sign(id, new Uint8Array(9), NETWORK)))).source).toBe(
      a.id,
    )
  })
})

describe('what a relay can do to a sealed body', () => {
  test('under another message id it does not open', async () => {
    const [a, b] = await two()
    await exchange(a, b)
    for (const type of [1, 2]) {
      const body = await a.sealer.seal(sealJob(b.id, nextId(), { isFresh: type === 1 }))
      expect(body[0]).toBe(type)
      expect(await reasonOf(b.sealer.open(openJob(nextId(), body)))).toBe('undecryptable')
    }
  })

  test('a broadcast under another id, or with a young time in front of an old one, is refused', async () => {
    const [a, b, clock] = await two()
    const id = nextId()
    const old = await a.sealer.sign(id, new Uint8Array(3), NETWORK)
    clock.ms += 100_000
    const young = await a.sealer.sign(id, new Uint8Array(3), NETWORK)
    expect(await reasonOf(b.sealer.verify(verifyJob(nextId(), young)))).toBe('signature')
    expect(await reasonOf(b.sealer.verify(verifyJob(id, old)))).toBe('expired')
    old.set(young.subarray(32, 40), 32)
    expect(await reasonOf(b.sealer.verify(verifyJob(id, old)))).toBe('signature')
    expect(await reasonOf(b.sealer.verify(verifyJob(id, young)))).toBe('accepted')
  })

  test('at another peer it does not open', async () => {
    const [a, b, c] = await three()
    const id = nextId()
    const body = await a.sealer.seal(sealJob(b.id, id))
    expect(await reasonOf(c.sealer.open(openJob(id, body)))).toBe('undecryptable')
    await exchange(a, b)
    expect(await reasonOf(c.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id)))))).toBe('undecryptable')
  })

  test('in another network it does not open', async () => {
    const clock = new Clock()
    const a = await createPeer(clock)
    const b = await createPeer(clock, nodeCrypto, { network: 'other' })
    const id = nextId()
    expect(await reasonOf(b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id)))))).toBe('undecryptable')
    const offered = await a.sealer.seal(sealJob(b.id, id, { as: 'offer' }))
    expect(await reasonOf(b.sealer.open(openJob(id, offered, { as: 'reply' })))).toBe('undecryptable')
  })

  test('a broadcast to the network does not pass for one to a topic, nor to another network', async () => {
    const [a, b] = await two()
    const id = nextId()
    const body = await a.sealer.sign(id, new Uint8Array(3), NETWORK)
    const topic = topicIdOf('chat', NETWORK, nodeCrypto)
    expect(await reasonOf(b.sealer.verify(verifyJob(id, body, topic)))).toBe('signature')
    const other = await networkIdOf('other', nodeCrypto)
    expect(await reasonOf(b.sealer.verify(verifyJob(id, body, other)))).toBe('signature')
    const toTopic = await a.sealer.sign(id, new Uint8Array(3), topic)
    expect((await b.sealer.verify(verifyJob(id, toTopic, topic))).source).toBe(a.id)
    expect(await reasonOf(b.sealer.verify(verifyJob(id, toTopic)))).toBe('signature')
  })

  test('parts of two bodies do not make a third', async () => {
    const [a, b, c] = await three()
    await exchange(a, b)
    await exchange(a, c)
    const ids = [nextId(), nextId(), nextId()] as const
    const [one, two, elsewhere] = [
      await a.sealer.seal(sealJob(b.id, ids[0])),
      await a.sealer.seal(sealJob(b.id, ids[1])),
      await a.sealer.seal(sealJob(c.id, ids[2])),
    ]
    const splice = (head: Uint8Array, tail: Uint8Array): Uint8Array =>
      new Uint8Array([...head.subarray(0, 9), ...tail.subarray(9)])
    for (const id of ids) {
      expect(await reasonOf(b.sealer.open(openJob(id, splice(one, two))))).toBe('undecryptable')
      expect(await reasonOf(b.sealer.open(openJob(id, splice(two, one))))).toBe('undecryptable')
      expect(await reasonOf(b.sealer.open(openJob(id, splice(one, elsewhere))))).toBe('undecryptable')
    }
    expect(await reasonOf(b.sealer.open(openJob(ids[2], elsewhere)))).toBe('session')
    const [x, y] = [await a.sealer.seal(fresh(b.id, ids[0])), await a.sealer.seal(fresh(b.id, ids[1]))]
    const mixed = new Uint8Array([...x.subarray(0, 33), ...y.subarray(33)])
    for (const id of ids) expect(await reasonOf(b.sealer.open(openJob(id, mixed)))).toBe('undecryptable')
  })

  test('a request cannot pass for an offer, nor an offer for a request', async () => {
    const [a, b] = await two()
    const id = nextId()
    const request = await a.sealer.seal(sealJob(b.id, id))
    const offered = await a.sealer.seal(sealJob(b.id, id, { as: 'offer' }))
    expect(await reasonOf(b.sealer.open(openJob(id, request, { as: 'reply' })))).toBe('malformed')
    expect(await reasonOf(b.sealer.open(openJob(id, offered)))).toBe('malformed')
    const retyped = (body: Uint8Array, type: number): Uint8Array => new Uint8Array([type, ...body.subarray(1)])
    expect(await reasonOf(b.sealer.open(openJob(id, retyped(request, 3), { as: 'reply' })))).toBe('undecryptable')
    expect(await reasonOf(b.sealer.open(openJob(id, retyped(offered, 1))))).toBe('undecryptable')
  })

  test('played again it is refused, in whatever form it came', async () => {
    const [a, b] = await two()
    const { id, request, reply } = await exchange(a, b)
    expect(await reasonOf(b.sealer.open(openJob(id, request)))).toBe('replayed')
    expect(await reasonOf(a.sealer.open(openJob(id, reply, { as: 'reply', from: b.id })))).toBe('replayed')
    const again = await exchange(a, b)
    expect(again.request[0]).toBe(2)
    expect(await reasonOf(b.sealer.open(openJob(again.id, again.request)))).toBe('replayed')
    expect(await reasonOf(a.sealer.open(openJob(again.id, again.reply, { as: 'reply', from: b.id })))).toBe('replayed')
    const lookup = nextId()
    const offered = await b.sealer.seal(sealJob(a.id, lookup, { as: 'offer' }))
    await a.sealer.open(openJob(lookup, offered, { as: 'reply' }))
    expect(await reasonOf(a.sealer.open(openJob(lookup, offered, { as: 'reply' })))).toBe('replayed')
  })

  test('a reply to one request does not answer another', async () => {
    const [a, b] = await two()
    const first = await exchange(a, b)
    const second = await exchange(a, b)
    const third = await exchange(a, b)
    const swap = (id: MessageId, body: Uint8Array) => a.sealer.open(openJob(id, body, { as: 'reply', from: b.id }))
    expect(await reasonOf(swap(second.id, first.reply))).toBe('malformed')
    // Index 0 of that request has been opened; make it look like a second reply.
    const moved = third.reply.slice()
    moved[1] = 1
    expect(await reasonOf(swap(second.id, moved))).toBe('undecryptable')
    expect(await reasonOf(swap(nextId(), third.reply))).toBe('expired')
  })

  test('a reply is believed only from the peer that was asked', async () => {
    const [a, b, c] = await three()
    const id = nextId()
    await b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id))))
    const reply = await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack }))
    expect(await reasonOf(a.sealer.open(openJob(id, reply, { as: 'reply', from: c.id })))).toBe('target')
  })
})

describe('what a member can do', () => {
  test('write in another name: refused', async () => {
    const [a, b, mallory] = await three()
    const posing = await sealerAs(mallory, { ...mallory.identity, publicKey: a.identity.publicKey })
    const id = nextId()
    expect(await reasonOf(b.sealer.open(openJob(id, await posing.seal(sealJob(b.id, id)))))).toBe('signature')
    const offered = await posing.seal(sealJob(b.id, id, { as: 'offer' }))
    expect(await reasonOf(b.sealer.open(openJob(id, offered, { as: 'reply' })))).toBe('signature')
    expect(await reasonOf(b.sealer.verify(verifyJob(id, await posing.sign(id, new Uint8Array(3), NETWORK))))).toBe(
      'signature',
    )
  })

  test('seal a message that it received on to somebody else: refused', async () => {
    const [a, mallory, c] = await three()
    let captured = new Uint8Array()
    const recording = await sealerAs(a, {
      ...a.identity,
      sign: async (bytes) => (captured = new Uint8Array(await a.identity.sign(bytes))),
    })
    const id = nextId()
    await recording.seal(sealJob(mallory.id, id))
    const posing = await sealerAs(mallory, { ...a.identity, sign: async () => captured })
    expect(await reasonOf(c.sealer.open(openJob(id, await posing.seal(sealJob(c.id, id)))))).toBe('signature')
  })

  test('take a small-order id, for which everybody knows the secret: nobody writes to it', async () => {
    const a = await createPeer(new Clock())
    for (const first of [0, 1]) {
      const target = idFromBytes<PeerId>(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? first : 0)))
      expect(await reasonOf(a.sealer.seal(sealJob(target, nextId())))).toBe('target')
      expect(await reasonOf(a.sealer.seal(sealJob(target, nextId(), { as: 'offer' })))).toBe('target')
    }
  })

  test('set flags that have no meaning: refused', async () => {
    const [a, b, clock] = await two()
    const network = await networkIdOf('test')
    const envelopes = new Envelopes({ identity: a.identity, network, crypto: nodeCrypto, now: () => clock.ms })
    for (const [flags, expected] of [
      [0, 'accepted'],
      [1, 'accepted'],
      [2, 'malformed'],
      [255, 'malformed'],
    ] as const) {
      const id = nextId()
      const { body } = await envelopes.seal(1, sealJob(b.id, id), flags)
      expect(await reasonOf(b.sealer.open(openJob(id, body)))).toBe(expected)
    }
  })

  test('send garbage of any length: refused, and nothing else is thrown', async () => {
    const [a, b] = await two()
    await exchange(a, b)
    const id = nextId()
    await a.sealer.seal(sealJob(b.id, id))
    for (let length = 0; length < 300; length++) {
      const body = nodeCrypto.randomBytes(length)
      for (const type of [0, 1, 2, 3, 4, 5, 6, 0xff]) {
        if (length > 0) body[0] = type
        expect(await reasonOf(b.sealer.open(openJob(id, body)))).not.toBe('accepted')
        expect(await reasonOf(b.sealer.open(openJob(id, body, { as: 'reply' })))).not.toBe('accepted')
        expect(await reasonOf(a.sealer.open(openJob(id, body, { as: 'reply', from: b.id })))).not.toBe('accepted')
        expect(await reasonOf(b.sealer.verify(verifyJob(id, body)))).not.toBe('accepted')
      }
    }
    const noBytes = { byteLength: 200 } as Uint8Array
    expect(await reasonOf(b.sealer.open(openJob(id, noBytes)))).toBe('malformed')
    expect(await reasonOf(b.sealer.verify(verifyJob(id, noBytes)))).toBe('malformed')
  })
})

describe('replies', () => {
  test('one request may have several, in any order', async () => {
    const [a, b] = await two()
    const id = nextId()
    await b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id, { message: offer }))))
    const signal: Message = { kind: 'signal', exchange: nextId() as never, signal: new Uint8Array(5) }
    const replies = [
      await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack })),
      await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: signal })),
      await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: signal, attempt: 3 })),
    ]
    const open = (body: Uint8Array) => a.sealer.open(openJob(id, body, { as: 'reply', from: b.id }))
    expect((await open(replies[2]!)).message).toEqual(signal)
    expect((await open(replies[0]!)).message).toEqual(ack)
    expect((await open(replies[1]!)).message).toEqual(signal)
    expect(await reasonOf(open(replies[1]!))).toBe('replayed')
  })

  test('a lookup may get an offer and then candidates, from one peer or from several', async () => {
    const [a, b, c] = await three()
    const lookup = nextId()
    for (const peer of [b, b, c]) {
      const body = await peer.sealer.seal(sealJob(a.id, lookup, { as: 'offer', message: offer }))
      expect(await a.sealer.open(openJob(lookup, body, { as: 'reply' }))).toEqual({ source: peer.id, message: offer })
      expect(await reasonOf(a.sealer.open(openJob(lookup, body, { as: 'reply' })))).toBe('replayed')
    }
  })

  test('a request sealed twice under one id is opened once', async () => {
    const [a, b] = await two()
    const id = nextId()
    const bodies = [await a.sealer.seal(fresh(b.id, id)), await a.sealer.seal(fresh(b.id, id))]
    expect(await reasonOf(b.sealer.open(openJob(id, bodies[1]!)))).toBe('accepted')
    expect(await reasonOf(b.sealer.open(openJob(id, bodies[0]!)))).toBe('replayed')
  })

  test('the reply to a request that was sealed again in the same form opens', async () => {
    const [a, b] = await two()
    await exchange(a, b)
    const id = nextId()
    await a.sealer.seal(sealJob(b.id, id))
    const again = await a.sealer.seal(sealJob(b.id, id))
    expect(again[0]).toBe(2)
    await b.sealer.open(openJob(id, again))
    const reply = await b.sealer.seal(sealJob(a.id, id, { as: 'answer', message: ack }))
    expect(await reasonOf(a.sealer.open(openJob(id, reply, { as: 'reply', from: b.id })))).toBe('accepted')
  })

  test('the 257th to one request cannot be sealed', async () => {
    const [a, b] = await two()
    const id = nextId()
    await b.sealer.open(openJob(id, await a.sealer.seal(sealJob(b.id, id))))
    const job = sealJob(a.id, id, { as: 'answer', message: ack })
    const bodies = new Set<string>()
    for (let count = 0; count < 256; count++) bodies.add((await b.sealer.seal(job)).join())
    expect(bodies.size).toBe(256)
    expect(await reasonOf(b.sealer.seal(job))).toBe('expired')
  })

  test('a request that we never opened cannot be answered', async () => {
    const [a, b] = await two()
    expect(await reasonOf(b.sealer.seal(sealJob(a.id, nextId(), { as: 'answer' })))).toBe('expired')
  })

  test('two sources that use the same id each get their own', async () => {
    const [a, b, c] = await three()
    const id = nextId()
    for (const peer of [a, c]) await b.sealer.open(openJob(id, await peer.sealer.seal(sealJob(b.id, id))))
    for (const peer of [a, c]) {
      const reply = await b.sealer.seal(sealJob(peer.id, id, { as: 'answer', message: ack }))
      expect(await reasonOf(peer.sealer.open(openJob(id, reply, { as: 'reply', from: b.id })))).toBe('accepted')
    }
  })
})

test('no body shows its source: no eight bytes in a row of any of its keys', async () => {
  const [a, b] = await two()
  const secrets = [a, b].flatMap((peer) => [peer.identity.publicKey, peer.identity.dhKey.publicKey])
  const runs = (bytes: Uint8Array) =>
    Array.from({ length: bytes.length - 7 }, (_, at) => bytes.subarray(at, at + 8).join())
  const telling = new Set(secrets.flatMap(runs))
  for (let round = 0; round < 40; round++) {
    const { request, reply } = await exchange(a, b, { isFresh: round % 2 === 0, message: offer })
    const offered = await a.sealer.seal(sealJob(b.id, nextId(), { as: 'offer', message: offer }))
    expect([request, reply, offered].flatMap(runs).filter((run) => telling.has(run))).toEqual([])
  }
})

test('a refusal is an error that carries its reason', () => {
  const refused = new Refused('expired')
  expect(refused).toBeInstanceOf(Error)
  expect([refused.name, refused.reason, refused.message]).toEqual(['Refused', 'expired', 'refused: expired'])
})

test('"no such session" is one byte, believed only for requests in a session', async () => {
  const [a, b] = await two()
  const id = nextId()
  const lost = openJob(id, sessionLostBody(), { as: 'reply', from: b.id })
  expect(sessionLostBody()).toEqual(Uint8Array.of(0xff))
  await a.sealer.seal(sealJob(b.id, id))
  expect(await reasonOf(a.sealer.open(lost))).toBe('malformed')
  await exchange(a, b)
  await a.sealer.seal(sealJob(b.id, id))
  expect(await reasonOf(a.sealer.open(lost))).toBe(a.sealer.size.sessions === 1 ? 'session' : 'malformed')
})

function fresh(target: PeerId, id: MessageId) {
  return sealJob(target, id, { isFresh: true, message: hello })
}

async function two() {
  const clock = new Clock()
  return [await createPeer(clock), await createPeer(clock), clock] as const
}

async function three() {
  const clock = new Clock()
  return [await createPeer(clock), await createPeer(clock), await createPeer(clock)] as const
}

type TestIdentity = Awaited<ReturnType<typeof createPeer>>['identity']

async function sealerAs(_peer: unknown, identity: TestIdentity): Promise<Sealer> {
  const clock = new Clock()
  return new Sealer({ identity, network: await networkIdOf('test'), crypto: nodeCrypto, now: () => clock.ms })
}
