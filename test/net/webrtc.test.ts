/** Exchanges on real WebRTC: links and calls over both stacks, and what a hostile path gets out of tampering. */

import wrtcModule from '@roamhq/wrtc'
import { describe, expect, test } from 'vitest'
import { CANDIDATES_MAX, parseCandidate } from '../../src/net/candidate.ts'
import { createIdentity } from '../../src/net/identity.ts'
import { encodeCandidates } from '../../src/net/signal.ts'
import { SETUPS_MAX } from '../../src/net/webrtc.ts'
import type { Crossing, Side, Stack } from './exchange-kit.ts'
import { connect, connectionOf, createSides, loadStack } from './exchange-kit.ts'
import { framesOf, numberOf, turns, unicast } from './link-contract.ts'

const stacks = {
  '@roamhq/wrtc': await loadStack('@roamhq/wrtc'),
  'node-datachannel': await loadStack('node-datachannel'),
}
const wrtc = stacks['@roamhq/wrtc']
const PAIRS: [Stack, Stack][] = [
  ['@roamhq/wrtc', '@roamhq/wrtc'],
  ['@roamhq/wrtc', 'node-datachannel'],
  ['node-datachannel', '@roamhq/wrtc'],
  ['node-datachannel', 'node-datachannel'],
]

describe('links', () => {
  test.each(PAIRS)('%s offers, %s answers: a proven, secure link in four messages at most', async (left, right) => {
    const [offerer, answerer] = await createSides({ wrtc: stacks[left] }, { wrtc: stacks[right] })
    const crossings = record(offerer, answerer)
    const [a, b] = await connect(offerer, answerer)
    const atB = framesOf(b)
    const atA = framesOf(a)
    a.send(unicast(1, 1000))
    b.send(unicast(2, 1000))
    expect([(await atB.take(1)).map(numberOf), (await atA.take(1)).map(numberOf)]).toEqual([[1], [2]])
    expect(a.channel).toMatchObject({ transport: 'webrtc', isSecure: true })
    expect(crossings.map(({ kind }) => kind).slice(0, 2)).toEqual(['offer', 'answer'])
    expect(crossings.length).toBeLessThanOrEqual(4)
    expect(Math.max(...crossings.map(({ bytes }) => bytes.byteLength))).toBeLessThan(300)
    expect([offerer.exchanges.counts, answerer.exchanges.counts]).toEqual([NOTHING, NOTHING])
    a.close('done')
  })

  test('the same two can have many links, one after the other and at once', async () => {
    const sides = await createSides({ wrtc })
    const links = await Promise.all(Array.from({ length: 6 }, () => connect(...sides)))
    const more = await connect(...sides)
    expect(new Set([...links, more].flat()).size).toBe(14)
    for (const [left] of [...links, more]) left.close('done')
  })

  test('too many at once are refused, by name and one by one', async () => {
    const [offerer, answerer] = await createSides({ wrtc })
    offerer.path = () => null
    const ids = Array.from({ length: SETUPS_MAX + 2 }, () => offerer.offer('link'))
    expect(await Promise.all([offerer.next(), offerer.next()])).toEqual([{ failed: 'busy' }, { failed: 'busy' }])
    expect(offerer.exchanges.counts.setups).toBe(SETUPS_MAX)
    ids.forEach((id) => offerer.exchanges.abandon(id))
    expect(offerer.exchanges.counts).toEqual(NOTHING)
    expect(answerer.exchanges.counts).toEqual(NOTHING)
  })

  test('an abandoned exchange says nothing more', async () => {
    const [offerer, answerer] = await createSides({ wrtc })
    const crossings = record(offerer, answerer)
    const id = offerer.offer('link')
    offerer.exchanges.abandon(id)
    offerer.exchanges.acceptAnswer(id, new Uint8Array(3))
    offerer.exchanges.addSignal(id, new Uint8Array(3))
    await turns(30)
    expect(crossings).toEqual([])
    expect(offerer.ends).toEqual([])
  })

  test.each(PAIRS.slice(0, 3))(
    '%s offers, %s answers: names that browsers hide behind do no harm',
    async (left, right) => {
      const [offerer, answerer] = await createSides({ wrtc: stacks[left] }, { wrtc: stacks[right] })
      const hidden = parseCandidate(
        'candidate:1 1 udp 2113937151 1da91d9b-ce5a-40e0-a85f-5e0e1888ab3b.local 45070 typ host',
      )!
      const id = offerer.offer('link')
      answerer.path = ({ kind, bytes }) => {
        if (kind === 'answer')
          [offerer, answerer].forEach((side) => side.exchanges.addSignal(id, encodeCandidates([hidden])))
        return bytes
      }
      const ends = await Promise.all([offerer.next(), answerer.next()])
      expect(ends.every((end) => 'link' in end)).toBe(true)
      for (const end of ends) if ('link' in end) end.link.close('done')
    },
  )
})

