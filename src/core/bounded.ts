/**
 * Maps whose size peers cannot choose (STYLE 8). `RecentMap` remembers what happened lately: two generations of a plain
 * Map, the older one dropped when the newer is full or old enough. Compared with a time stamp per entry this costs no
 * memory and no sweep, at the price of forgetting in halves. `evictOldest` bounds an ordinary Map by insertion order.
 */

import type { Instant } from './ids.ts'

export interface RecentLimits {
  /** Entries held at most, both generations together. When full, the older half is forgotten. */
  readonly max: number
  /** Milliseconds that an entry is kept at least, unless the map is full; at most twice as long. */
  readonly keepMs: number
}

/** Two halves of what happened lately, each a collection `Half`: what they have in common is when the older one goes. */
export abstract class RecentHalves<K, Half extends { readonly size: number; has(key: K): boolean }> {
  readonly max: number
  readonly #keepMs: number
  protected young: Half
  /** Null while there is nothing in it: three reads less for each look-up. */
  protected old: Half | null = null
  #rotatedAt = 0
  /** What came before may have been forgotten too early, because too much came; −∞: nothing has. */
  forgotAt = -Infinity

  constructor(limits: RecentLimits) {
    this.max = limits.max
    this.#keepMs = limits.keepMs
    this.young = this.createHalf()
  }

  protected abstract createHalf(): Half

  get size(): number {
    return this.young.size + (this.old?.size ?? 0)
  }

  has(key: K): boolean {
    return this.young.has(key) || (this.old !== null && this.old.has(key))
  }

  /** Forgets what is due; call it now and then, so that an idle collection empties too. */
  rotate(now: Instant): void {
    const isFull = this.young.size * 2 >= this.max
    if (!isFull && now - this.#rotatedAt < this.#keepMs) return
    const isStale = !isFull && now - this.#rotatedAt >= 2 * this.#keepMs
    if (isFull && this.old !== null) this.forgotAt = this.#rotatedAt
    this.#rotatedAt = now
    if (this.young.size > 0) {
      this.old = isStale ? null : this.young
      this.young = this.createHalf()
    } else this.old = null
  }
}

export class RecentMap<K, V> extends RecentHalves<K, Map<K, V>> {
  protected createHalf(): Map<K, V> {
    return new Map()
  }

  get(key: K): V | undefined {
    const value = this.young.get(key)
    return value === undefined && this.old !== null ? this.old.get(key) : value
  }

  set(key: K, value: V, now: Instant): void {
    this.rotate(now)
    this.old?.delete(key)
    this.young.set(key, value)
  }

  delete(key: K): void {
    this.young.delete(key)
    this.old?.delete(key)
  }
}

/**
 * Is there no room in `table` for one more of somebody's? Once half of `max` is taken he may have an eighth, so that nobody
 * fills it alone (guess).
 */
export function isFullFor<V>(table: ReadonlyMap<unknown, V>, max: number, isTheirs: (value: V) => boolean): boolean {
  if (table.size < max / 2) return false
  let taken = 0
  for (const value of table.values()) if (isTheirs(value)) taken++
  return taken >= max / 8 || table.size >= max
}

/** Deletes the oldest entries of `map` until there is room for one more below `max`. */
export function evictOldest<K>(map: Map<K, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size < max) return
    map.delete(key)
  }
}
