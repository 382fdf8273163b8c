/**
 * Runs a scenario: phase after phase against a driver, measuring as it goes, and judges the gates at the end. The world
 * is the driver's; what to do in it, whom to pick and what to add up is here, once for the simulator and for real
 * peers. A run that breaks an invariant ends at that instant, and its result says so.
 */

import { Clock } from './clock.ts'
import type { Driver, Member } from './driver.ts'
import { judge } from './gates.ts'
import { Durations } from './distribution.ts'
import { labelOf, type Metrics } from './metrics.ts'
import { type Plan, type PlanChoice, planOf, type Scenario } from './load.ts'
import type { RunHooks } from './hooks.ts'
import type { GateResult, PhaseResult, RunResult } from './result.ts'
import type { Step } from './schema.ts'
import { SimulatedWorld } from './simulated.ts'
import { Stage } from './stage.ts'
import { type Measured, perform } from './steps.ts'

/**
 * Runs a scenario in the simulator.
 *
 * @example
 * const result = await runScenario(scenario, { peers: 1_000, seed: 3, parameters: { share: 0.5 } })
 * for (const gate of result.gates) console.log(gate.metric, gate.value, gate.isMet)
 */
export async function runScenario(
  scenario: Scenario,
  choice: PlanChoice = {},
  hooks: RunHooks = {},
): Promise<RunResult> {
  const plan = planOf(scenario, choice)
  const baseline = plan.baseline === null ? null : await measureBaseline(plan, plan.baseline, hooks)
  return runPlan(plan, createWorld(plan, hooks), { hooks, baseline })
}

/** Runs a plan against any driver. `baseline`: metrics that gates with `{ "of": "baseline" }` compare with. */
export async function runPlan(
  plan: Plan,
  driver: Driver,
  { hooks = {}, baseline = null }: { readonly hooks?: RunHooks; readonly baseline?: Metrics | null } = {},
): Promise<RunResult> {
  const run = new Run(plan, driver, { hooks, baseline })
  await run.play()
  return run.result()
}

async function measureBaseline(plan: Plan, options: Plan['options'], hooks: RunHooks): Promise<Metrics> {
  const plain: Plan = { ...plan, options: { ...plan.options, ...options }, baseline: null, expect: [] }
  const phases = plain.phases.filter((phase) => phase.do !== 'check')
  const { metrics, error } = await runPlan({ ...plain, phases }, createWorld(plain, {}), { hooks })
  if (error !== null) throw new Error(`the baseline of ${plan.scenario} failed: ${error}`)
  return metrics
}

function createWorld(plan: Plan, { onEvent }: RunHooks): SimulatedWorld {
  const world = new SimulatedWorld({ ...definedOf(plan.options), seed: plan.seed })
  world.simulation.onEvent = onEvent ?? null
  return world
}

/** Without the keys that are there but undefined. */
function definedOf(options: Plan['options']): Record<string, never> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Record<string, never>
}

interface Played {
  readonly phase: Step
  readonly startMs: number
  readonly endMs: number
  readonly measured: Measured | null
}

class Run {
  readonly #plan: Plan
  readonly #driver: Driver
  readonly #baseline: Metrics | null
  readonly #stage: Stage
  readonly #phases: Played[] = []
  readonly #gates: GateResult[] = []
  readonly #startedAt = performance.now()
  #error: string | null = null

  constructor(plan: Plan, driver: Driver, { hooks, baseline }: { hooks: RunHooks; baseline: Metrics | null }) {
    this.#plan = plan
    this.#driver = driver
    this.#baseline = baseline
    this.#stage = new Stage(driver, new Clock(plan, driver, hooks))
  }

  async play(): Promise<void> {
    try {
      await this.#driver.startBootstrap()
      for (const [index, phase] of this.#plan.phases.entries()) await this.#phase(index, phase)
    } catch (error) {
      this.#error = error instanceof Error ? error.message : String(error)
    }
    await this.#stage.finish(this.#error === null)
    this.#judge(this.#plan.expect, null)
  }

  async #phase(index: number, phase: Step): Promise<void> {
    const startMs = this.#driver.nowMs
    this.#stage.clock.enter(index)
    if (phase.do === 'check') this.#judge(phase.expect, index)
    const done = await perform(phase, this.#stage, this.#plan)
    this.#phases.push({ phase, startMs, endMs: this.#driver.nowMs, measured: done ?? null })
  }

  #judge(gates: Plan['expect'], phase: number | null): void {
    const terms = { plan: this.#plan, metrics: this.#metrics(), baseline: this.#baseline, phase }
    this.#gates.push(...judge(gates, terms))
  }

  #metrics(): Metrics {
    const all: Metrics = { ...this.#driver.figures(), degreeMax: this.#stage.clock.recorder.degreeMax }
    for (const { label, metrics } of this.#phases.map(phaseResult))
      for (const [name, value] of Object.entries(metrics)) all[`${label}.${name}`] = value
    return finite(all)
  }

  result(): RunResult {
    const { clock, tally } = this.#stage
    const { scenario, parameters, peers, seed, options } = this.#plan
    const wallMs = performance.now() - this.#startedAt
    const trace = this.#driver.trace()
    return {
      driver: this.#driver.name,
      scenario,
      parameters,
      peers,
      seed,
      options,
      hasPassed: this.#error === null && this.#gates.every((gate) => gate.isMet),
      gates: this.#gates,
      metrics: this.#metrics(),
      phases: this.#phases.map(phaseResult),
      series: clock.recorder.series,
      histograms: {
        hops: tally.hops.counts,
        tries: tally.tries.counts,
        degree: clock.recorder.degrees?.counts ?? [],
        latency: tally.latency.cumulative(),
        join: joinTimes(this.#driver.members).cumulative(),
      },
      violations: this.#driver.violations(),
      error: this.#error,
      trace,
      cost: {
        simulatedMs: this.#driver.nowMs,
        wallMs,
        eventsPerSecond: trace === null ? null : (trace.events / wallMs) * 1_000,
        peakBytes: clock.peakBytes,
      },
    }
  }
}

function joinTimes(members: readonly Member[]): Durations {
  const times = new Durations()
  for (const { readyAt, startedAt } of members) if (readyAt > 0) times.add(readyAt - startedAt)
  return times
}

function phaseResult({ phase, startMs, endMs, measured }: Played): PhaseResult {
  const { metrics = {}, failures = {} } = measured ?? {}
  return {
    do: phase.do,
    label: measured === null ? null : labelOf(phase),
    startMs,
    endMs,
    metrics: finite(typeof metrics === 'function' ? metrics() : metrics),
    ...(Object.keys(failures).length > 0 && { failures }),
  }
}

/** What could not be measured has no place in JSON. */
function finite(metrics: Metrics): Metrics {
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)))
}
