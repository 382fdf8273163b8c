/** The runner: what steps do and measure, how gates are judged, and that runs repeat themselves. */

import { expect, test } from 'vitest'
import { loadScenario, runScenario, type RunResult } from '../../../src/sim/index.ts'
import { SEED } from '../support.ts'

type Steps = readonly Record<string, unknown>[]

interface Extra {
  readonly expect?: unknown[]
  readonly peers?: number
  readonly options?: object
  readonly [key: string]: unknown
}

/** A mesh of 12, then these steps. */
function play(steps: Steps, { peers = 12, options = {}, ...rest }: Extra = {}): Promise<RunResult> {
  const phases = [{ do: 'join', share: 1, withinMs: 200 }, { do: 'settle', limitMs: 30_000 }, ...steps]
  const head = { name: 'played', description: 'x', source: 'x', defaults: { peers, options } }
  return runScenario(loadScenario({ ...head, phases, ...rest }), { seed: SEED })
}

const talk = { do: 'unicasts', count: 40, perSecond: 100 }

test('a mesh forms, talks, and its result says so in numbers', async () => {
  const result = await play([talk, { do: 'broadcasts', count: 2 }, { do: 'sample' }])
  expect(result.error).toBeNull()
  expect(result.metrics).toMatchObject({
    'join.count': 12,
    'join.readyShare': 1,
    'settle.reached': 1,
    'unicasts.sent': 40,
    'unicasts.success': 1,
    'broadcasts.reachedShare': 1,
    'sample.components': 1,
    'sample.peers': 12,
    violations: 0,
  })
  expect(result.metrics['unicasts.hops.mean']).toBeGreaterThanOrEqual(1)
  expect(result.metrics['unicasts.bytesPerPeerSecond']).toBeGreaterThan(
    result.metrics['unicasts.bytesPerPeerSecondBesidesHeartbeats'] as number,
  )
  expect(result.histograms.hops.reduce((sum, count) => sum + count, 0)).toBe(40)
  expect(result.histograms.latency.at(-1)?.[1]).toBe(1)
  expect(result.series.peers.at(-1)).toBe(12)
  expect(JSON.parse(JSON.stringify(result))).toEqual(result)
})

test('the same plan gives the same result, another seed another trace', async () => {
  const { cost: _, ...first } = await play([talk])
  const { cost: __, ...second } = await play([talk])
  expect(second).toEqual(first)
  const phases = [{ do: 'join', share: 1, withinMs: 200 }, talk]
  const scenario = loadScenario({ name: 's', description: 'x', source: 'x', defaults: { peers: 12 }, phases })
  const [a, b] = [await runScenario(scenario, { seed: SEED }), await runScenario(scenario, { seed: SEED + 1 })]
  expect(a.trace?.digest).not.toBe(b.trace?.digest)
})

test('gates are judged by size, by parameter and against a baseline; what was not measured is missed', async () => {
  const { gates, hasPassed } = await play([{ do: 'run', as: 'still', forMs: 10, unicasts: { perSecond: 1 } }, talk], {
    parameters: { mood: ['calm'] },
    baseline: { options: { latency: { kind: 'constant', ms: 1 } } },
    expect: [
      { metric: 'join.count', max: { by: 'peers', values: { 10: 1, 20: 12, 30: 50 } } },
      { metric: 'join.count', max: { by: 'peers', values: { 10: 1 } } },
      { metric: 'join.count', min: { by: 'mood', values: { calm: 13 } } },
      { metric: 'unicasts.latency.p50Ms', max: { times: 1.5, of: 'baseline' } },
      { metric: 'still.success', min: 0 },
      { metric: 'join.count', max: { times: 2, of: 'still.success' } },
    ],
  })
  expect(gates.map(({ limit, isMet }) => [limit, isMet]).toSpliced(3, 1)).toEqual([
    [12, true],
    [null, true],
    [13, false],
    [0, false],
    [null, false],
  ])
  expect(gates[3]?.isMet).toBe(false)
  expect(gates[3]?.limit).toBeGreaterThan(0)
  expect(hasPassed).toBe(false)
})

test('what happened to nobody is not measured: no gate on it is met', async () => {
  const nobody = { do: 'join', as: 'late', count: 1, withinMs: 10 }
  const { metrics } = await play(
    [
      { do: 'killBootstrap' },
      nobody,
      { do: 'crash', share: 1, isNoticed: true },
      { do: 'broadcasts', count: 1, waitMs: 100 },
      { ...talk, timeoutMs: 100 },
    ],
    { peers: 2 },
  )
  expect(metrics).toMatchObject({ 'late.readyShare': 0, 'broadcasts.sent': 0, 'unicasts.sent': 0 })
  const measured = Object.keys(metrics).filter((metric) => /^(?:late|broadcasts|unicasts)\./.test(metric))
  for (const figure of [
    'late.p95Ms',
    'late.maxMs',
    'broadcasts.reachedShare',
    'broadcasts.missed',
    'broadcasts.hops.max',
  ])
    expect(measured).not.toContain(figure)
  for (const figure of ['success', 'hops.max', 'tries.max']) expect(measured).not.toContain(`unicasts.${figure}`)
})

test('a check is judged where it stands, the rest at the end', async () => {
  const check = { do: 'check', expect: [{ metric: 'violations', max: 0 }] }
  const { gates } = await play([check], { expect: [{ metric: 'settle.reached', min: 1 }] })
  expect(gates.map(({ metric, phase }) => [metric, phase])).toEqual([
    ['violations', 2],
    ['settle.reached', null],
  ])
})

