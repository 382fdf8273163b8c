/** The handshake over a WebSocket, here over memory channels: who gets in, and every way not to. */

import { beforeAll, describe, expect, test } from 'vitest'
import type { Frame } from '../../src/core/frames.ts'
import type { NetworkId, PeerId } from '../../src/core/ids.ts'
import {
  answerHello,
  createChallenge,
  dialHello,
  type DialerOptions,
  HelloFailed,
  transcript,
  type VerifyClaim,
} from '../../src/net/hello.ts'
import { createIdentity, type Identity, networkIdOf, verifySignature } from '../../src/net/identity.ts'
import { Link } from '../../src/net/link.ts'
import { MemoryChannel } from '../../src/net/memory.ts'
import type { ChallengeFrame, HandshakeFrame, HelloFrame } from '../../src/wire/handshake.ts'
import { framesOf, heartbeat } from './link-contract.ts'

let server: Identity
let peer: Identity
let stranger: Identity
let network: NetworkId
let otherNetwork: NetworkId
let verify: VerifyClaim

beforeAll(async () => {
  server = await createIdentity({ seed: new Uint8Array(32).fill(1) })
  peer = await createIdentity({ seed: new Uint8Array(32).fill(2) })
  stranger = await createIdentity({ seed: new Uint8Array(32).fill(3) })
  network = await networkIdOf('one')
  otherNetwork = await networkIdOf('other')
  verify = (claim) => verifySignature(server.crypto, claim)
})

const dialerOptions = (changes: Partial<DialerOptions> = {}): DialerOptions => ({
  signer: peer,
  verify,
  network,
  role: 'join',
  token: new Uint8Array([7]),
  randomBytes: (length) => new Uint8Array(length).fill(9),
  ...changes,
})

const acceptAll = () => ({ signer: server, verify, refusalOf: () => null })

/** A dialer that runs, and the other end of its link to be played by the test. */
function dial(changes: Partial<DialerOptions> = {}) {
  const [left, right] = MemoryChannel.pair()
  const link = new Link(left)
  const remote = new Link(right)
  return { link, remote, frames: framesOf(remote), result: dialHello(link, dialerOptions(changes)) }
}

const challengeOf = (signer: { id: PeerId } = server): ChallengeFrame =>
  createChallenge({ ...server, id: signer.id }, new Uint8Array(32).fill(5))

async function goodHello(
  changes: Partial<DialerOptions> = {},
): Promise<{ challenge: ChallengeFrame; hello: HelloFrame }> {
  const { remote, frames, result } = dial(changes)
  result.catch(() => {})
  const challenge = challengeOf()
  remote.send(challenge)
  const [hello] = await frames.take(1)
  return { challenge, hello: hello as HelloFrame }
}

const reasonOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'accepted',
    (error: unknown) => (error instanceof HelloFailed ? error.reason : String(error)),
  )

describe('both sides', () => {
  test('prove their ids to each other, and the link goes on without an owner', async () => {
    const { link, remote, frames, result } = dial()
    const challenge = challengeOf()
    remote.send(challenge)
    const hello = (await frames.take(1))[0] as HelloFrame
    expect(hello).toMatchObject({ kind: 'hello', peer: peer.id, network, role: 'join', token: new Uint8Array([7]) })
    remote.send(await answerHello(challenge, hello, acceptAll()))
    remote.send(heartbeat(1))
    expect(await result).toBe(server.id)
    expect([link.onFrame, link.onDown, link.isOpen]).toEqual([null, null, true])
    expect(await framesOf(link).take(1)).toEqual([heartbeat(1)])
  })
})

describe('the acceptor refuses', () => {
  test('a hello of which any signed word was changed', async () => {
    const { challenge, hello } = await goodHello()
    expect(await reasonOf(answerHello(challenge, hello, acceptAll()))).toBe('accepted')
    const changes: Partial<HelloFrame>[] = [
      { peer: stranger.id },
      { network: otherNetwork },
      { nonce: new Uint8Array(32).fill(8) },
      { role: 'visit' },
      { token: new Uint8Array([7, 0]) },
      { token: new Uint8Array() },
      { signature: hello.signature.toReversed() },
      { signature: new Uint8Array(64) },
    ]
    for (const change of changes) {
      expect(await reasonOf(answerHello(challenge, { ...hello, ...change }, acceptAll()))).toBe('signature')
    }
  })

  test('a hello that was made for another challenge or another server', async () => {
    const { challenge, hello } = await goodHello()
    const later = { ...challenge, nonce: new Uint8Array(32).fill(6) }
    expect(await reasonOf(answerHello(later, hello, acceptAll()))).toBe('signature')
    const elsewhere = { ...acceptAll(), signer: stranger }
    expect(await reasonOf(answerHello(challengeOf(stranger), hello, elsewhere))).toBe('signature')
  })

  test('another key under the same id', async () => {
    const { challenge, hello } = await goodHello({ signer: { id: peer.id, sign: (bytes) => stranger.sign(bytes) } })
    expect(await reasonOf(answerHello(challenge, hello, acceptAll()))).toBe('signature')
  })

  test('its own id, and its own welcome sent back as a hello', async () => {
    const { challenge, hello } = await goodHello()
    expect(await reasonOf(answerHello(challenge, { ...hello, peer: server.id }, acceptAll()))).toBe('self')
    const signature = await peer.sign(transcript('acceptor', challenge, hello))
    expect(await reasonOf(answerHello(challenge, { ...hello, signature }, acceptAll()))).toBe('signature')
  })

  test('whom its owner turns away, but asks the owner about nobody without a proof', async () => {
    const { challenge, hello } = await goodHello()
    const asked: PeerId[] = []
    const options = { ...acceptAll(), refusalOf: (who: { peer: PeerId }) => (asked.push(who.peer), 'token' as const) }
    expect(await reasonOf(answerHello(challenge, { ...hello, role: 'visit' }, options))).toBe('signature')
    expect(asked).toEqual([])
    expect(await reasonOf(answerHello(challenge, hello, options))).toBe('token')
    expect(asked).toEqual([peer.id])
  })
})

