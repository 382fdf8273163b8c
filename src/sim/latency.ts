/**
 * How long things take between two simulated peers. A pair has one base latency for the whole run, derived from the
 * seed and the two numbers (nothing is stored), and every frame adds a little jitter of its own.
 */

import { lognormal } from './distributions.ts'
import { mix32, pairUnit, type Rng } from './rng.ts'

/**
 * One way, in milliseconds, over pairs. uniform: what iroh-gossip's simulations use (REFERENCE §1a). lognormal: most
 * pairs near the median, a few far away, none beyond `maxMs`. coordinates: see `CoordinateLatency`.
 */
export type Latency =
  | { readonly kind: 'constant'; readonly ms: number }
  | { readonly kind: 'uniform'; readonly minMs: number; readonly maxMs: number }
  | { readonly kind: 'lognormal'; readonly medianMs: number; readonly sigma: number; readonly maxMs: number }
  | CoordinateLatency

/**
 * A flat world: regions lie in a square, peers lie around the middle of their region, and a pair takes the distance plus
 * both access delays (Vivaldi's plane with heights; Dabek et al., SIGCOMM 2004). So the triangle inequality holds and
 * neighbourhoods exist.
 */
export interface CoordinateLatency {
  readonly kind: 'coordinates'
  /** How many regions; peers are spread evenly over them. */
  readonly regions: number
  /** Side of the square in which the regions' middles lie, in milliseconds. */
  readonly spanMs: number
  /** Side of one region. */
  readonly regionMs: number
  /** A peer's own last mile, least and greatest; counted at both ends. */
  readonly accessMs: readonly [min: number, max: number]
}

export interface LatencyOptions {
  /** Default: uniform 10…50 ms. */
  readonly latency: Latency
  /** Share of the base latency that a frame may take longer, uniform. Default 0.1 (gossipsub simsub, REFERENCE §1a). */
  readonly jitter: number
}

export const LATENCY_DEFAULTS: LatencyOptions = { latency: { kind: 'uniform', minMs: 10, maxMs: 50 }, jitter: 0.1 }

/** A point of the flat world and its last mile, in milliseconds. */
export interface Place {
  readonly region: number
  readonly x: number
  readonly y: number
  readonly accessMs: number
}

export class LatencyModel {
  readonly #latency: Latency
  readonly #jitter: number
  readonly #salt: number
  readonly #rng: Rng

  constructor(options: LatencyOptions, rng: Rng) {
    this.#latency = options.latency
    this.#jitter = options.jitter
    this.#salt = rng.next()
    this.#rng = rng
  }

  /** One-way base latency between two peers by their numbers, in milliseconds; the same in both directions. */
  baseMs(a: number, b: number): number {
    const latency = this.#latency
    switch (latency.kind) {
      case 'constant':
        return latency.ms
      case 'uniform':
        return latency.minMs + pairUnit(this.#salt, a, b) * (latency.maxMs - latency.minMs)
      case 'lognormal':
        return this.#lognormalMs(latency, a, b)
      case 'coordinates':
        return distanceMs(this.#placeIn(latency, a), this.#placeIn(latency, b))
    }
  }

  /** Where a peer lies; null unless the world has coordinates. */
  placeOf(number: number): Place | null {
    return this.#latency.kind === 'coordinates' ? this.#placeIn(this.#latency, number) : null
  }

  /** What one frame takes over a link with this base latency: whole milliseconds. */
  frameMs(baseMs: number): number {
    if (this.#jitter === 0) return Math.round(baseMs)
    return Math.round(baseMs * (1 + this.#jitter * this.#rng.unit()))
  }

  /** Whole milliseconds: engines may differ in the last bit of `exp`, and must not differ in a trace. */
  #lognormalMs(latency: Extract<Latency, { kind: 'lognormal' }>, a: number, b: number): number {
    const units = [pairUnit(this.#salt, a, b), pairUnit(mix32(this.#salt), a, b)] as const
    return Math.min(latency.maxMs, Math.round(latency.medianMs * lognormal(latency.sigma, units)))
  }

  #placeIn(latency: CoordinateLatency, number: number): Place {
    const { regions, spanMs, regionMs, accessMs } = latency
    const unit = (of: number, lane: number): number => mix32(mix32(of ^ this.#salt) + lane) / 0x1_0000_0000
    const region = Math.floor(unit(number, 0) * regions)
    return {
      region,
      x: unit(~region, 1) * spanMs + (unit(number, 2) - 0.5) * regionMs,
      y: unit(~region, 3) * spanMs + (unit(number, 4) - 0.5) * regionMs,
      accessMs: accessMs[0] + unit(number, 5) * (accessMs[1] - accessMs[0]),
    }
  }
}

/** `sqrt` is exactly rounded everywhere (IEEE 754), `hypot` is not. */
function distanceMs(a: Place, b: Place): number {
  const [dx, dy] = [a.x - b.x, a.y - b.y]
  return Math.sqrt(dx * dx + dy * dy) + a.accessMs + b.accessMs
}
