/**
 * Peers come and go all the time and their number stays: whoever goes is replaced by a newcomer. Session lengths are
 * Weibull (shape 0.5 is what file-sharing networks show: Stutzbach & Rejaie, IMC 2006) or exponential, which makes
 * departures a Poisson process (Bamboo, USENIX ATC 2004). The peers met at the beginning have lived for a while already
 * (`weibullRest`), so a run is in balance from its first second.
 */

import { weibull, weibullRest } from './distributions.ts'
import type { SimNode } from './node.ts'
import { expectNumber } from './options.ts'
import type { Rng } from './rng.ts'

/** How long a peer stays. meanMs: of the Weibull distribution. medianMs: half of the sessions are shorter (Bamboo's way to put it). */
export type ChurnModel =
  | { readonly kind: 'weibull'; readonly shape: number; readonly meanMs: number }
  | { readonly kind: 'poisson'; readonly medianMs: number }

export interface ChurnHow {
  /** Share of the departures that say goodbye; the others just fall silent. Default 0. */
  readonly leaveShare?: number
  /** Milliseconds from a departure to the newcomer that makes up for it. Default 0: at the same instant. */
  readonly replaceAfterMs?: number
}

/** Goes on until `stop` is called. */
export interface Churn {
  readonly departures: number
  readonly arrivals: number
  stop(): void
}

/** What churn does to the world. */
export interface ChurnVerbs {
  readonly rng: Rng
  readonly peers: readonly SimNode[]
  after(delayMs: number, task: () => void): void
  depart(node: SimNode, how: { readonly isPolite: boolean }): void
  arrive(): SimNode
}

export class RunningChurn implements Churn {
  departures = 0
  arrivals = 0
  #isOn = true
  readonly #verbs: ChurnVerbs
  readonly #life: { readonly shape: number; readonly mean: number }
  readonly #leaveShare: number
  readonly #replaceAfterMs: number

  constructor(verbs: ChurnVerbs, model: ChurnModel, how: ChurnHow = {}) {
    validateChurn(model)
    expectNumber('leaveShare', how.leaveShare ?? 0, { min: 0, max: 1 })
    expectNumber('replaceAfterMs', how.replaceAfterMs ?? 0, { min: 0, isWhole: true })
    this.#verbs = verbs
    this.#life = lifeOf(model)
    this.#leaveShare = how.leaveShare ?? 0
    this.#replaceAfterMs = how.replaceAfterMs ?? 0
    for (const peer of verbs.peers) this.#departAfter(peer, weibullRest(verbs.rng, this.#life))
  }

  stop(): void {
    this.#isOn = false
  }

  #departAfter(node: SimNode, delayMs: number): void {
    this.#verbs.after(Math.round(delayMs), () => this.#depart(node))
  }

  #depart(node: SimNode): void {
    if (!this.#isOn) return
    // Whoever the scenario has taken away meanwhile is its business; the place stays filled.
    if (node.isUp) {
      this.departures++
      this.#verbs.depart(node, { isPolite: this.#verbs.rng.unit() < this.#leaveShare })
    }
    this.#verbs.after(this.#replaceAfterMs, () => this.#arrive())
  }

  #arrive(): void {
    if (!this.#isOn) return
    this.arrivals++
    this.#departAfter(this.#verbs.arrive(), weibull(this.#verbs.rng, this.#life))
  }
}

/** Throws RangeError that names the field. */
export function validateChurn(model: ChurnModel): void {
  if (model.kind === 'poisson') expectNumber('medianMs', model.medianMs, { min: 1 })
  else {
    expectNumber('shape', model.shape, { min: 0.1, max: 10 })
    expectNumber('meanMs', model.meanMs, { min: 1 })
  }
}

function lifeOf(model: ChurnModel): { readonly shape: number; readonly mean: number } {
  if (model.kind === 'weibull') return { shape: model.shape, mean: model.meanMs }
  return { shape: 1, mean: model.medianMs / Math.LN2 }
}