describe('the dialer refuses', () => {
  const afterHello = async (
    welcome: (challenge: ChallengeFrame, hello: HelloFrame) => Promise<HandshakeFrame | Frame>,
  ) => {
    const { link, remote, frames, result } = dial()
    const reason = reasonOf(result)
    const challenge = challengeOf()
    remote.send(challenge)
    remote.send(await welcome(challenge, (await frames.take(1))[0] as HelloFrame))
    expect(await reason).not.toBe('accepted')
    expect(link.isOpen).toBe(false)
    return reason
  }

  test('a welcome that somebody else has signed, or that answers another hello', async () => {
    const byStranger = { ...acceptAll(), signer: { id: server.id, sign: (bytes: Uint8Array) => stranger.sign(bytes) } }
    expect(await afterHello((challenge, hello) => answerHello(challenge, hello, byStranger))).toBe('signature')
    const replayed = await goodHello({ randomBytes: (length) => new Uint8Array(length).fill(1) })
    expect(await afterHello(() => answerHello(replayed.challenge, replayed.hello, acceptAll()))).toBe('signature')
  })

  test('its own hello sent back as a welcome', async () => {
    expect(await afterHello(async (_, hello) => ({ kind: 'welcome', signature: hello.signature }))).toBe('signature')
  })

  test('frames out of order', async () => {
    expect(await afterHello(async (challenge) => challenge)).toBe('malformed')
    expect(await afterHello(async () => heartbeat(1))).toBe('malformed')
    const { remote, result } = dial()
    remote.send({ kind: 'welcome', signature: new Uint8Array(64) })
    expect(await reasonOf(result)).toBe('malformed')
  })

  test('itself at the other end', async () => {
    const { remote, result } = dial()
    remote.send(challengeOf(peer))
    expect(await reasonOf(result)).toBe('self')
  })

  test('nothing, but hears a no, and a line that goes dead', async () => {
    const denied = dial()
    denied.remote.send({ kind: 'denied', reason: 'token' })
    await expect(denied.result).rejects.toMatchObject({ reason: 'denied', message: 'denied: token' })
    const dead = dial()
    dead.remote.close('gone')
    expect(await reasonOf(dead.result)).toBe('closed')
  })

  test('to wait longer than 5 s, whatever has come by then', async () => {
    const timers: { delayMs: number; run: () => void }[] = []
    const { link, remote, frames, result } = dial({
      after: (delayMs, run) => (timers.push({ delayMs, run }), () => {}),
    })
    remote.send(challengeOf())
    await frames.take(1)
    expect(timers.map((timer) => timer.delayMs)).toEqual([5_000])
    timers[0]!.run()
    expect(await reasonOf(result)).toBe('timeout')
    expect(link.isOpen).toBe(false)
  })
})

test('a token above 256 bytes is refused before it is signed', async () => {
  const { remote, result } = dial({ token: new Uint8Array(257) })
  remote.send(challengeOf())
  expect(await reasonOf(result)).toBe('token')
})

test('what is signed: tag and direction, ids, network, nonces, role, token', () => {
  const challenge = challengeOf()
  const hello = {
    peer: peer.id,
    network,
    nonce: new Uint8Array(32).fill(9),
    role: 'visit',
    token: new Uint8Array([7, 8]),
  } as const
  const bytes = transcript('dialer', challenge, hello)
  expect(new TextDecoder().decode(bytes.subarray(0, 23))).toBe('musubi hello 1 dialer\0\0'.replaceAll('\0', ' '))
  expect(bytes.byteLength).toBe(23 + 5 * 32 + 1 + 2)
  expect([...bytes.subarray(23 + 96, 23 + 160)]).toEqual([...challenge.nonce, ...hello.nonce])
  expect([...bytes.subarray(-3)]).toEqual([1, 7, 8])
})
