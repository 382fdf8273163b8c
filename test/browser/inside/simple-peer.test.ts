/**
 * The browser build of simple-peer (src/net/simple-peer) beside the bundle that simple-peer ships: the same class to whoever gets an
 * instance from `dial`.
 */

import SimplePeer from '#simple-peer'
import type { Instance } from 'simple-peer'
// @ts-expect-error: it has no types of its own.
import Shipped from 'simple-peer/simplepeer.min.js'
import { describe, expect, test } from 'vitest'

type Class = typeof SimplePeer
const BUILDS: readonly (readonly [string, Class])[] = [
  ['ours', SimplePeer],
  ['the one that simple-peer ships', Shipped as Class],
]

/** Every name on the class and up its prototypes, with its type. */
function shapeOf(peerClass: Class): string[] {
  const names: string[] = []
  for (let at: object = peerClass.prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      names.push(`${name}: ${typeof value}`)
  }
  const statics = Object.entries(Object.getOwnPropertyDescriptors(peerClass))
  return [...names, ...statics.map(([name, { value }]) => `static ${name}: ${typeof value}`)].toSorted()
}

test('both builds have the same methods, accessors and statics', () => {
  expect(shapeOf(SimplePeer)).toEqual(shapeOf(Shipped as Class))
})

describe.each(BUILDS)('the build: %s', (_, Peer) => {
  async function connect(): Promise<[Instance, Instance]> {
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
