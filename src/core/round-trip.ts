/**
 * How long an answer takes, and when it is overdue: Jacobson's estimator as in RFC 6298 (smoothed round trip and mean
 * deviation, gains 1/8 and 1/4; overdue after round trip + 4 deviations). Bamboo (USENIX 2004) has one for each neighbour
 * too: fixed time-outs are what makes a DHT slow under churn. In scaled whole numbers, as in Jacobson's own code
 * (SIGCOMM 1988, appendix A): a fraction would be an object of its own for V8, and every link has two of them.
 */

export interface OverdueLimits {
  readonly minMs: number
  readonly maxMs: number
  /** Before anything has been measured. */
  readonly firstMs: number
}

export class RoundTrip {
  /** Eight times the smoothed round trip; −1 before the first sample. */
  #eightfoldMs = -1
  /** Four times the mean deviation. */
  #fourfoldDeviationMs = 0

  /** Smoothed, in ms; null before the first sample. */
  get ms(): number | null {
    return this.#eightfoldMs < 0 ? null : this.#eightfoldMs / 8
  }

  /** `sampleMs`: rounded to whole milliseconds. */
  add(sampleMs: number): void {
    const sample = Math.round(sampleMs)
    if (this.#eightfoldMs < 0) {
      this.#eightfoldMs = sample * 8
      this.#fourfoldDeviationMs = sample * 2
      return
    }
    const error = sample - (this.#eightfoldMs >> 3)
    this.#eightfoldMs += error
    this.#fourfoldDeviationMs += Math.abs(error) - (this.#fourfoldDeviationMs >> 2)
  }

  /**
   * The 95th percentile of the round trip. RFC 6298 keeps the mean deviation, which of a normal distribution is 0.8 σ; the
   * percentile lies 1.645 σ above the mean, hence 2.06 mean deviations.
   */
  p95Ms(firstMs: number): number {
    if (this.#eightfoldMs < 0) return firstMs
    return Math.round(this.#eightfoldMs / 8 + (2.06 / 4) * this.#fourfoldDeviationMs)
  }

  /** So long after the question an answer will not come any more. */
  overdueMs({ minMs, maxMs, firstMs }: OverdueLimits): number {
    if (this.#eightfoldMs < 0) return firstMs
    return Math.min(maxMs, Math.max(minMs, Math.ceil(this.#eightfoldMs / 8 + this.#fourfoldDeviationMs)))
  }
}
