/**
 * The browser build of simple-peer (src/net/simple-peer) beside the bundle that simple-peer ships: the same class to
 * whoever gets an instance from `dial`, and the same Buffers to whoever listens to its data.
 */

import SimplePeer from '#simple-peer'
import type { Instance } from 'simple-peer'
// @ts-expect-error: it has no types of its own.
import Shipped from 'simple-peer/simplepeer.min.js'
import { beforeAll, describe, expect, test, vi } from 'vitest'

type Class = typeof SimplePeer
const BUILDS: readonly (readonly [string, Class])[] = [
  ['ours', SimplePeer],
  ['the one that simple-peer ships', Shipped as Class],
]

// As `dial` does before an application gets its instance (src/net/exchange.ts).
await (SimplePeer as unknown as { complete(): Promise<void> }).complete()

/** Of readable-stream, but not for who has an instance: `wrap` makes another stream the source of this one. */
const LEFT_OUT = ['wrap: function']

/** Every name on the class and up its prototypes, with its type. Those of the stream that begin with `_` are its own. */
function shapeOf(peerClass: Class): string[] {
  const names = new Set<string>()
  for (let at: object = peerClass.prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (at === peerClass.prototype || !name.startsWith('_')) names.add(`${name}: ${typeof value}`)
    }
  }
  for (const name of LEFT_OUT) names.delete(name)
  const statics = Object.entries(Object.getOwnPropertyDescriptors(peerClass))
  return [...names, ...statics.map(([name, { value }]) => `static ${name}: ${typeof value}`)].toSorted()
}

async function connectPair(Peer: Class): Promise<[Instance, Instance]> {
  const pair: [Instance, Instance] = [new Peer({ initiator: true, config: {} }), new Peer({ config: {} })]
  const [one, other] = pair
  // The other end's `destroy` arrives as an error now and then, which without a listener would be the page's.
  for (const peer of pair) peer.on('error', () => {})
  one.on('signal', (data) => other.signal(data))
  other.on('signal', (data) => one.signal(data))
  await Promise.all(pair.map((peer) => new Promise((resolve) => peer.once('connect', resolve))))
  return pair
}

const next = <T>(peer: Instance, event: string): Promise<T> => new Promise((resolve) => peer.once(event, resolve))

/** What a build makes of these bytes on their way to the other end. */
async function received(Peer: Class, bytes: Uint8Array): Promise<Buffer> {
  const [one, other] = await connectPair(Peer)
  const came = next<Buffer>(other, 'data')
  one.send(bytes)
  const data = await came
  one.destroy()
  return data
}

/** The class of the error that comes of it. */
function failure(run: () => unknown): string {
  try {
    return `no failure: ${String(run())}`
  } catch (error) {
    return (error as Error).name
  }
}

/** All names that an object has or inherits, Object's own excepted. */
function namesOf(value: object): string[] {
  const names = new Set<string>()
  for (let at = value; at && at !== Object.prototype && at !== Function.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name)
  }
  return [...names]
}

test('both builds have the same methods, accessors and statics', () => {
  expect(shapeOf(SimplePeer)).toEqual(shapeOf(Shipped as Class))
})

