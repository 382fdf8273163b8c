/**
 * Figures and how they are taken: ours and its floor, or several, in turns (A B A B …), so that whatever else the machine
 * does hits all of them, and one table with the ratio that each gate is about. Shown are the medians of the turns, judged
 * is the median of the ratios of neighbouring turns: load that comes and goes moves the former and not the latter.
 */

import { loadavg } from 'node:os'

/** QUICK=1: fewer turns and smaller sizes, for a look while working; the gates are meant for full runs. */
export const isQuick = process.env['QUICK'] === '1'

/** The first in full runs, the second in quick ones. */
export const sized = <T>(full: T, quick: T): T => (isQuick ? quick : full)

/** One line of the table. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly ours: number
  /** Null: there is nothing to compare with, and the gate is about `ours` itself. */
  readonly floor: number | null
  /** Ours to floor, turn by turn. */
  readonly ratio: number | null
  /** The gate on the ratio; null: printed for orientation. */
  readonly gate: { readonly atMost: number } | { readonly atLeast: number } | null
  readonly note?: string
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Runs all sides in turns, in this order, `rounds` times each after `warmUps` that do not count. */
export async function inTurns<Side extends string, T>(
  sides: Readonly<Record<Side, () => Promise<T>>>,
  rounds: number,
  warmUps = 1,
): Promise<Record<Side, T[]>> {
  const names = Object.keys(sides) as Side[]
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Side, T[]>
  for (let round = -warmUps; round < rounds; round++) {
    for (const name of names) {
      const result = await sides[name]()
      if (round >= 0) results[name].push(result)
    }
  }
  return results
}

/** The numbers of a figure from the results of its turns. */
export function compare<T>(
  turns: { readonly ours: readonly T[]; readonly floor: readonly T[] },
  numberOf: (turn: T) => number,
): Pick<Figure, 'ours' | 'floor' | 'ratio'> {
  const ours = turns.ours.map(numberOf)
  const floor = turns.floor.map(numberOf)
  return { ours: median(ours), floor: median(floor), ratio: median(ours.map((value, turn) => value / floor[turn]!)) }
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

export function isMissed({ ours, ratio, gate }: Figure): boolean {
  if (gate === null) return false
  const judged = ratio ?? ours
  return !('atMost' in gate ? judged <= gate.atMost : judged >= gate.atLeast)
}

/** One figure as a line of text. */
export function lineOf(figure: Figure): string {
  const { name, unit, ours, floor, gate, note } = figure
  const ratio = figure.ratio === null ? '' : `${figure.ratio.toFixed(2)} ×`
  const bound = gate === null ? '' : 'atMost' in gate ? `≤ ${gate.atMost}` : `≥ ${gate.atLeast}`
  const verdict = gate === null ? '' : isMissed(figure) ? 'MISSED' : 'ok'
  const cells = [
    name.padEnd(58),
    show(ours).padStart(8),
    (floor === null ? '' : show(floor)).padStart(8),
    unit.padEnd(9),
  ]
  return [...cells, ratio.padStart(7), bound.padEnd(6), verdict.padEnd(6), note ?? ''].join('  ').trimEnd()
}

export const heading = ['', 'ours', 'floor']
  .map((cell, index) => (index === 0 ? cell.padEnd(58) : cell.padStart(8)))
  .join('  ')

export const load = (): string =>
  `load ${loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')}`

function show(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}