describe('a hostile path', () => {
  // A candidate's priority: the description stays good, and ICE still finds a way.
  const priority = (bytes: Uint8Array) => changed(bytes, bytes.byteLength - 9)

  test.each(['offer', 'answer'] as const)('that changes a harmless byte of the %s is found out', async (kind) => {
    const sides = await createSides({ wrtc })
    tamper(sides, kind, priority)
    await expectRefused(sides, 'proof signature')
  })

  test.each(['offer', 'answer'] as const)(
    'that truncates the %s, or sends something else, is found out at once',
    async (kind) => {
      const [offerer, answerer] = await createSides({ wrtc })
      tamper([offerer, answerer], kind, (bytes) => bytes.slice(0, -1))
      offerer.offer('link')
      const victim = kind === 'offer' ? answerer : offerer
      expect(await victim.next()).toEqual({ failed: expect.stringMatching(/^malformed/) })
      expect(victim.exchanges.failures.malformed).toBe(1)
      offerer.exchanges.close()
      answerer.exchanges.close()
    },
  )

  test('that puts its own certificate into the answer gets no connection', async () => {
    const [offerer, answerer] = await createSides({ wrtc })
    // The fingerprint stands behind form, type, role, and ICE credentials of 1 + 4 and 1 + 24 bytes.
    tamper([offerer, answerer], 'answer', (bytes) => changed(bytes, 3 + 5 + 25))
    offerer.offer('link')
    // DTLS fails, but not every stack says so: the core gives up after ten seconds. Honest peers need one for each link.
    const [link] = await connect(...(await createSides({ wrtc })))
    await turns(50)
    link.close('done')
    const ends = [...offerer.ends, ...answerer.ends]
    expect(ends.filter((end) => !('failed' in end && end.failed.startsWith('stack')))).toEqual([])
    offerer.exchanges.close()
    answerer.exchanges.close()
  })

  test('that answers in the name of another is refused: the id is not its own', async () => {
    const [offerer, answerer] = await createSides({ wrtc })
    const stranger = await createIdentity()
    offerer.offer('link', stranger.id)
    expect(await offerer.next()).toEqual({ failed: expect.stringMatching(/^proof (?:signature|denied)/) })
    expect(await answerer.next()).toEqual({ failed: expect.stringMatching(/^proof (?:signature|denied)/) })
  })

  test('that joins two networks is refused', async () => {
    const sides = await createSides({ wrtc, network: 'one' }, { wrtc, network: 'two' })
    await expectRefused(sides, 'proof signature')
  })

  test('that replays the offer of an earlier exchange gets an answer that proves nothing', async () => {
    const [offerer, answerer] = await createSides({ wrtc })
    let first: Uint8Array | null = null
    offerer.path = ({ kind, bytes }) => (kind === 'offer' ? (first ??= bytes) : bytes)
    const [link] = await connect(offerer, answerer)
    link.close('done')
    const id = offerer.offer('link')
    await turns(60)
    // ICE finds nobody with the old credentials; the core would give up after ten seconds.
    expect(offerer.ends).toEqual([])
    expect(offerer.exchanges.counts.setups).toBe(1)
    offerer.exchanges.abandon(id)
    answerer.exchanges.close()
  })

  test('that floods good candidates gets two batches of them to the native stack', async () => {
    let added = 0
    const counting = (config?: RTCConfiguration) => {
      const native = new wrtc.RTCPeerConnection(config)
      const add = native.addIceCandidate.bind(native)
      native.addIceCandidate = (candidate?: RTCIceCandidateInit | null) => (added++, add(candidate))
      return native
    }
    const RTCPeerConnection = new Proxy(wrtc.RTCPeerConnection, { construct: (_, [config]) => counting(config) })
    const [offerer, answerer] = await createSides({ wrtc }, { wrtc: { ...wrtc, RTCPeerConnection } })
    const lines = Array.from({ length: CANDIDATES_MAX }, (_, i) => `candidate:1 1 udp 1 127.0.0.1 ${9000 + i} typ host`)
    const batch = encodeCandidates(lines.map((line) => parseCandidate(line)!))
    answerer.path = () => null
    const id = offerer.offer('link')
    await crossed(offerer, 'offer')
    await turns(1)
    for (let i = 0; i < 10; i++) answerer.exchanges.addSignal(id, batch)
    await turns(50)
    expect(added).toBe(2 * CANDIDATES_MAX)
    offerer.exchanges.close()
    answerer.exchanges.close()
  })

  test('that floods signals of all kinds changes nothing', async () => {
    const [offerer, answerer] = await createSides({ wrtc })
    offerer.path = ({ kind, bytes }) => {
      if (kind === 'offer') queueMicrotask(() => noise(answerer))
      return bytes
    }
    const noise = (side: Side) => {
      const id = ids.at(-1)!
      for (let i = 0; i < 300; i++) side.exchanges.addSignal(id, crypto.getRandomValues(new Uint8Array(i % 40)))
    }
    const ids = [offerer.offer('link')]
    const [a, b] = await Promise.all([offerer.next(), answerer.next()])
    expect([a, b].every((end) => 'link' in end)).toBe(true)
    if ('link' in a) a.link.close('done')
  })
})

