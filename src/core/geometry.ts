/**
 * Where ids lie in relation to each other: which of two is closer to a key (what routing descends), which bucket of ours
 * a peer falls into, and where it sits on the ring. XOR after Kademlia (Maymounkov & Mazières 2002); another geometry is
 * another object of type `Geometry` (test/sim/chord.ts is one), and nothing else in the core knows which it is. Ids are base32 text; what is compared often is their leading 50 bits as one number,
 * a `Point`, computed once: a router that read the text of 32 ids for every frame spent most of its time fetching it.
 */

import type { Key, PeerId, Point } from './ids.ts'

export interface Geometry {
  /**
   * How far `at` is from `target`, 0 ≤ d < 2^50: what routing descends. Equal distances of different ids mean that the
   * leading 50 bits agree; `compare` decides then.
   */
  distance(target: Point, at: Point): number
  /** Negative if `a` is closer to `target` than `b`, positive if farther, 0 only if equal. */
  compare(target: Key, a: Key, b: Key): number
  /** The bucket of `self` that `other` falls into, 0 (half of all ids) … 255; 256 for `self` itself. */
  bucketOf(self: Key, other: Key): number
  /** A random key in that bucket. `random` gives 32 bits. */
  keyInBucket(self: Key, bucket: number, random: () => number): Key
}

/**
 * Who suits a lookup, said in buckets of whoever asks, both ends included: every geometry has those. `bucketMax` below
 * `bucketMin`: nobody but the closest to the key, whichever bucket that is in.
 */
export interface BucketRange {
  readonly bucketMin: number
  readonly bucketMax: number
}

export const ANY_BUCKET: BucketRange = { bucketMin: 0, bucketMax: 255 }
/** The one empty range that the wire knows. */
export const ONLY_CLOSEST: BucketRange = { bucketMin: 255, bucketMax: 0 }

export function isOnlyClosest({ bucketMin, bucketMax }: BucketRange): boolean {
  return bucketMax < bucketMin
}

/** Does `peer` suit a lookup by `requester`, as far as buckets say? Whether it is the closest, routing knows. */
export function suits(lookup: BucketRange & { readonly requester: PeerId }, peer: PeerId, geometry: Geometry): boolean {
  if (isOnlyClosest(lookup)) return true
  const bucket = geometry.bucketOf(lookup.requester, peer)
  return bucket >= lookup.bucketMin && bucket <= lookup.bucketMax
}

const ID_CHARS = 52
/** Of base32 in lower case, in the order of their values (RFC 4648 §6). */
export const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const BITS = 256

const HALF = 2 ** 25
/** Points are 0 ≤ p < this. */
export const CIRCLE = 2 ** 50

export const xor: Geometry = { distance: distanceXor, compare: compareXor, bucketOf: commonPrefixBits, keyInBucket }

/** The leading 50 bits of an id. */
export function pointOf(id: Key): Point {
  let value = 0
  for (let i = 0; i < 10; i++) value = value * 32 + digit(id, i)
  return value as Point
}

/** From one point upwards to another, around the end of the numbers if need be: 0 ≤ d < 2^50. */
export function ahead(from: Point, to: Point): number {
  return to >= from ? to - from : to - from + CIRCLE
}

// 'a'…'z' are 0…25, '2'…'7' are 26…31.
function digit(id: string, index: number): number {
  const code = id.charCodeAt(index)
  return code >= 97 ? code - 97 : code - 24
}

// Two halves of 25 bits: the operators of JavaScript take 32 at a time.
function distanceXor(target: Point, at: Point): number {
  const targetHigh = Math.floor(target / HALF)
  const atHigh = Math.floor(at / HALF)
  return (targetHigh ^ atHigh) * HALF + ((target - targetHigh * HALF) ^ (at - atHigh * HALF))
}

function compareXor(target: Key, a: Key, b: Key): number {
  const i = commonChars(a, b)
  if (i === ID_CHARS) return 0
  const t = digit(target, i)
  return (t ^ digit(a, i)) - (t ^ digit(b, i))
}

/** Leading characters that two ids share; `ID_CHARS` if they are the same. */
function commonChars(a: Key, b: Key): number {
  if (a === b) return ID_CHARS
  let i = 0
  while (i < ID_CHARS && a.charCodeAt(i) === b.charCodeAt(i)) i++
  return i
}

/** Leading bits that two ids share, 0…256. */
function commonPrefixBits(a: Key, b: Key): number {
  const i = commonChars(a, b)
  if (i === ID_CHARS) return BITS
  return Math.min(BITS, i * 5 + Math.clz32(digit(a, i) ^ digit(b, i)) - 27)
}

