/**
 * How long an answer takes, and when it is overdue: Jacobson's estimator as in RFC 6298 (smoothed round trip and mean
 * deviation, gains 1/8 and 1/4; overdue after round trip + 4 deviations). Bamboo (USENIX 2004) has one for each neighbour
 * too: fixed time-outs are what makes a DHT slow under churn.
 */

export interface OverdueLimits {
  readonly minMs: number
  readonly maxMs: number
  /** Before anything has been measured. */
  readonly firstMs: number
}

export class RoundTrip {
  /** Smoothed, in ms; null before the first sample. */
  ms: number | null = null
  #deviationMs = 0

  add(sampleMs: number): void {
    if (this.ms === null) {
      this.ms = sampleMs
      this.#deviationMs = sampleMs / 2
      return
    }
    this.#deviationMs += (Math.abs(sampleMs - this.ms) - this.#deviationMs) / 4
    this.ms += (sampleMs - this.ms) / 8
  }

  /**
   * The 95th percentile of the round trip. RFC 6298 keeps the mean deviation, which of a normal distribution is 0.8 σ; the
   * percentile lies 1.645 σ above the mean, hence 2.06 mean deviations.
   */
  p95Ms(firstMs: number): number {
    return this.ms === null ? firstMs : Math.round(this.ms + 2.06 * this.#deviationMs)
  }

  /** So long after the question an answer will not come any more. */
  overdueMs({ minMs, maxMs, firstMs }: OverdueLimits): number {
    if (this.ms === null) return firstMs
    return Math.min(maxMs, Math.max(minMs, Math.ceil(this.ms + 4 * this.#deviationMs)))
  }
}
