/**
 * Maps whose size peers cannot choose (STYLE 8). `RecentMap` remembers what happened lately: two generations of a plain
 * Map, the older one dropped when the newer is full or old enough. Compared with a time stamp per entry this costs no
 * memory and no sweep, at the price of forgetting in halves. `evictOldest` bounds an ordinary Map by insertion order.
 */

import type { Instant } from './ids.ts'

export interface RecentMapLimits {
  /** Entries held at most, both generations together. When full, the older half is forgotten. */
  readonly max: number
  /** Milliseconds that an entry is kept at least, unless the map is full; at most twice as long. */
  readonly keepMs: number
}

export class RecentMap<K, V> {
  readonly max: number
  readonly #keepMs: number
  #young = new Map<K, V>()
  /** Null while there is nothing in it: three reads less for each look-up. */
  #old: Map<K, V> | null = null
  #rotatedAt = 0

  constructor(limits: RecentMapLimits) {
    this.max = limits.max
    this.#keepMs = limits.keepMs
  }

  get size(): number {
    return this.#young.size + (this.#old?.size ?? 0)
  }

  get(key: K): V | undefined {
    const value = this.#young.get(key)
    return value === undefined && this.#old !== null ? this.#old.get(key) : value
  }

  has(key: K): boolean {
    return this.#young.has(key) || (this.#old !== null && this.#old.has(key))
  }

  set(key: K, value: V, now: Instant): void {
    this.rotate(now)
    this.#old?.delete(key)
    this.#young.set(key, value)
  }

  /** The same for a key that is known to be new: one look-up less, which counts where every frame leaves an entry. */
  add(key: K, value: V, now: Instant): void {
    this.rotate(now)
    this.#young.set(key, value)
  }

  delete(key: K): void {
    this.#young.delete(key)
    this.#old?.delete(key)
  }

  /** Forgets what is due; call it now and then, so that an idle map empties too. */
  rotate(now: Instant): void {
    const isFull = this.#young.size * 2 >= this.max
    if (!isFull && now - this.#rotatedAt < this.#keepMs) return
    const isStale = !isFull && now - this.#rotatedAt >= 2 * this.#keepMs
    this.#rotatedAt = now
    if (this.#young.size > 0) {
      this.#old = isStale ? null : this.#young
      this.#young = new Map()
    } else this.#old = null
  }
}

/** Deletes the oldest entries of `map` until there is room for one more below `max`. */
export function evictOldest<K>(map: Map<K, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size < max) return
    map.delete(key)
  }
}
