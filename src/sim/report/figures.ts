/** The eight plots of a report; several runs lie over each other, each in its colour. */

import type { RunResult, Series } from '../scenario/result.ts'
import { plain, type Plot, type Point } from './plot.ts'
import { duration } from './wording.ts'

/** A run with the name and palette slot that it has throughout a section. */
export interface Named {
  readonly name: string
  readonly color: number
  readonly run: RunResult
}

const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`

/** The y axis of delivery begins a little below the worst point: 99.9 and 100 % must not look alike. */
function deliveryRange(runs: readonly Named[]): [number, number] {
  const worst = runs.reduce(
    (least, { run }) => run.series.delivered.reduce<number>((a, b) => Math.min(a, b ?? 1), least),
    1,
  )
  return [Math.max(0, Math.floor(worst * 50 - 0.5) / 50), 1]
}

export function figuresOf(runs: readonly Named[]): Plot[] {
  return [
    overTime(runs, 'delivered', {
      title: 'Delivery over time',
      yLabel: 'unicasts delivered',
      yRange: deliveryRange(runs),
      formatY: percent,
    }),
    overTime(runs, 'components', { title: 'Components', yLabel: 'components', kind: 'step', yRange: [0, 2] }),
    overTime(runs, 'bytesPerPeerSecond', { title: 'Traffic', yLabel: 'bytes per peer and second' }),
    overTime(runs, 'peers', { title: 'Peers that are up', yLabel: 'peers', kind: 'step' }),
    histogram(runs, 'hops', { title: 'Hops', xLabel: 'links crossed', yLabel: 'share of unicasts' }),
    histogram(runs, 'degree', { title: 'Degree at the end', xLabel: 'links', yLabel: 'share of peers' }),
    distribution(runs, 'latency', { title: 'Latency of unicasts', yLabel: 'share acknowledged within' }),
    distribution(runs, 'join', { title: 'Time to join', yLabel: 'share ready within' }),
  ]
}

type Words = Omit<Plot, 'curves' | 'kind' | 'xLabel'> & { readonly kind?: Plot['kind']; readonly xLabel?: string }

function overTime(runs: readonly Named[], name: Exclude<keyof Series, 'atMs'>, words: Words): Plot {
  const curves = runs.map(({ run, ...named }) => {
    const { atMs, [name]: values } = run.series
    const points = values.flatMap((value, index): Point[] => (value === null ? [] : [[atMs[index] as number, value]]))
    return { ...named, points }
  })
  return { kind: 'line', xLabel: 'virtual time', formatX: duration, formatY: plain, ...words, curves }
}

function histogram(runs: readonly Named[], name: 'hops' | 'degree', words: Words & { readonly xLabel: string }): Plot {
  const curves = runs.map(({ run, ...named }) => {
    const counts = run.histograms[name]
    const total = counts.reduce((sum, count) => sum + count, 0)
    const points = counts.flatMap((count, value): Point[] => (count === 0 ? [] : [[value, count / total]]))
    return { ...named, points }
  })
  return { kind: 'bars', formatY: percent, ...words, curves }
}

function distribution(runs: readonly Named[], name: 'latency' | 'join', words: Words): Plot {
  const curves = runs.map(({ run, ...named }) => ({ ...named, points: run.histograms[name] }))
  return {
    kind: 'step',
    xLabel: 'milliseconds, logarithmic',
    isLogarithmic: true,
    yRange: [0, 1],
    formatY: percent,
    ...words,
    curves,
  }
}
