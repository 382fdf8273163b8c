/**
 * How long things take between two simulated peers. A pair has one base latency for the whole run, derived from the
 * seed and the two numbers (nothing is stored), and every frame adds a little jitter of its own. Links are reliable and
 * ordered, as WebSockets and our data channels are; loss shows as delay there.
 */

import { mix32, type Rng } from './rng.ts'

export interface LatencyOptions {
  /** One way, milliseconds, uniform over pairs. Default 10…50: what iroh-gossip's simulations use (REFERENCE §1a). */
  readonly latencyMs: readonly [min: number, max: number]
  /** Share of the base latency that a frame may take longer, uniform. Default 0.1 (gossipsub simsub, REFERENCE §1a). */
  readonly jitter: number
}

export const LATENCY_DEFAULTS: LatencyOptions = { latencyMs: [10, 50], jitter: 0.1 }

export class LatencyModel {
  readonly #min: number
  readonly #span: number
  readonly #jitter: number
  readonly #salt: number
  readonly #rng: Rng

  constructor(options: LatencyOptions, rng: Rng) {
    this.#min = options.latencyMs[0]
    this.#span = options.latencyMs[1] - options.latencyMs[0]
    this.#jitter = options.jitter
    this.#salt = rng.next()
    this.#rng = rng
  }

  /** One-way base latency between two peers by their numbers, in milliseconds; the same in both directions. */
  baseMs(a: number, b: number): number {
    const pair = mix32(Math.min(a, b) ^ this.#salt) ^ Math.max(a, b)
    return this.#min + (mix32(pair) / 0x1_0000_0000) * this.#span
  }

  /** What one frame takes over a link with this base latency: whole milliseconds. */
  frameMs(baseMs: number): number {
    if (this.#jitter === 0) return Math.round(baseMs)
    return Math.round(baseMs * (1 + this.#jitter * this.#rng.unit()))
  }
}