describe('calls', () => {
  test.each(PAIRS)(
    '%s to %s: plain simple-peer instances, not a byte lost before anybody listens',
    async (left, right) => {
      const [caller, callee] = await createSides({ wrtc: stacks[left] }, { wrtc: stacks[right] })
      const [a, b] = await call(caller, callee)
      a.send('first')
      a.send(new Uint8Array(100_000).fill(7))
      await turns(50)
      const received: Buffer[] = []
      const isWhole = new Promise<void>((resolve) => {
        b.on('data', (chunk: Buffer) => {
          received.push(chunk)
          if (Buffer.concat(received).byteLength === 5 + 100_000) resolve()
        })
      })
      await isWhole
      expect(received[0]!.toString()).toBe('first')
      expect(
        Buffer.concat(received)
          .subarray(5)
          .every((byte) => byte === 7),
      ).toBe(true)
      a.destroy()
      expect(await callee.next()).toEqual({ failed: expect.stringMatching(/^stack/) })
      expect([caller.exchanges.counts, callee.exchanges.counts]).toEqual([NOTHING, NOTHING])
    },
  )

  test('carry media both ways; streams that came early reach whoever listens late', async () => {
    const [caller, callee] = await createSides({ wrtc, streams: [audio()] }, { wrtc, streams: [audio()] })
    const crossings = record(caller, callee)
    const [a, b] = await call(caller, callee)
    await turns(5)
    const [atA, atB] = await Promise.all([streamOf(a), streamOf(b)])
    expect([atA.getAudioTracks().length, atB.getAudioTracks().length]).toEqual([1, 1])
    expect(Math.max(...crossings.map(({ bytes }) => bytes.byteLength))).toBeLessThan(12 * 1024)
    a.destroy()
    await callee.next()
  })

  test('renegotiate when a stream is added later, through signals', async () => {
    const [caller, callee] = await createSides({ wrtc })
    const [a, b] = await call(caller, callee)
    a.addStream(audio())
    expect((await streamOf(b)).getAudioTracks()).toHaveLength(1)
    // Only the initiator may offer: the other side has to ask it.
    b.addStream(audio())
    expect((await streamOf(a)).getAudioTracks()).toHaveLength(1)
    b.destroy()
    await caller.next()
  })

  test('of a stranger are refused like links', async () => {
    const sides = await createSides({ wrtc, network: 'one' }, { wrtc, network: 'two' })
    sides[0].offer('call')
    const ends = await Promise.all(sides.map((side) => side.next()))
    expect(ends.every((end) => 'failed' in end)).toBe(true)
    expect(
      sides[0].exchanges.failures['proof signature'] + sides[1].exchanges.failures['proof signature'],
    ).toBeGreaterThan(0)
  })

  test('that are hung up say so once, and no hook follows', async () => {
    const [caller, callee] = await createSides({ wrtc })
    const id = caller.offer('call')
    await Promise.all([caller.next(), callee.next()])
    caller.exchanges.abandon(id)
    expect(await callee.next()).toEqual({ failed: expect.stringMatching(/^stack/) })
    await turns(20)
    expect(caller.ends).toEqual([])
  })
})

