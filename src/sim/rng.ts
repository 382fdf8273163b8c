/**
 * All randomness of a simulation: xoroshiro128+ (Blackman & Vigna 2018, from pure-rand), seeded once, split into
 * independent streams, so that one peer drawing once more does not shift every other peer's draws. Streams are told
 * apart by number; state is mixed by MurmurHash3's finaliser because xoroshiro is poor at telling near seeds apart.
 */

import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator'

/** MurmurHash3's 32-bit finaliser: every input bit moves every output bit. Also used to derive what is never stored. */
export function mix32(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Uniform in [0, 1) for a pair of numbers, the same for (a, b) and (b, a): what the world says of two peers. */
export function pairUnit(salt: number, a: number, b: number): number {
  const pair = mix32(Math.min(a, b) ^ salt) ^ Math.max(a, b)
  return mix32(pair) / 0x1_0000_0000
}

/** One stream of random numbers. Equal seed and stream number give equal draws, on every machine. */
export class Rng {
  readonly #seed: number
  readonly #generator: RandomGenerator

  /** `seed`: any integer, taken modulo 2^32. `stream`: which of the 2^32 independent streams of that seed. */
  constructor(seed: number, stream = 0) {
    this.#seed = seed >>> 0
    const a = mix32(this.#seed ^ 0x9e3779b9)
    const b = mix32(a + stream + 0x7f4a7c15)
    const c = mix32(b ^ a ^ 0x6a09e667)
    // `| 1`: the all-zero state is the one that xoroshiro never leaves.
    this.#generator = xoroshiro128plusFromState([mix32(c + 1), b, c, mix32(a ^ stream) | 1])
  }

  /** An independent stream of the same seed. Asking for it draws nothing from this one. */
  stream(number: number): Rng {
    return new Rng(this.#seed, number)
  }

  /** 32 uniformly random bits, 0…2^32−1. */
  next(): number {
    return this.#generator.next() >>> 0
  }

  /** Uniform in [0, 1), 32 bits fine. */
  unit(): number {
    return this.next() / 0x1_0000_0000
  }

  /** Uniform real in [min, max). */
  uniform(min: number, max: number): number {
    return min + this.unit() * (max - min)
  }

  /** Uniform integer in [0, bound). The bias of bounds below 2^20 is under 1 in 4,096 of a share: no test sees it. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound)
  }

  /** Exponentially distributed with this mean: the gaps of a Poisson process. */
  exponential(mean: number): number {
    return -Math.log(1 - this.unit()) * mean
  }

  /** One item, all equally likely. Throws RangeError on an empty list: a scenario's mistake. */
  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('pick from an empty list')
    return items[this.below(items.length)] as T
  }

  /** A new array in random order (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items]
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const held = shuffled[i] as T
      shuffled[i] = shuffled[j] as T
      shuffled[j] = held
    }
    return shuffled
  }

  /** `length` random bytes: keys and ids of the simulated world. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    // The upper bits: the lowest of xoroshiro128+ are its weakest.
    for (let i = 0; i < length; i++) bytes[i] = this.next() >>> 24
    return bytes
  }
}