function keyInBucket(self: Key, bucket: number, random: () => number): Key {
  const index = Math.floor(bucket / 5)
  const bit = bucket % 5
  const kept = self.slice(0, index)
  // Bits before `bit` stay, bit `bit` flips, the rest is random.
  const flipped = digit(self, index) ^ (16 >> bit)
  const mask = index === ID_CHARS - 1 ? 0 : (16 >> bit) - 1
  const middle = (flipped & ~mask) | (random() & mask)
  return (kept + ALPHABET[middle] + randomTail(ID_CHARS - index - 1, random)) as Key
}

function randomTail(length: number, random: () => number): string {
  // 52 characters hold 260 bits: only the top bit of the last one belongs to the id.
  return length === 0 ? '' : randomText(length - 1, random) + ALPHABET[(random() >>> 31) << 4]
}

/** So many random characters. */
function randomText(length: number, random: () => number): string {
  let text = ''
  for (let i = 0; i < length; i++) text += ALPHABET[random() >>> 27]
  return text
}

/** Numeric order of two ids, as on the ring. */
export function compareIds(a: Key, b: Key): number {
  const i = commonChars(a, b)
  return i === ID_CHARS ? 0 : digit(a, i) - digit(b, i)
}

/** Who is nearest to a point on either side, gathered one by one: nothing is sorted, and most are seen off by two comparisons. */
export class RingArc {
  /** The nearest ids upwards, nearest first. */
  readonly after: PeerId[] = []
  /** The nearest ids the other way, nearest first. */
  readonly before: PeerId[] = []
  readonly #self: Key
  readonly #point: Point
  readonly #side: number
  readonly #afterDistances: number[] = []
  readonly #beforeDistances: number[] = []

  /** `side`: how many to keep on either side. */
  constructor(self: Key, point: Point, side: number) {
    this.#self = self
    this.#point = point
    this.#side = side
  }

  add(id: PeerId, point: Point): void {
    let after = ahead(this.#point, point)
    let before = after === 0 ? 0 : CIRCLE - after
    if (after === 0) {
      // The leading 50 bits are our own: the rest says on which side it is.
      const sign = compareIds(id, this.#self)
      if (sign === 0) return
      if (sign < 0) after = CIRCLE
      else before = CIRCLE
    }
    if (this.#isNear(this.#afterDistances, after)) this.#keep(this.after, this.#afterDistances, id, after, 1)
    if (this.#isNear(this.#beforeDistances, before)) this.#keep(this.before, this.#beforeDistances, id, before, -1)
  }

  /** Is it among the nearest of either side? */
  has(id: PeerId, point: Point): boolean {
    return this.wouldKeep(point) && (this.after.includes(id) || this.before.includes(id))
  }

  /** Both sides as one, the upper first; nobody twice where they meet. */
  union(): PeerId[] {
    const both = [...this.after]
    for (const id of this.before) if (!both.includes(id)) both.push(id)
    return both
  }

  /** Would a peer there be among the nearest of one side? */
  wouldKeep(point: Point): boolean {
    const after = ahead(this.#point, point)
    return this.#isNear(this.#afterDistances, after) || this.#isNear(this.#beforeDistances, CIRCLE - after)
  }

  #isNear(distances: readonly number[], distance: number): boolean {
    return distances.length < this.#side || distance <= (distances[distances.length - 1] as number)
  }

  // By hand and not by `splice`: this is done for every neighbour at every link that comes or goes.
  #keep(ids: PeerId[], distances: number[], id: PeerId, distance: number, direction: 1 | -1): void {
    let at = ids.length
    while (at > 0 && distance <= (distances[at - 1] as number)) {
      if (distance === distances[at - 1] && compareIds(id, ids[at - 1] as PeerId) * direction >= 0) break
      at--
    }
    if (ids[at - 1] === id || at >= this.#side) return
    for (let i = Math.min(ids.length, this.#side - 1); i > at; i--) {
      ids[i] = ids[i - 1] as PeerId
      distances[i] = distances[i - 1] as number
    }
    ids[at] = id
    distances[at] = distance
  }
}

/** The `side` nearest of `ids` on either side of `self`; self and repetitions left out. */
export function ringArc(self: Key, ids: Iterable<PeerId>, side: number): RingArc {
  const arc = new RingArc(self, pointOf(self), side)
  for (const id of ids) arc.add(id, pointOf(id))
  return arc
}

/** Both sides of `ringArc` as one set. */
export function ringAround(self: Key, ids: Iterable<PeerId>, side: number): Set<PeerId> {
  return new Set(ringArc(self, ids, side).union())
}

/** 26 characters of base32 that name 128 random bits. */
export function randomName(random: () => number): string {
  // The 26th character holds the last three of 128 bits.
  return randomText(25, random) + ALPHABET[(random() >>> 29) << 2]
}
