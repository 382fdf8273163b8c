/**
 * A report: one HTML page without anything from elsewhere, for one result or two. Runs of the same scenario and
 * parameters share a section, their curves lie over each other. Light and dark follow the reader's system; on paper it
 * is light.
 */

import type { GateResult, ResultFile, RunResult } from '../scenario/result.ts'
import { type Change, changeText, compareResults, keyOf } from './compare.ts'
import { escapeHtml } from './escape.ts'
import { figuresOf, type Named } from './figures.ts'
import { plotSvg } from './plot.ts'
import { STYLE } from './style.ts'
import { bytes, duration, figure, limit, parametersText } from './wording.ts'

/** Colours of the palette; more runs in one section begin again. */
const COLORS = 6

/** The report of one result, as a page. */
export function reportHtml(result: ResultFile): string {
  const keys = [...new Set(result.runs.map(keyOf))]
  const sections = keys.map((key) => {
    const runs = result.runs.filter((run) => keyOf(run) === key)
    return section(
      named(runs, (run) => `seed ${run.seed}`),
      '',
    )
  })
  return page(titleOf(result), [overview(result), ...sections, environment([result])])
}

/** Two results over each other, as a page. `names`: what to call them. */
export function comparisonHtml(before: ResultFile, after: ResultFile, names: readonly [string, string]): string {
  const sections = compareResults(before, after).map((comparison) => {
    const runs = [...sideOf(comparison.before, names[0], 1), ...sideOf(comparison.after, names[1], 2)]
    return section(runs, changesTable(comparison.changes, names))
  })
  return page(`${names[0]} and ${names[1]}`, [...sections, environment([before, after])])
}

/** Runs of one result share its colour; their seeds tell them apart. */
function sideOf(runs: readonly RunResult[], name: string, color: number): Named[] {
  return runs.map((run) => ({ run, color, name: runs.length === 1 ? name : `${name}, seed ${run.seed}` }))
}

function titleOf({ runs }: ResultFile): string {
  return [...new Set(runs.map((run) => run.scenario))].join(', ')
}

function named(runs: readonly RunResult[], name: (run: RunResult) => string): Named[] {
  return runs.map((run, index) => ({ run, name: name(run), color: 1 + (index % COLORS) }))
}

function overview({ document, runs }: ResultFile): string {
  const { description = '', source = '' } = document as { description?: string; source?: string }
  const rows = runs.map((run) => [
    escapeHtml(parametersText(run.parameters)) || '—',
    run.peers.toLocaleString('en'),
    String(run.seed),
    verdict(run.hasPassed),
    duration(run.cost.simulatedMs),
    duration(run.cost.wallMs),
    run.cost.eventsPerSecond === null ? '—' : Math.round(run.cost.eventsPerSecond).toLocaleString('en'),
    run.cost.peakBytes === null ? '—' : bytes(run.cost.peakBytes),
    `<code>${escapeHtml(run.trace?.digest ?? '—')}</code>`,
  ])
  const head = ['parameters', 'peers', 'seed', 'gates', 'simulated', 'wall', 'events/s', 'memory', 'trace']
  return `<section><p class="lead">${escapeHtml(description)}</p><p class="source">Gates after: ${escapeHtml(source)}</p>${table(head, rows)}</section>`
}

function section(runs: readonly Named[], extra: string): string {
  const [{ run }] = runs as [Named]
  const chosen = parametersText(run.parameters)
  const legend = runs.map(({ name, color }) => `<span class="key"><i class="k${color}"></i>${escapeHtml(name)}</span>`)
  const errors = runs.flatMap(({ run: { error }, name }) =>
    error === null ? [] : [`<pre class="error">${escapeHtml(`${name}: ${error}`)}</pre>`],
  )
  return `<section><h2>${escapeHtml(run.scenario)}${chosen === '' ? '' : ` <small>${escapeHtml(chosen)}</small>`}</h2>
${errors.join('')}${gatesTable(runs)}<p class="legend">${[...new Set(legend)].join('')}</p>
<div class="plots">${figuresOf(runs).map(plotSvg).join('\n')}</div>${extra}${phases(runs)}</section>`
}

function gatesTable(runs: readonly Named[]): string {
  const all = runs.flatMap(({ run }) => run.gates)
  if (all.length === 0) return ''
  // A run that ended early has fewer, and limits may differ from run to run.
  const keys = [...new Set(all.map(gateKey))]
  const rows = keys.map((key) => {
    const alike = all.filter((gate) => gateKey(gate) === key)
    return [
      `<code>${escapeHtml((alike[0] as GateResult).metric)}</code>`,
      [...new Set(alike.map((gate) => escapeHtml(limit(gate))))].join('<br>'),
      ...runs.map(({ run }) => gateCell(run.gates.find((gate) => gateKey(gate) === key))),
    ]
  })
  return table(['gate', 'limit', ...runs.map(({ name }) => escapeHtml(name))], rows)
}

const gateKey = ({ metric, bound, phase }: GateResult): string => `${metric} ${bound} ${phase}`

function gateCell(gate: GateResult | undefined): string {
  if (gate === undefined) return '—'
  return `<span class="${gate.isMet ? 'met' : 'missed'}">${gate.isMet ? '✓' : '✗'} ${escapeHtml(figure(gate.metric, gate.value))}</span>`
}

function verdict(hasPassed: boolean): string {
  return hasPassed ? '<span class="met">✓ all met</span>' : '<span class="missed">✗ missed</span>'
}

function changesTable(changes: readonly Change[], names: readonly [string, string]): string {
  const rows = changes.map((change) => [
    `<code>${escapeHtml(change.metric)}</code>`,
    figure(change.metric, change.before),
    figure(change.metric, change.after),
    changeText(change),
  ])
  return `<details open><summary>All figures</summary>${table(['metric', ...names.map(escapeHtml), 'change'], rows)}</details>`
}

/** What every phase measured, one column a run. */
function phases(runs: readonly Named[]): string {
  const metrics = [...new Set(runs.flatMap(({ run }) => Object.keys(run.metrics)))]
  const rows = metrics.map((metric) => [
    `<code>${escapeHtml(metric)}</code>`,
    ...runs.map(({ run }) => figure(metric, run.metrics[metric] ?? null)),
  ])
  const steps = (runs[0] as Named).run.phases.map((phase) => {
    const label = phase.label === null || phase.label === phase.do ? '' : ` <code>${escapeHtml(phase.label)}</code>`
    return `<li>${escapeHtml(phase.do)}${label} <span class="quiet">${duration(phase.startMs)} – ${duration(phase.endMs)}</span></li>`
  })
  const head = ['metric', ...runs.map(({ name }) => escapeHtml(name))]
  return `<details><summary>Phases and everything measured</summary><ol class="phases">${steps.join('')}</ol>${table(head, rows)}</details>`
}

function environment(results: readonly ResultFile[]): string {
  const lines = results.map((result) => {
    const versions = Object.entries(result.versions).map(([name, version]) => `${name} ${version}`)
    const options = JSON.stringify(result.runs[0]?.options ?? {})
    return `<p>${escapeHtml(versions.join(', '))}. Options: <code>${escapeHtml(options)}</code></p>`
  })
  return `<footer>${lines.join('')}</footer>`
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string): string => row.map((cell) => `<${tag}>${cell}</${tag}>`).join('')
  return `<div class="scroll"><table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')}</tbody></table></div>`
}

function page(title: string, parts: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>musubi sim: ${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escapeHtml(title)}</h1><span class="mark">musubi sim</span></header>
<main>${parts.join('\n')}</main>
</body>
</html>
`
}
