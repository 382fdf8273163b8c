import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ANY_BUCKET,
  CIRCLE,
  compareIds,
  ONLY_CLOSEST,
  pointOf,
  randomName,
  ringAround,
  ringArc,
  suits,
  xor,
} from '../../src/core/geometry.ts'
import type { Key, PeerId } from '../../src/core/ids.ts'
import { bytesFromId, idFromBytes, isId, messageIdFromBytes } from '../../src/wire/ids.ts'
import { peer } from './ids.ts'

const anId = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => idFromBytes(bytes) as PeerId)
const numberOf = (id: Key): bigint => BigInt(`0x${Buffer.from(bytesFromId(id)).toString('hex')}`)
const sign = (value: number | bigint): number => (value > 0 ? 1 : value < 0 ? -1 : 0)
const randomBits = (): number => Math.floor(Math.random() * 2 ** 32)

describe('XOR geometry', () => {
  it('orders two ids by the number that their XOR with the target is', () => {
    fc.assert(
      fc.property(anId, anId, anId, (target, a, b) => {
        const [t, x, y] = [numberOf(target), numberOf(a), numberOf(b)]
        expect(sign(xor.compare(target, a, b))).toBe(sign((t ^ x) - (t ^ y)))
      }),
    )
  })

  it('agrees with the distance of their points, as far as those reach', () => {
    fc.assert(
      fc.property(anId, anId, anId, (target, a, b) => {
        const [x, y] = [a, b].map((id) => xor.distance(pointOf(target), pointOf(id))) as [number, number]
        if (x !== y) expect(sign(x - y)).toBe(sign(xor.compare(target, a, b)))
        expect(x).toBe(Number((numberOf(target) ^ numberOf(a)) >> 206n))
      }),
    )
  })

  it('puts an id into the bucket named by the leading bits it shares with us', () => {
    fc.assert(
      fc.property(anId, anId, (a, b) => {
        const shared = 256 - (numberOf(a) ^ numberOf(b)).toString(2).replace(/^0$/, '').length
        expect(xor.bucketOf(a, b)).toBe(shared)
      }),
    )
  })

  it('draws keys of every bucket that are valid ids and differ from draw to draw', () => {
    fc.assert(
      fc.property(anId, fc.integer({ min: 0, max: 255 }), (self, bucket) => {
        const drawn = xor.keyInBucket(self, bucket, randomBits)
        expect(isId(drawn)).toBe(true)
        expect(xor.bucketOf(self, drawn)).toBe(bucket)
      }),
    )
    const draws = new Set(Array.from({ length: 20 }, () => xor.keyInBucket(peer('k'), 3, randomBits)))
    expect(draws.size).toBe(20)
  })
})

describe('a lookup', () => {
  it('suits those in the buckets of the requester that it names: of XOR, those who share one bit more with a key there', () => {
    fc.assert(
      fc.property(anId, anId, fc.integer({ min: 0, max: 255 }), (requester, other, bucket) => {
        const range = { bucketMin: bucket, bucketMax: bucket }
        const key = xor.keyInBucket(requester, bucket, randomBits)
        expect(suits({ requester, ...range }, other, xor)).toBe(xor.bucketOf(key, other) > bucket)
        const member = xor.keyInBucket(requester, bucket, randomBits) as PeerId
        expect(suits({ requester, ...range }, member, xor)).toBe(true)
        expect(suits({ requester, bucketMin: 0, bucketMax: bucket - 1 }, member, xor)).toBe(bucket === 0)
        expect(suits({ requester, bucketMin: bucket + 1, bucketMax: 255 }, member, xor)).toBe(bucket === 255)
      }),
    )
  })

  it('for anybody suits everybody but whoever asks, and one for the closest leaves it to routing', () => {
    const [requester, other] = [peer('k'), peer('c')]
    expect(suits({ requester, ...ANY_BUCKET }, other, xor)).toBe(true)
    expect(suits({ requester, ...ANY_BUCKET }, requester, xor)).toBe(false)
    expect(suits({ requester, ...ONLY_CLOSEST }, other, xor)).toBe(true)
  })
})

describe('the ring', () => {
  it('orders ids as numbers, not as text', () => {
    fc.assert(
      fc.property(anId, anId, (a, b) => void expect(sign(compareIds(a, b))).toBe(sign(numberOf(a) - numberOf(b)))),
    )
    // '2' is digit 26 of base32 but sorts before 'a' as text.
    expect(compareIds(peer('2'), peer('a'))).toBeGreaterThan(0)
  })

  it('finds the nearest on either side, as sorting everything would', () => {
    fc.assert(
      fc.property(anId, fc.uniqueArray(anId, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (self, ids, side) => {
        const others = ids.filter((id) => id !== self)
        const ahead = (id: PeerId): bigint => (numberOf(id) - numberOf(self) + (1n << 256n)) % (1n << 256n)
        const order = others.toSorted((a, b) => sign(ahead(a) - ahead(b)))
        const { after, before } = ringArc(self, [...ids, ...ids, self], side)
        expect(after).toEqual(order.slice(0, side))
        expect(before).toEqual(order.toReversed().slice(0, side))
      }),
    )
  })

  it('names nobody twice where the two sides meet', () => {
    expect(ringAround(peer('c'), [peer('a'), peer('e')], 4)).toEqual(new Set([peer('e'), peer('a')]))
  })

  it('places an id as a point of the circle', () => {
    expect(pointOf(peer('a'))).toBe(0)
    expect(pointOf(peer('q'))).toBe(CIRCLE / 2)
  })
})

describe('random names', () => {
  it('are 128 bits in canonical base32', () => {
    for (let i = 0; i < 100; i++) {
      const name = randomName(randomBits)
      expect(messageIdFromBytes(bytesFromId(name as never))).toBe(name)
    }
  })
})
