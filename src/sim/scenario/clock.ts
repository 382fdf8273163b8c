/**
 * Lets a run's time pass in slices, and sees to everything that happens beside the scenario meanwhile: the time series,
 * peer-seconds for rates, tallies, progress, memory.
 */

import type { Driver, Member } from './driver.ts'
import type { Plan } from './load.ts'
import type { Progress, RunHooks } from './hooks.ts'
import type { Step } from './schema.ts'
import { Recorder } from './series.ts'
import type { Tally } from './tally.ts'

/** Longest slice, milliseconds: how often progress can show, and the list of living peers be renewed. */
const SLICE_MS = 250
const PROGRESS_MS = 100

export class Clock {
  readonly recorder = new Recorder()
  readonly #plan: Plan
  readonly #driver: Driver
  readonly #hooks: RunHooks
  readonly #tallies = new Set<Tally>()
  readonly #plannedMs: readonly number[]
  #up: readonly Member[] = []
  #upAtMs = -1
  #phase = 0
  #phaseStartMs = 0
  #shownAt = 0
  peakBytes: number | null = null

  constructor(plan: Plan, driver: Driver, hooks: RunHooks) {
    this.#plan = plan
    this.#driver = driver
    this.#hooks = hooks
    this.#plannedMs = plan.phases.map((phase) => plannedMs(phase, plan.peers))
  }

  /** A phase begins. */
  enter(phase: number): void {
    this.#phase = phase
    this.#phaseStartMs = this.#driver.nowMs
    this.renew()
  }

  /** Peers that are up, as of at most one slice ago. */
  get up(): readonly Member[] {
    if (this.#driver.nowMs - this.#upAtMs >= SLICE_MS || this.#upAtMs < 0) this.#renewNow()
    return this.#up
  }

  /** Something has just changed who is up. */
  renew(): void {
    this.#upAtMs = -1
  }

  /** From now on this tally is swept, and part of the time series. */
  watch(tally: Tally): void {
    this.#tallies.add(tally)
  }

  async advance(forMs: number): Promise<void> {
    const { driver, recorder } = { driver: this.#driver, recorder: this.recorder }
    const end = driver.nowMs + forMs
    while (driver.nowMs < end) {
      if (driver.nowMs >= recorder.dueMs) await this.#record()
      const before = driver.nowMs
      await driver.advance(Math.min(end - before, SLICE_MS, Math.max(driver.tickMs, recorder.dueMs - before)))
      await this.#show()
    }
  }

  /** The last point of the series. */
  async finish(): Promise<void> {
    await this.#record()
  }

  async #record(): Promise<void> {
    const ended = { done: 0, ended: 0 }
    for (const tally of this.#tallies) {
      tally.sweep({ isOver: false })
      ended.done += tally.done
      ended.ended += tally.done + tally.failed + tally.wrong + tally.twice
    }
    await this.recorder.take(this.#driver, ended)
    const bytes = this.#hooks.memory?.()
    if (bytes !== undefined) this.peakBytes = Math.max(this.peakBytes ?? 0, bytes)
  }

  #renewNow(): void {
    this.#up = this.#driver.members.filter((member) => member.isUp)
    this.#upAtMs = this.#driver.nowMs
  }

  async #show(): Promise<void> {
    const { onProgress } = this.#hooks
    if (onProgress === undefined || performance.now() - this.#shownAt < PROGRESS_MS) return
    this.#shownAt = performance.now()
    await onProgress(this.#progress())
  }

  #progress(): Progress {
    const { phases } = this.#plan
    const total = this.#plannedMs.reduce((sum, ms) => sum + ms, 0)
    const passed = this.#plannedMs.slice(0, this.#phase).reduce((sum, ms) => sum + ms, 0)
    const planned = this.#plannedMs[this.#phase] as number
    const within = Math.min(planned, this.#driver.nowMs - this.#phaseStartMs)
    return {
      phase: this.#phase,
      phases: phases.length,
      do: (phases[this.#phase] as Step).do,
      simulatedMs: this.#driver.nowMs,
      events: this.#driver.trace()?.events ?? null,
      share: total === 0 ? 1 : (passed + within) / total,
    }
  }
}

/** About how long a phase takes, for the progress bar; settling takes as long as it takes. */
function plannedMs(phase: Step, peers: number): number {
  switch (phase.do) {
    case 'join': {
      const count = phase.count ?? Math.round((phase.share ?? 1) * peers)
      return phase.everyMs === undefined ? (phase.withinMs ?? 0) : phase.everyMs * count
    }
    case 'run':
      return phase.forMs
    case 'unicasts':
      return (phase.count / phase.perSecond) * 1_000 + 1_000
    case 'broadcasts':
      return phase.count * phase.everyMs + phase.waitMs
    case 'settle':
      return phase.limitMs / 4
    default:
      return 0
  }
}
