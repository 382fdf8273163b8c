/**
 * Another geometry, to hold the core to its word that it needs one object and nothing else: Chord's circle (Stoica et al.,
 * ToN 2003). Distance is the way clockwise to the key, so routing descends to its predecessor and never runs past it;
 * buckets are the finger intervals, 0 the farther half of the circle clockwise. Plain arithmetic with big integers: it is
 * made for a hundred peers, not for a hundred thousand.
 */

import { ahead, compareIds, type Geometry } from '../../src/core/geometry.ts'
import type { Key } from '../../src/core/ids.ts'
import { bytesFromId, idFromBytes } from '../../src/wire/ids.ts'

const BITS = 256
const CIRCLE = 1n << BigInt(BITS)

export const chord: Geometry = {
  distance: (target, at) => ahead(at, target),

  compare(target, a, b) {
    const [aIsPast, bIsPast] = [compareIds(a, target) > 0, compareIds(b, target) > 0]
    // Who is past the key has nearly the whole circle before it; of two on one side the further on is closer.
    return aIsPast === bIsPast ? compareIds(b, a) : aIsPast ? 1 : -1
  },

  bucketOf(self, other) {
    const way = clockwise(self, other)
    return way === 0n ? BITS : BITS - way.toString(2).length
  },

  keyInBucket(self, bucket, random) {
    const nearest = 1n << BigInt(BITS - 1 - bucket)
    return keyOf((numberOf(self) + nearest + (randomBits(random) & (nearest - 1n))) % CIRCLE)
  },
}

function clockwise(from: Key, to: Key): bigint {
  return (numberOf(to) - numberOf(from) + CIRCLE) % CIRCLE
}

function numberOf(key: Key): bigint {
  return BigInt(`0x${Buffer.from(bytesFromId(key)).toString('hex')}`)
}

function keyOf(value: bigint): Key {
  return idFromBytes<Key>(Buffer.from(value.toString(16).padStart(BITS / 4, '0'), 'hex'))
}

function randomBits(random: () => number): bigint {
  let value = 0n
  for (let i = 0; i < BITS / 32; i++) value = (value << 32n) | BigInt(random())
  return value
}