const NOTHING = { setups: 0, calls: 0 }

async function call(caller: Side, callee: Side) {
  caller.offer('call')
  const [a, b] = await Promise.all([caller.next(), callee.next()])
  return [connectionOf(a), connectionOf(b)] as const
}

/** Resolves when a side's message of that kind is on its way. */
function crossed(side: Side, kind: Crossing['kind']): Promise<void> {
  return new Promise((resolve) => {
    side.path = (crossing) => {
      if (crossing.kind === kind) resolve()
      return crossing.bytes
    }
  })
}

function record(...sides: Side[]): Crossing[] {
  const crossings: Crossing[] = []
  for (const side of sides) {
    side.path = (crossing) => {
      crossings.push(crossing)
      return crossing.bytes
    }
  }
  return crossings
}

function tamper(sides: Side[], kind: Crossing['kind'], change: (bytes: Uint8Array) => Uint8Array): void {
  for (const side of sides) side.path = (crossing) => (crossing.kind === kind ? change(crossing.bytes) : crossing.bytes)
}

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at]! ^= 1
  return copy
}

/** Neither side gets a link, and at least one knows exactly why. */
async function expectRefused(sides: Side[], reason: 'proof signature'): Promise<void> {
  sides[0]!.offer('link')
  const ends = await Promise.all(sides.map((side) => side.next()))
  const isOver = (end: (typeof ends)[number]) => 'failed' in end || !('link' in end) || !end.link.isOpen
  await turns(20)
  expect(ends.every(isOver)).toBe(true)
  expect(sides.reduce((sum, side) => sum + side.exchanges.failures[reason], 0)).toBeGreaterThan(0)
}

/** A stream with one silent audio track. */
function audio(): MediaStream {
  const { nonstandard, MediaStream } = wrtcModule as unknown as {
    nonstandard: { RTCAudioSource: new () => { createTrack(): MediaStreamTrack } }
    MediaStream: new () => MediaStream
  }
  const stream = new MediaStream()
  stream.addTrack(new nonstandard.RTCAudioSource().createTrack())
  return stream
}

const streamOf = (peer: {
  once(name: 'stream', listener: (stream: MediaStream) => void): unknown
}): Promise<MediaStream> => new Promise((resolve) => peer.once('stream', resolve))
