/**
 * Where ids lie in relation to each other: which of two is closer to a key (what routing descends), which bucket of ours
 * a peer falls into, and where it sits on the ring. XOR after Kademlia (Maymounkov & Mazières 2002); another geometry is
 * another object of type `Geometry`. Ids are base32 text and are compared as such, five bits a character: in 32 links
 * the first two or three characters decide, and nothing is allocated.
 */

import type { Key, PeerId } from './ids.ts'

export interface Geometry {
  /** Negative if `a` is closer to `target` than `b`, positive if farther, 0 only if equal. */
  compare(target: Key, a: Key, b: Key): number
  /** The bucket of `self` that `other` falls into, 0 (half of all ids) … 255; 256 for `self` itself. */
  bucketOf(self: Key, other: Key): number
  /** A random key in that bucket. `random` gives 32 bits. */
  keyInBucket(self: Key, bucket: number, random: () => number): Key
}

const ID_CHARS = 52
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const BITS = 256

export const xor: Geometry = { compare: compareXor, bucketOf: commonPrefixBits, keyInBucket }

// 'a'…'z' are 0…25, '2'…'7' are 26…31.
function digit(id: string, index: number): number {
  const code = id.charCodeAt(index)
  return code >= 97 ? code - 97 : code - 24
}

function compareXor(target: Key, a: Key, b: Key): number {
  if (a === b) return 0
  let i = 0
  while (i < ID_CHARS && a.charCodeAt(i) === b.charCodeAt(i)) i++
  if (i === ID_CHARS) return 0
  const t = digit(target, i)
  return (t ^ digit(a, i)) - (t ^ digit(b, i))
}

/** Leading bits that two ids share, 0…256. */
export function commonPrefixBits(a: Key, b: Key): number {
  if (a === b) return BITS
  let i = 0
  while (i < ID_CHARS && a.charCodeAt(i) === b.charCodeAt(i)) i++
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
  let text = ''
  for (let i = 0; i < length; i++) text += ALPHABET[random() >>> 27]
  // 52 characters hold 260 bits: only the top bit of the last one belongs to the id.
  return length === 0
    ? text
    : text.slice(0, -1) + (text.charCodeAt(length - 1) >= 113 || text.charCodeAt(length - 1) < 97 ? 'q' : 'a')
}

/** Numeric order of two ids, as on the ring. */
export function compareIds(a: Key, b: Key): number {
  let i = 0
  while (i < ID_CHARS && a.charCodeAt(i) === b.charCodeAt(i)) i++
  return i === ID_CHARS ? 0 : digit(a, i) - digit(b, i)
}

/** An id as a fraction of the ring, 0 ≤ x < 1, exact to 50 bits. */
export function fractionOf(id: Key): number {
  let value = 0
  for (let i = 0; i < 10; i++) value = value * 32 + digit(id, i)
  return value / 2 ** 50
}

export interface RingArc {
  /** The nearest ids clockwise, nearest first. */
  readonly after: readonly PeerId[]
  /** The nearest ids the other way, nearest first. */
  readonly before: readonly PeerId[]
}

/**
 * The `side` nearest successors and the `side` nearest predecessors of `self` among `ids` (self and repetitions left
 * out). One pass that keeps the best few, and for nearly every id three comparisons: with ourselves, and with the
 * farthest kept on either side. Upkeep runs this over the whole address book, and sorting cost a third of a simulation.
 */
export function ringArc(self: Key, ids: Iterable<PeerId>, side: number): RingArc {
  const after: PeerId[] = []
  const before: PeerId[] = []
  for (const id of ids) {
    const sign = compareIds(id, self)
    if (sign === 0) continue
    keepNearest(after, id, { self, side, isFar: sign < 0, direction: 1 })
    keepNearest(before, id, { self, side, isFar: sign > 0, direction: -1 })
  }
  return { after, before }
}

interface Side {
  readonly self: Key
  readonly side: number
  /** The id lies beyond the point where the numbers wrap, seen in this direction. */
  readonly isFar: boolean
  /** 1: upwards. −1: downwards. */
  readonly direction: 1 | -1
}

function keepNearest(nearest: PeerId[], id: PeerId, by: Side): void {
  let at = nearest.length
  while (at > 0 && compareFrom(id, nearest[at - 1] as PeerId, by) < 0) at--
  if (at >= by.side || nearest[at - 1] === id) return
  nearest.splice(at, 0, id)
  if (nearest.length > by.side) nearest.pop()
}

/** Negative if `id` comes before `other` on the way from `by.self` in its direction. */
function compareFrom(id: Key, other: Key, by: Side): number {
  const isOtherFar = compareIds(other, by.self) * by.direction < 0
  if (by.isFar !== isOtherFar) return by.isFar ? 1 : -1
  return compareIds(id, other) * by.direction
}

/** Both sides of `ringArc` as one set. */
export function ringAround(self: Key, ids: Iterable<PeerId>, side: number): Set<PeerId> {
  const { after, before } = ringArc(self, ids, side)
  return new Set([...after, ...before])
}

/** 26 characters of base32 that name 128 random bits. */
export function randomName(random: () => number): string {
  let text = ''
  for (let i = 0; i < 25; i++) text += ALPHABET[random() >>> 27]
  // The 26th character holds the last three of 128 bits.
  return text + ALPHABET[(random() >>> 29) << 2]
}