describe('the Buffers of both builds', () => {
  const sent = Uint8Array.from([...new TextEncoder().encode('héllo €, 𝄞!'), 0, 1, 2, 250, 251, 252, 253, 254, 255])
  let ours: Buffer, shipped: Buffer
  beforeAll(async () => {
    ;[ours, shipped] = await Promise.all([received(SimplePeer, sent), received(Shipped as Class, sent)])
  })

  test('ours has all that the shipped has, but for what depends on how it was written', () => {
    const have = (data: Buffer) => ({ own: namesOf(data.constructor.prototype), statics: namesOf(data.constructor) })
    expect(have(ours).own).toEqual(expect.arrayContaining(have(shipped).own))
    const statics = have(shipped).statics.filter(
      (name) => !/^(poolSize|TYPED_ARRAY_SUPPORT|arguments|caller)$/.test(name),
    )
    expect(have(ours).statics).toEqual(expect.arrayContaining(statics))
  })

  test.each<[title: string, use: (data: Buffer, Class: typeof Buffer) => unknown]>([
    ['text', (data) => `${String(data)}|${data.toString()}|${data.toString('utf8', 1, 6)}|${data.toString('latin1')}`],
    ['other encodings', (data) => (['hex', 'base64', 'ascii', 'ucs2'] as const).map((name) => data.toString(name))],
    ['JSON', (data) => JSON.parse(JSON.stringify(data)) as unknown],
    ['reading JSON back', (data, Class) => Class.from(JSON.parse(JSON.stringify(data)) as number[]).equals(data)],
    ['unsigned', (data) => [data.readUInt8(1), data.readUInt16LE(2), data.readUInt32BE(3), data.readUIntBE(4, 6)]],
    ['signed', (data) => [data.readInt8(1), data.readInt16BE(2), data.readInt32LE(3), data.readIntLE(20, 3)]],
    ['fractions', (data) => [data.readDoubleBE(5), data.readDoubleLE(18), data.readFloatBE(1), data.readFloatLE(2)]],
    ['search', (data) => [data.indexOf('€'), data.lastIndexOf('l'), data.includes('no'), data.indexOf(255, -3)]],
    [
      'order',
      (data, Class) => [data.compare(Class.from('hz')), data.equals(Class.from(data)), Class.compare(data, data)],
    ],
    ['joining', (data, Class) => [...Class.concat([data.subarray(0, 2), Class.from('2b2d', 'hex'), data], 20)]],
    ['writing', (_, Class) => [Class.alloc(8).write('€€€'), Class.alloc(4, 'ab').fill('hi', 1, 3).toString()]],
    ['numbers written', (data, Class) => [Class.from(data).writeInt16BE(-2, 1), data.readInt16BE(1)]],
    ['copying', (data, Class) => [data.copy(Class.alloc(9), 5, 1), Class.from(data).swap16().toString('hex')]],
    [
      'a class',
      (data, Class) => [Class.isBuffer(data), Class.isBuffer(sent), Class.byteLength('€'), Class.isEncoding('hex')],
    ],
    [
      'an array',
      (data) => [data.length, data[1], [...data.subarray(1, 3)], [...data.map((byte) => byte + 1)], data.at(-1)],
    ],
    ['a bad number', (data) => failure(() => data.readUInt32BE(sent.length - 3))],
    ['a bad encoding', (data) => failure(() => data.toString('utf9' as 'utf8'))],
    ['a bad argument', (data) => failure(() => data.equals('text' as unknown as Buffer))],
  ])('used for %s, both answer the same', (_, use) => {
    const answers = [ours, shipped].map((data) => use(data, data.constructor as typeof Buffer))
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]).toBeDefined()
  })

  test('are Buffers of one another, and views of the memory that came', () => {
    for (const [data, other] of [
      [ours, shipped],
      [shipped, ours],
    ] as const) {
      const Other = other.constructor as typeof Buffer
      expect([Other.isBuffer(data), other.equals(data), Other.concat([data, other]).length]).toEqual([true, true, 52])
      for (const part of [data.slice(-2), data.subarray(-2)]) {
        expect([Other.isBuffer(part), part.buffer === data.buffer, part.toString('hex')]).toEqual([true, true, 'feff'])
      }
    }
  })
})

