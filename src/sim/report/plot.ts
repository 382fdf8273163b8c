/**
 * Plots as inline SVG text: lines, steps and bars with axes, and no more. Written by hand because a report must open
 * offline, print sharply and follow light and dark by CSS alone; canvas libraries (uPlot) print as pixels and need a
 * script in the page, and Observable Plot brings D3 and a document, for what is two hundred lines here.
 */

import { escapeHtml } from './escape.ts'

export type Point = readonly [x: number, y: number]

/** One curve or set of bars. `color`: 1…6, a slot of the page's palette. */
export interface Curve {
  readonly name: string
  readonly color: number
  readonly points: readonly Point[]
}

export interface Plot {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly curves: readonly Curve[]
  readonly kind: 'line' | 'step' | 'bars'
  /** Decades on the x axis: for durations. */
  readonly isLogarithmic?: boolean
  /** Least extent of the y axis; it grows with the data. */
  readonly yRange?: readonly [min: number, max: number]
  readonly formatX?: (value: number) => string
  readonly formatY?: (value: number) => string
}

const WIDTH = 480
const HEIGHT = 250
const MARGIN = { left: 54, right: 14, top: 12, bottom: 40 }
const INNER_WIDTH = WIDTH - MARGIN.left - MARGIN.right
const INNER_HEIGHT = HEIGHT - MARGIN.top - MARGIN.bottom

interface Scale {
  readonly min: number
  readonly max: number
  readonly ticks: readonly number[]
  at(value: number): number
}

/** A figure with its caption; a plot without data says so. */
export function plotSvg(plot: Plot): string {
  const caption = `<figcaption>${escapeHtml(plot.title)}</figcaption>`
  const points = plot.curves.flatMap((curve) => curve.points)
  if (points.length === 0) return `<figure>${caption}<p class="empty">nothing was measured</p></figure>`
  const x = xScale(plot, points)
  const y = yScale(plot, points)
  const marks =
    plot.kind === 'bars' ? bars(plot.curves, x, y) : plot.curves.map((curve) => path(plot, curve, x, y)).join('')
  const label = `${plot.title}: ${plot.yLabel} over ${plot.xLabel}`
  return `<figure>${caption}<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(label)}">${axes(plot, x, y)}${marks}</svg></figure>`
}

function xScale(plot: Plot, points: readonly Point[]): Scale {
  const values = points.map(([value]) => value)
  const toPixels = (share: number): number => MARGIN.left + share * INNER_WIDTH
  if (plot.isLogarithmic === true) return logarithmic(values, toPixels)
  const pad = plot.kind === 'bars' ? 0.5 : 0
  const [min, max] = widened(least(values) - pad, greatest(values) + pad)
  return { min, max, ticks: niceTicks(min, max, 6), at: (value) => toPixels((value - min) / (max - min)) }
}

function logarithmic(values: readonly number[], toPixels: (share: number) => number): Scale {
  const low = Math.floor(Math.log10(Math.max(1, least(values))))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1, greatest(values)))))
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i))
  const at = (value: number): number => toPixels((Math.log10(Math.max(1, value)) - low) / (high - low))
  return { min: 10 ** low, max: 10 ** high, ticks, at }
}

function yScale(plot: Plot, points: readonly Point[]): Scale {
  const values = points.map(([, value]) => value)
  const [from, to] = plot.yRange ?? [0, 0]
  const [low, high] = widened(Math.min(from, least(values)), Math.max(to, greatest(values)))
  const ticks = niceTicks(low, high, 5)
  const stepSize = (ticks[1] ?? high) - (ticks[0] ?? low)
  const isFixed = plot.yRange !== undefined && high === to
  const max = isFixed ? high : Math.ceil(high / stepSize) * stepSize
  const at = (value: number): number => MARGIN.top + (1 - (value - low) / (max - low)) * INNER_HEIGHT
  return { min: low, max, ticks: niceTicks(low, max, 5), at }
}

const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
const greatest = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)

function widened(min: number, max: number): [number, number] {
  return max > min ? [min, max] : [min, min + 1]
}

/** Round numbers (1, 2 or 5 times a power of ten) that lie within the range, about `count` of them. */
export function niceTicks(min: number, max: number, count: number): number[] {
  const rough = (max - min) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999) as number
  const size = factor * power
  const first = Math.ceil(min / size - 1e-9)
  const last = Math.floor(max / size + 1e-9)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * size).toPrecision(12)))
}

function axes(plot: Plot, x: Scale, y: Scale): string {
  const { formatX = plain, formatY = plain } = plot
  const bottom = HEIGHT - MARGIN.bottom
  const right = WIDTH - MARGIN.right
  const rows = y.ticks.map((tick) => {
    const at = round(y.at(tick))
    return `<line class="grid" x1="${MARGIN.left}" x2="${right}" y1="${at}" y2="${at}"/><text x="${MARGIN.left - 7}" y="${at + 3.5}" text-anchor="end">${escapeHtml(formatY(tick))}</text>`
  })
  const columns = x.ticks.map((tick) => {
    const at = round(x.at(tick))
    return `<line class="tick" x1="${at}" x2="${at}" y1="${bottom}" y2="${bottom + 4}"/><text x="${at}" y="${bottom + 16}" text-anchor="middle">${escapeHtml(formatX(tick))}</text>`
  })
  return `${rows.join('')}${columns.join('')}<line class="axis" x1="${MARGIN.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/><text class="label" x="${(MARGIN.left + right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(plot.xLabel)}</text><text class="label" transform="rotate(-90)" x="${-(MARGIN.top + INNER_HEIGHT / 2)}" y="12" text-anchor="middle">${escapeHtml(plot.yLabel)}</text>`
}

function path({ kind }: Plot, { points, color, name }: Curve, x: Scale, y: Scale): string {
  const commands = points.map(([at, value], index) => {
    const [px, py] = [round(x.at(at)), round(y.at(value))]
    if (index === 0) return `M${px},${py}`
    return kind === 'step' ? `H${px}V${py}` : `L${px},${py}`
  })
  return `<path class="curve c${color}" d="${commands.join('')}"><title>${escapeHtml(name)}</title></path>`
}

function bars(curves: readonly Curve[], x: Scale, y: Scale): string {
  const slot = (x.at(1) - x.at(0)) * 0.84
  const width = Math.max(0.8, slot / curves.length)
  const base = y.at(y.min)
  return curves
    .flatMap(({ points, color, name }, index) =>
      points.map(([at, value]) => {
        const left = round(x.at(at) - slot / 2 + index * width)
        const top = round(y.at(value))
        return `<rect class="bar c${color}" x="${left}" y="${top}" width="${round(width)}" height="${round(base - top)}"><title>${escapeHtml(`${name}: ${at} — ${(value * 100).toPrecision(3)} %`)}</title></rect>`
      }),
    )
    .join('')
}

const round = (pixels: number): number => Math.round(pixels * 10) / 10

/** 1,200 → "1.2k". */
export function plain(value: number): string {
  const size = Math.abs(value)
  if (size >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))}M`
  if (size >= 1_000) return `${Number((value / 1_000).toPrecision(3))}k`
  return String(Number(value.toPrecision(3)))
}
