/** How figures read, in the terminal and in reports. */

import type { GateResult, RunResult } from '../scenario/result.ts'

/** Metrics named …Ms are durations; shares and rates keep four digits. */
export function figure(metric: string, value: number | null): string {
  if (value === null) return '—'
  if (/[mM]s(AfterBridge)?$/.test(metric)) return duration(value)
  if (metric.endsWith('peakBytes')) return bytes(value)
  if (/(success|Share)$/.test(metric)) return `${Number((value * 100).toFixed(3))} %`
  if (Number.isInteger(value)) return value.toLocaleString('en')
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(4)))
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  const seconds = ms / 1_000
  if (seconds < 120) return `${Number(seconds.toPrecision(3))} s`
  return seconds < 7_200
    ? `${Number((seconds / 60).toPrecision(3))} min`
    : `${Number((seconds / 3_600).toPrecision(3))} h`
}

export function bytes(count: number): string {
  if (count < 1_024) return `${Math.round(count)} B`
  const units = ['KiB', 'MiB', 'GiB']
  const power = Math.min(units.length, Math.floor(Math.log2(count) / 10))
  return `${Number((count / 1_024 ** power).toPrecision(3))} ${units[power - 1]}`
}

/** "≤ 3.8". */
export function limit({ metric, bound, limit: value, isMet }: GateResult): string {
  if (value === null) return isMet ? 'not judged here' : 'what limits it was not measured'
  return `${bound === 'min' ? '≥' : '≤'} ${figure(metric, value)}`
}

/** "share=0.5, behavior=misrouter"; empty without parameters. */
export function parametersText(parameters: RunResult['parameters']): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ')
}

/** One line that tells which run this is. */
export function runTitle({ scenario, parameters, peers, seed }: RunResult): string {
  const chosen = parametersText(parameters)
  return `${scenario}${chosen === '' ? '' : ` (${chosen})`}, ${peers.toLocaleString('en')} peers, seed ${seed}`
}
