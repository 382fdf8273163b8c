/**
 * Histograms that keep a constant size however long a run is: whole numbers one bucket each (hops, tries, degree), and
 * durations in buckets of equal ratio, 100 to a decade, so that a quantile is never too small and at most 2.4 % too great.
 */

const PER_DECADE = 100

/** Greatest whole number that has a bucket of its own; hop limits and caps are far below. */
const VALUE_MAX = 1_023

/** How often each whole number came; index is the value. */
export class Histogram {
  readonly counts: number[] = []
  total = 0
  sum = 0
  /** −∞ when empty. */
  max = -Infinity

  add(value: number): void {
    const index = Math.min(VALUE_MAX, value)
    while (this.counts.length <= index) this.counts.push(0)
    this.counts[index] = (this.counts[index] as number) + 1
    this.total++
    this.sum += value
    this.max = Math.max(this.max, value)
  }

  include({ counts, total, sum, max }: Histogram): void {
    while (this.counts.length < counts.length) this.counts.push(0)
    for (const [value, count] of counts.entries()) this.counts[value] = (this.counts[value] as number) + count
    this.total += total
    this.sum += sum
    this.max = Math.max(this.max, max)
  }

  /** NaN when empty. */
  get mean(): number {
    return this.sum / this.total
  }

  /** The least value that `share` (0…1) of all do not exceed; NaN when empty. */
  quantile(share: number): number {
    let seen = 0
    for (const [value, count] of this.counts.entries())
      if ((seen += count) >= share * this.total && seen > 0) return value
    return Number.NaN
  }
}

/** How often each duration came. */
export class Durations {
  readonly #counts: number[] = []
  #total = 0
  /** −∞ when empty. */
  max = -Infinity

  get total(): number {
    return this.#total
  }

  add(ms: number): void {
    const index = ms < 1 ? 0 : 1 + Math.floor(Math.log10(ms) * PER_DECADE)
    while (this.#counts.length <= index) this.#counts.push(0)
    this.#counts[index] = (this.#counts[index] as number) + 1
    this.#total++
    this.max = Math.max(this.max, ms)
  }

  include(other: Durations): void {
    while (this.#counts.length < other.#counts.length) this.#counts.push(0)
    for (const [index, count] of other.#counts.entries()) this.#counts[index] = (this.#counts[index] as number) + count
    this.#total += other.#total
    this.max = Math.max(this.max, other.max)
  }

  /** Upper bound of the bucket that `share` (0…1) of all lie in or under, or the greatest of all; NaN when empty. */
  quantile(share: number): number {
    return this.cumulative().find(([, reached]) => reached >= share)?.[0] ?? Number.NaN
  }

  /** Points of the distribution: milliseconds, and the share that took no longer. */
  cumulative(): [ms: number, share: number][] {
    let seen = 0
    return this.#counts.flatMap((count, index): [number, number][] => {
      seen += count
      return count === 0 ? [] : [[Math.min(upperMs(index), this.max), seen / this.#total]]
    })
  }
}

function upperMs(index: number): number {
  return Math.ceil(100 * 10 ** (index / PER_DECADE)) / 100
}
