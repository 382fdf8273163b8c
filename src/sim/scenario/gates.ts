/** Judges metrics by gates. A metric that could not be measured misses its gate: silence is not success. */

import type { Plan } from './load.ts'
import type { Metrics } from './metrics.ts'
import type { GateResult } from './result.ts'
import type { Gate, Limit } from './schema.ts'

/** What limits may depend on. */
export interface GateTerms {
  readonly plan: Plan
  readonly metrics: Metrics
  /** The same metrics without the scenario's handicap; null if there is no baseline. */
  readonly baseline: Metrics | null
  readonly phase: number | null
}

export function judge(gates: readonly Gate[], terms: GateTerms): GateResult[] {
  return gates.flatMap((gate) =>
    (['min', 'max'] as const).flatMap((bound) => {
      const limit = gate[bound]
      return limit === undefined ? [] : [judgeOne(gate.metric, bound, limit, terms)]
    }),
  )
}

function judgeOne(metric: string, bound: GateResult['bound'], wanted: Limit, terms: GateTerms): GateResult {
  const limit = limitOf(wanted, metric, terms)
  const value = terms.metrics[metric] ?? null
  const result = { metric, bound, value, isMet: isMet(bound, limit, value), phase: terms.phase }
  return { ...result, limit: Number.isNaN(limit) ? null : limit }
}

function isMet(bound: GateResult['bound'], limit: number | null, value: number | null): boolean {
  if (limit === null) return true
  if (value === null) return false
  return bound === 'min' ? value >= limit : value <= limit
}

/** Null: there is none for this size or parameter. NaN: what it depends on was not measured, and nothing is at most that. */
function limitOf(limit: Limit, metric: string, { plan, baseline, metrics }: GateTerms): number | null {
  if (typeof limit === 'number') return limit
  if ('of' in limit)
    return limit.times * ((limit.of === 'baseline' ? baseline?.[metric] : metrics[limit.of]) ?? Number.NaN)
  if (limit.by === 'peers') return bySize(limit.values, plan.peers)
  return limit.values[String(plan.parameters[limit.by])] ?? null
}

/** The limit of the smallest size that is not smaller than this mesh; none beyond the greatest. */
function bySize(values: Readonly<Record<string, number>>, peers: number): number | null {
  const sizes = Object.keys(values).map(Number)
  const size = sizes.filter((each) => each >= peers).toSorted((a, b) => a - b)[0]
  return size === undefined ? null : (values[size] as number)
}