test('a violation ends the run at once and is part of its result', async () => {
  const result = await play([{ do: 'crash', count: 3 }, { do: 'run', forMs: 60_000 }, { do: 'sample' }], {
    options: { detectionMs: 1 },
  })
  expect(result.hasPassed).toBe(false)
  expect(result.error).toMatch(/^seed \d+: symmetry at \d+ ms, node \d+/)
  expect(result.violations[0]).toMatchObject({ rule: 'symmetry' })
  expect(result.violations[0]?.atMs).toBeLessThanOrEqual(result.cost.simulatedMs)
  expect(result.phases.map((phase) => phase.do)).toEqual(['join', 'settle', 'crash'])
})

test('peers crash, leave, freeze and are cut off, and each shows', async () => {
  const { metrics, error } = await play([
    { do: 'killBootstrap' },
    { do: 'crash', count: 2, isNoticed: true },
    { do: 'leave', share: 0.1 },
    { do: 'run', as: 'repair', forMs: 10_000 },
    { do: 'sample', as: 'smaller' },
    { do: 'partition', shares: [0.5, 0.5] },
    { do: 'run', as: 'apart', forMs: 60_000 },
    { do: 'sample', as: 'halves' },
    { do: 'restartBootstrap' },
    { do: 'heal' },
    { do: 'settle', as: 'whole', limitMs: 120_000 },
    { do: 'freeze', count: 2, forMs: 1_000 },
    { do: 'unicasts', count: 20, perSecond: 100, among: 'survivors' },
  ])
  expect(error).toBeNull()
  expect(metrics).toMatchObject({
    'smaller.peers': 9,
    'smaller.components': 1,
    'halves.components': 2,
    'whole.reached': 1,
    'unicasts.sent': 20,
  })
})

test('under churn peers come and go until it stops, and what the dead took with them is void, not lost', async () => {
  const { metrics, series } = await play(
    [
      { do: 'churn', model: { kind: 'poisson', medianMs: 20_000 } },
      { do: 'run', forMs: 60_000, unicasts: { perSecond: 10 } },
      { do: 'stopChurn' },
      { do: 'run', as: 'calm', forMs: 60_000 },
    ],
    // Slow links: somebody always goes while a message is on its way.
    { options: { isStrict: false, latency: { kind: 'constant', ms: 300 } } },
  )
  // Now and then a pair is drawn of which one has just gone.
  expect(metrics['run.sent']).toBeGreaterThan(550)
  expect(metrics['run.voided']).toBeGreaterThan(0)
  expect(metrics['calm.bytesPerPeerSecond']).toBeGreaterThan(0)
  expect(new Set(series.peers.slice(-50))).toEqual(new Set([12]))
})

test('honest peers talk among themselves while others drop', async () => {
  const { metrics } = await play([
    { do: 'corrupt', share: 0.25, behavior: 'silentDropper' },
    { ...talk, among: 'honest' },
  ])
  expect(metrics['unicasts.sent']).toBe(40)
  expect(metrics['unicasts.wrong']).toBe(0)
})

test('who leaves is no crash: survivors are those of the last one', async () => {
  const steps = [
    { do: 'crash', count: 11, isNoticed: true },
    { do: 'join', as: 'more', count: 6, withinMs: 10 },
  ]
  const { metrics } = await play([
    ...steps,
    { do: 'leave', count: 1 },
    { do: 'run', forMs: 20_000 },
    { ...talk, among: 'survivors' },
  ])
  // One survived, and who came later or left is none: nobody to talk with.
  expect(metrics['unicasts.sent']).toBe(0)
})

test('what has not settled has no time, and misses a gate on it', async () => {
  const { metrics, gates } = await play(
    [
      { do: 'partition', shares: [0.5, 0.5] },
      { do: 'run', forMs: 60_000 },
      { do: 'settle', as: 'never', limitMs: 1_000 },
    ],
    { expect: [{ metric: 'never.ms', max: 1_000 }] },
  )
  expect(metrics['never.reached']).toBe(0)
  expect(gates).toMatchObject([{ value: null, isMet: false }])
})

test('of a hostile member, too, is known what it knows of its topic', async () => {
  const { metrics } = await play([
    { do: 'joinTopic', share: 1, topic: 'news' },
    { do: 'run', forMs: 20_000 },
    { do: 'corrupt', count: 1, behavior: 'freeRider' },
    { do: 'broadcasts', count: 1, topic: 'news' },
  ])
  expect(metrics['broadcasts.known.min']).toBe(1)
})

test('the series keeps what happened between its points when it gets coarser', async () => {
  // Wherever between two points it happens.
  for (let shiftMs = 0; shiftMs < 2_000; shiftMs += 250) {
    const { metrics, series } = await play(
      [
        { do: 'run', forMs: 60_000 + shiftMs },
        { do: 'partition', shares: [0.5, 0.5] },
        { do: 'unicasts', count: 20, perSecond: 100, timeoutMs: 200 },
        { do: 'heal' },
        { do: 'run', as: 'on', forMs: 600_000 },
      ],
      { peers: 4, options: { isStrict: false } },
    )
    expect(metrics['unicasts.success']).toBeLessThan(1)
    expect(series.delivered.filter((share) => share !== null && share < 1)).not.toEqual([])
  }
})

test('the series of a long run stays short', async () => {
  const { series } = await play([{ do: 'run', forMs: 3_600_000 }], { peers: 2 })
  expect(series.atMs.length).toBeLessThanOrEqual(480)
  expect(series.atMs.at(-1)).toBeGreaterThan(3_590_000)
  expect(series.atMs).toEqual(series.atMs.toSorted((a, b) => a - b))
})
