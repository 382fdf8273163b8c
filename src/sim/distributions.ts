/**
 * The distributions of the simulated world that are not uniform. `exp`, `log`, `cos` and `pow` may differ between
 * engines in the last bit: whoever uses these rounds to whole milliseconds before anything enters a trace.
 */

import type { Rng } from './rng.ts'

/** A standard normal from two uniform numbers of [0, 1) (Box & Muller 1958). */
export function normal([u, v]: readonly [u: number, v: number]): number {
  return Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v)
}

/** Lognormal with median 1. */
export function lognormal(sigma: number, units: readonly [u: number, v: number]): number {
  return Math.exp(sigma * normal(units))
}

/** Weibull with this shape and mean; shape 1 is exponential, below 1 the old live on (Stutzbach & Rejaie, IMC 2006). */
export function weibull(rng: Rng, model: { readonly shape: number; readonly mean: number }): number {
  return scaleOf(model) * Math.pow(rng.exponential(1), 1 / model.shape)
}

/**
 * What is left of the life of someone met at random in a population that has long been in balance: a life drawn by its
 * length (its power `shape` is Gamma(1 + 1/shape)), cut at a uniform point. A world that began with newborn peers only
 * would die far faster than the model's mean for as long as the run lasts, for shape 0.5.
 */
export function weibullRest(rng: Rng, model: { readonly shape: number; readonly mean: number }): number {
  const life = scaleOf(model) * Math.pow(gammaDraw(rng, 1 + 1 / model.shape), 1 / model.shape)
  return life * rng.unit()
}

function scaleOf({ shape, mean }: { readonly shape: number; readonly mean: number }): number {
  return mean / gamma(1 + 1 / shape)
}

/** Gamma(k, 1) for k ≥ 1 (Marsaglia & Tsang 2000). */
function gammaDraw(rng: Rng, k: number): number {
  const d = k - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const z = normal([rng.unit(), rng.unit()])
    const v = (1 + c * z) ** 3
    if (v > 0 && Math.log(1 - rng.unit()) < 0.5 * z * z + d - d * v + d * Math.log(v)) return d * v
  }
}

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

/** The gamma function for x ≥ 1 (Lanczos, g = 7, n = 9: 15 digits). */
export function gamma(x: number): number {
  const t = x + 6.5
  const sum = LANCZOS.reduce((total, coefficient, i) => total + coefficient / (x + i), 0.99999999999980993)
  return Math.sqrt(2 * Math.PI) * Math.pow(t, x - 0.5) * Math.exp(-t) * sum
}
