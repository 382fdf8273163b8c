/** Reports: nothing from elsewhere, nothing that could be markup, and every figure that was asked for. */

import { expect, test } from 'vitest'
import {
  changeText,
  comparisonHtml,
  compareResults,
  figure,
  loadScenario,
  reportHtml,
  RESULT_FORMAT,
  type ResultFile,
  type RunResult,
  runScenario,
} from '../../../src/sim/index.ts'
import { niceTicks } from '../../../src/sim/report/plot.ts'
import { SEED } from '../support.ts'

const document = {
  name: 'reported',
  description: 'Six peers <script>alert(1)</script>',
  source: 'a "test" & more',
  defaults: { peers: 6 },
  phases: [
    { do: 'join', share: 1, withinMs: 100 },
    { do: 'settle', limitMs: 30_000 },
    { do: 'unicasts', count: 20, perSecond: 100 },
  ],
  expect: [
    { metric: 'unicasts.success', min: 1 },
    { metric: 'unicasts.hops.mean', max: 0.5 },
  ],
}

async function result(seeds: readonly number[], options: Record<string, unknown> = {}): Promise<ResultFile> {
  const scenario = loadScenario(document)
  const runs = []
  for (const seed of seeds) runs.push(await runScenario(scenario, { seed, options }))
  return { format: RESULT_FORMAT, versions: { musubi: '0.0.0' }, document, runs }
}

const FIGURES = ['Delivery over time', 'Components', 'Traffic', 'Hops', 'Degree at the end', 'Latency of unicasts']

test('a report holds gates, plots and options, and loads nothing', async () => {
  const html = reportHtml(await result([SEED, SEED + 1]))
  for (const title of FIGURES) expect(html).toContain(`<figcaption>${title}</figcaption>`)
  expect(html.match(/<svg /g)).toHaveLength(8)
  expect(html).toContain('unicasts.success')
  expect(html).toContain('class="missed"')
  expect(html).toContain(`seed ${SEED + 1}`)
  expect(html).not.toMatch(/\b(src|href)=|url\(|@import|<script/)
  expect(html).toContain('&lt;script&gt;')
  expect(html).not.toMatch(/NaN|undefined|Infinity/)
})

test('gates of runs that judged others, or in another order, stand in the rows that name them', async () => {
  const { document: _, ...file } = await result([SEED, SEED + 1, SEED + 2])
  const [first, second, third] = file.runs as [RunResult, RunResult, RunResult]
  const limits = third.gates.map((gate) => ({ ...gate, limit: 0.25 }))
  const runs = [first, { ...second, gates: second.gates.toReversed() }, { ...third, gates: limits.slice(0, 1) }]
  const html = reportHtml({ ...file, document, runs })
  const row = (metric: string): string => html.match(`<tr><td><code>${metric}</code>.*?</tr>`)![0]
  expect(row('unicasts.success').match(/✓ 100 %/g)).toHaveLength(3)
  expect(row('unicasts.success')).toContain('≥ 100 %<br>≥ 25 %')
  expect(row('unicasts.hops.mean').match(/✗/g)).toHaveLength(2)
  expect(row('unicasts.hops.mean')).toContain('—')
})

test('values of parameters are text', async () => {
  const { runs, ...file } = await result([SEED])
  const html = reportHtml({ ...file, runs: [{ ...runs[0]!, parameters: { p: '<img src=x onerror=alert(1)>' } }] })
  expect(html).toContain('&lt;img')
  expect(html).not.toContain('<img')
})

test('a comparison overlays both results and says what changed', async () => {
  const [before, after] = [await result([SEED]), await result([SEED], { latency: { kind: 'constant', ms: 1 } })]
  const html = comparisonHtml(before, after, ['slow', 'fast'])
  expect(html).toContain('class="curve c1"')
  expect(html).toContain('class="curve c2"')
  const [comparison] = compareResults(before, after)
  const latency = comparison!.changes.find(({ metric }) => metric === 'unicasts.latency.p50Ms')!
  expect(latency.after).toBeLessThan(latency.before!)
  expect(changeText(latency)).toMatch(/^−\d/)
  expect(changeText({ metric: 'x', before: 2, after: 2 })).toBe('=')
  expect(changeText({ metric: 'x', before: null, after: 2 })).toBe('')
})

test.each([
  ['join.p95Ms', 4_740, '4.74 s'],
  ['settle.msAfterBridge', 250, '250 ms'],
  ['unicasts.success', 0.99874, '99.874 %'],
  ['sample.peers', 10_000, '10,000'],
  ['unicasts.hops.mean', 3.56789, '3.568'],
  ['cost.peakBytes', 3 * 2 ** 30, '3 GiB'],
  ['x', null, '—'],
])('%s of %s reads "%s"', (metric, value, text) => {
  expect(figure(metric, value)).toBe(text)
})

test('ticks are round numbers inside their range', () => {
  expect(niceTicks(0, 100, 5)).toEqual([0, 20, 40, 60, 80, 100])
  expect(niceTicks(0.98, 1, 5)).toEqual([0.98, 0.985, 0.99, 0.995, 1])
  expect(niceTicks(3, 4, 2)).toEqual([3, 3.5, 4])
})
