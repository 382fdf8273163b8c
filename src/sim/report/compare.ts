/** Two results side by side: runs of the same scenario and parameters are matched, and their metrics averaged. */

import type { Metrics } from '../scenario/metrics.ts'
import type { ResultFile, RunResult } from '../scenario/result.ts'

/** One metric in both results; null: not measured there. */
export interface Change {
  readonly metric: string
  readonly before: number | null
  readonly after: number | null
}

/** What two results say of one scenario. */
export interface Comparison {
  readonly scenario: string
  readonly parameters: RunResult['parameters']
  readonly before: readonly RunResult[]
  readonly after: readonly RunResult[]
  readonly changes: readonly Change[]
}

/** In the order of the first result; what only one of them has is compared with nothing. */
export function compareResults(before: ResultFile, after: ResultFile): Comparison[] {
  const keys = new Set([...before.runs, ...after.runs].map(keyOf))
  return [...keys].map((key) => {
    const left = before.runs.filter((run) => keyOf(run) === key)
    const right = after.runs.filter((run) => keyOf(run) === key)
    const { scenario, parameters } = (left[0] ?? right[0]) as RunResult
    return { scenario, parameters, before: left, after: right, changes: changesOf(left, right) }
  })
}

/** What makes two runs comparable. */
export function keyOf({ scenario, parameters }: RunResult): string {
  return `${scenario} ${JSON.stringify(parameters)}`
}

function changesOf(before: readonly RunResult[], after: readonly RunResult[]): Change[] {
  const [left, right] = [meansOf(before), meansOf(after)]
  const metrics = new Set([...Object.keys(left), ...Object.keys(right)])
  return [...metrics].map((metric) => ({ metric, before: left[metric] ?? null, after: right[metric] ?? null }))
}

function meansOf(runs: readonly RunResult[]): Metrics {
  const all = runs.map(({ metrics, cost }) => ({ ...metrics, ...costMetrics(cost) }))
  const names = new Set(all.flatMap((metrics) => Object.keys(metrics)))
  return Object.fromEntries(
    [...names].map((name) => {
      const values = all.flatMap((metrics: Metrics) => (metrics[name] === undefined ? [] : [metrics[name]]))
      return [name, values.reduce((sum, value) => sum + value, 0) / values.length]
    }),
  )
}

function costMetrics({ wallMs, eventsPerSecond, peakBytes }: RunResult['cost']): Metrics {
  return {
    'cost.wallMs': wallMs,
    ...(eventsPerSecond !== null && { 'cost.eventsPerSecond': eventsPerSecond }),
    ...(peakBytes !== null && { 'cost.peakBytes': peakBytes }),
  }
}

/** "+12 %", "−3 %", "=": how much the second differs from the first. */
export function changeText({ before, after }: Change): string {
  if (before === null || after === null) return ''
  if (before === after) return '='
  if (before === 0) return 'new'
  const percent = ((after - before) / Math.abs(before)) * 100
  const text = Math.abs(percent) < 0.1 ? '< 0.1' : String(Number(Math.abs(percent).toPrecision(3)))
  return `${percent > 0 ? '+' : '−'}${text} %`
}