describe.each(BUILDS)('the build: %s', (_, Peer) => {
  const connect = () => connectPair(Peer)

  test('gives data as Buffers with all their methods, whatever was sent', async () => {
    const [one, other] = await connect()
    for (const sent of ['héllo', new TextEncoder().encode('héllo'), new TextEncoder().encode('héllo').buffer]) {
      const came = next<Buffer>(other, 'data')
      one.send(sent)
      const data = await came
      expect(data.toString('hex')).toBe('68c3a96c6c6f')
      expect([data.readUInt16BE(0), data.indexOf('llo'), data.toString('base64')]).toEqual([0x68c3, 3, 'aMOpbGxv'])
    }
    one.destroy()
  })

  test('cuts and joins what came to what is read, and sends it on', async () => {
    const [one, other] = await connect()
    one.send('abcdef')
    one.send('ghi')
    await vi.waitUntil(() => other.readableLength === 9)
    const parts = [other.read(2), other.read(5), other.read()] as Buffer[]
    expect(parts.map(String)).toEqual(['ab', 'cdefg', 'hi'])
    const back = next<Buffer>(one, 'data')
    other.write(parts[1])
    expect((await back).equals(parts[1]!)).toBe(true)
    one.destroy()
  })

  test('is a duplex stream: writes, encodings, back-pressure, async iteration, end', async () => {
    const [one, other] = await connect()
    other.setEncoding('utf8')
    const chunks: string[] = []
    const reading = (async () => {
      for await (const chunk of other) chunks.push(chunk as string)
    })()
    // The two bytes of "é" in two chunks: a decoder keeps the first.
    one.write(Uint8Array.of(0x68, 0xc3))
    one.write(Uint8Array.of(0xa9))
    await new Promise<void>((resolve) => one.write('x'.repeat(200_000).slice(0, 16_000), () => resolve()))
    one.end()
    await reading.catch(() => {})
    expect(chunks.join('')).toBe(`hé${'x'.repeat(16_000)}`)
    expect([one.readableHighWaterMark, one.writableHighWaterMark]).toEqual([16_384, 16_384])
  })

  test('is piped from and to, at the pace of the slower', async () => {
    const [one, other] = await connect()
    // Everything comes back.
    other.pipe(other)
    let length = 0
    one.on('data', (chunk: Uint8Array) => (length += chunk.length))
    for (let count = 0; count < 40; count++) {
      const isRoom = one.write(new Uint8Array(16_000))
      if (!isRoom) await next(one, 'drain')
    }
    await vi.waitUntil(() => length === 640_000, { timeout: 10_000 })
    expect([one.writableLength, other.readableLength]).toEqual([0, 0])
    one.destroy()
  })

  test('pauses, and gives what came meanwhile when it is resumed', async () => {
    const [one, other] = await connect()
    const chunks: string[] = []
    other.on('data', (chunk) => chunks.push(String(chunk)))
    other.pause()
    for (const text of ['a', 'b', 'c']) one.send(text)
    await vi.waitUntil(() => other.readableLength === 3)
    expect([chunks, other.isPaused()]).toEqual([[], true])
    other.resume()
    await vi.waitUntil(() => chunks.length === 3)
    expect(chunks).toEqual(['a', 'b', 'c'])
    one.destroy()
  })

  test("gives the browser's own errors a code, read-only as theirs is", async () => {
    const peer = new Peer({ config: {} })
    const error = next<DOMException & { code: unknown }>(peer, 'error')
    peer.signal({ type: 'offer', sdp: 'no sdp' })
    expect([(await error).code, (await error) instanceof DOMException]).toEqual(['ERR_SET_REMOTE_DESCRIPTION', true])
  })

  test('reports errors with their codes and ends in close', async () => {
    const [one, other] = await connect()
    const [error, closed] = [next<Error & { code: string }>(one, 'error'), next(other, 'close')]
    one.destroy(Object.assign(new Error('gone'), { code: 'ERR_MINE' }))
    expect(await error).toMatchObject({ message: 'gone', code: 'ERR_MINE' })
    await closed
    expect([one.destroyed, other.destroyed]).toEqual([true, true])
    expect(() => one.signal({ type: 'offer', sdp: '' })).toThrow(expect.objectContaining({ code: 'ERR_DESTROYED' }))
  })
})
