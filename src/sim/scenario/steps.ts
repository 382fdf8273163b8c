/** One function a step: what it does, and what it measures. */

import { broadcasts } from './broadcasts.ts'
import { Durations } from './distribution.ts'
import { graphMetrics, graphOf, ringShare } from './graph.ts'
import type { Driver, Faults, Member, Sent } from './driver.ts'
import type { Plan } from './load.ts'
import type { Metrics } from './metrics.ts'
import type { Step, StepOf, Traffic } from './schema.ts'
import type { Some, Stage } from './stage.ts'
import { Tally } from './tally.ts'

/** What a step has measured. */
export interface Measured {
  /** A function: asked again whenever gates are judged, because what is measured goes on changing. */
  readonly metrics: Metrics | (() => Metrics)
  readonly failures?: Readonly<Record<string, number>>
}

/** Longest wait beyond their own time-out for unicasts to end: a tick or two of everybody. */
const END_MS = 5_000

/** Does one step; what it measured, if it measures. */
export async function perform(step: Step, stage: Stage, plan: Plan): Promise<Measured | void> {
  const { driver, clock } = stage
  switch (step.do) {
    case 'join':
      return join(step, stage, plan)
    case 'settle':
      return settle(step, stage)
    case 'run':
      return run(step, stage)
    case 'unicasts':
      return unicasts(step, stage)
    case 'broadcasts':
      return broadcasts(step, stage)
    case 'joinTopic':
    case 'leaveTopic':
      return changeTopic(step, stage)
    case 'sample':
      await driver.observe()
      clock.renew()
      return { metrics: graphMetrics(driver, clock.up) }
    case 'crash':
      return crash(step, stage)
    case 'leave':
      await goDown(step, stage, (members) => driver.leave(members))
      return
    case 'freeze':
    case 'corrupt':
    case 'partition':
    case 'churn':
    case 'stopChurn':
    case 'heal':
      return harm(step, stage)
    case 'killBootstrap':
      return driver.killBootstrap()
    case 'restartBootstrap':
      return driver.startBootstrap()
    case 'check':
  }
}

async function join(step: StepOf<'join'>, { driver, clock }: Stage, plan: Plan): Promise<Measured> {
  const count = step.count ?? Math.round((step.share as number) * plan.peers)
  const before = driver.members.length
  const pace = step.everyMs === undefined ? { withinMs: step.withinMs as number } : { everyMs: step.everyMs }
  await driver.join(count, pace)
  const span = 'everyMs' in pace ? (count - 1) * pace.everyMs : pace.withinMs
  await clock.advance(span + driver.tickMs)
  const joined = driver.members.slice(before)
  return { metrics: () => joinMetrics(joined) }
}

/** From start to ready. Those that went down before they were ready count as not ready. */
function joinMetrics(joined: readonly Member[]): Metrics {
  const times = new Durations()
  for (const { readyAt, startedAt } of joined) if (readyAt !== 0) times.add(readyAt - startedAt)
  return {
    count: joined.length,
    p50Ms: times.quantile(0.5),
    p95Ms: times.quantile(0.95),
    maxMs: times.max,
    readyShare: times.total / joined.length,
  }
}

async function settle(step: StepOf<'settle'>, { driver, clock }: Stage): Promise<Measured> {
  const start = driver.nowMs
  const before = await components()
  let bridgeMs: number | null = before > 1 ? null : start
  for (;;) {
    const now = await components()
    if (now < before) bridgeMs ??= driver.nowMs
    const isSettled = await holds(now)
    const ms = driver.nowMs - start
    if (isSettled) return { metrics: { ms, msAfterBridge: driver.nowMs - (bridgeMs ?? Number.NaN), reached: 1 } }
    // How long it would have taken, nobody knows.
    if (ms >= step.limitMs) return { metrics: { reached: 0 } }
    await clock.advance(Math.min(step.everyMs, step.limitMs - ms))
  }

  async function components(): Promise<number> {
    await driver.observe()
    clock.renew()
    return graphOf(driver, clock.up).components.length
  }

  async function holds(parts: number): Promise<boolean> {
    const { up } = clock
    const isReady = up.every((member) => member.readyAt > 0)
    if (step.until === 'ready' || !isReady) return isReady
    return parts === 1 && (step.until === 'oneMesh' || ringShare(driver, up) === 1)
  }
}

async function run(step: StepOf<'run'>, stage: Stage): Promise<Measured> {
  const meter = new Meter(stage)
  const { unicasts: traffic } = step
  if (traffic === undefined) {
    await stage.clock.advance(step.forMs)
    return { metrics: meter.read() }
  }
  const tally = new Tally(traffic.triesMax)
  const end = stage.driver.nowMs + step.forMs
  await talk(traffic, stage, { tally, count: Math.floor((traffic.perSecond * step.forMs) / 1_000) })
  await stage.clock.advance(Math.max(0, end - stage.driver.nowMs))
  const rates = meter.read()
  await hearOut(traffic, stage, tally)
  return { metrics: { ...meter.timeouts(tally), ...rates }, failures: tally.codes }
}

async function unicasts(step: StepOf<'unicasts'>, stage: Stage): Promise<Measured> {
  const meter = new Meter(stage)
  const tally = new Tally(step.triesMax)
  await talk(step, stage, { tally, count: step.count })
  await hearOut(step, stage, tally)
  return { metrics: { ...meter.timeouts(tally), ...meter.read() }, failures: tally.codes }
}

/** Sends `count` unicasts between random pairs, evenly over time. */
async function talk(traffic: Traffic, stage: Stage, to: { tally: Tally; count: number }): Promise<void> {
  const { driver, clock } = stage
  const { tally, count } = to
  const start = driver.nowMs
  const sliceMs = Math.max(driver.tickMs, Math.min(250, Math.round(1_000 / traffic.perSecond)))
  clock.watch(tally)
  let candidates = stage.candidates(traffic.among)
  let candidatesAtMs = start
  for (let sent = 0; sent < count;) {
    const due = Math.min(count, Math.ceil(((driver.nowMs - start + sliceMs) * traffic.perSecond) / 1_000))
    for (; sent < due; sent++) {
      const pair = stage.pair(candidates)
      if (pair !== null && pair[0].isUp && pair[1].isUp) tally.add(driver.unicast(...pair, traffic))
    }
    await clock.advance(sliceMs)
    if (driver.nowMs - candidatesAtMs < 250) continue
    candidates = stage.candidates(traffic.among)
    candidatesAtMs = driver.nowMs
  }
}

/** Until every unicast of the tally has an end. */
async function hearOut(traffic: Traffic, { driver, clock, tally: total }: Stage, tally: Tally): Promise<void> {
  const end = driver.nowMs + traffic.timeoutMs + END_MS
  for (tally.sweep({ isOver: false }); tally.pending > 0 && driver.nowMs < end; tally.sweep({ isOver: false }))
    await clock.advance(Math.max(100, driver.tickMs))
  tally.sweep({ isOver: true })
  total.include(tally)
}

async function crash(step: StepOf<'crash'>, stage: Stage): Promise<void> {
  const { driver } = stage
  stage.clock.renew()
  const pool = step.of === 'entries' ? await driver.entries() : stage.clock.up
  const crashed = await goDown(step, stage, (members) => driver.crash(members, { isNoticed: step.isNoticed }), pool)
  stage.survivors = new Set(stage.clock.up.filter((member) => !crashed.has(member)))
}

async function goDown(
  some: Some,
  stage: Stage,
  how: (members: readonly Member[]) => void | Promise<void>,
  pool: readonly Member[] = stage.clock.up,
): Promise<ReadonlySet<Member>> {
  const chosen = new Set(stage.choose(pool, some))
  await how([...chosen])
  stage.clock.renew()
  return chosen
}

/** Of those who are not in it, or who are. */
function changeTopic(step: StepOf<'joinTopic'> | StepOf<'leaveTopic'>, stage: Stage): void {
  const { topics, name } = stage.driver
  if (topics === null) throw new Error(`the ${name} driver cannot "${step.do}"`)
  stage.clock.renew()
  const members = stage.topics.get(step.topic) ?? new Set()
  stage.topics.set(step.topic, members)
  const isJoining = step.do === 'joinTopic'
  const chosen = stage.choose(
    stage.clock.up.filter((member) => members.has(member) !== isJoining),
    step,
  )
  if (isJoining) topics.join(chosen, step.topic)
  else topics.leave(chosen, step.topic)
  for (const member of chosen)
    if (isJoining) members.add(member)
    else members.delete(member)
}

/** Faults; a driver without them cannot play such a scenario. */
function harm(step: Step, stage: Stage): void {
  const { faults, name } = stage.driver
  if (faults === null) throw new Error(`the ${name} driver cannot "${step.do}"`)
  stage.clock.renew()
  const { up } = stage.clock
  if (step.do === 'freeze') faults.freeze(stage.choose(up, step), step.forMs)
  else if (step.do === 'partition') faults.partition(stage.divide(up, step.shares), step)
  else if (step.do === 'churn') faults.churn(step.model, step)
  else if (step.do === 'stopChurn') faults.stopChurn()
  else if (step.do === 'corrupt') corrupt(step, stage, faults)
  else if (step.do === 'heal') {
    faults.heal()
    faults.stopChurn()
  }
}

function corrupt(step: StepOf<'corrupt'>, stage: Stage, faults: Faults): void {
  const chosen = stage.choose(
    stage.clock.up.filter((member) => !stage.corrupted.has(member)),
    step,
  )
  faults.corrupt(chosen, step.behavior)
  for (const member of chosen) stage.corrupted.add(member)
}

/** Rates between two instants. */
class Meter {
  readonly #driver: Driver
  readonly #from: Sent | null
  readonly #stalled: number | null

  constructor({ driver }: Stage) {
    this.#driver = driver
    this.#from = driver.sent()
    this.#stalled = driver.stalled()
  }

  /**
   * The tally's metrics, with Chord's time-outs per lookup: tries but the last, and frames that a relay took back from a
   * neighbour that seemed dead. Those of other traffic are among them, so the figure is rather too high;
   * but whoever goes down meanwhile takes what it counted along, so under churn it is too low.
   */
  timeouts(tally: Tally): Metrics {
    const metrics = tally.metrics()
    const stalled = Math.max(0, (this.#driver.stalled() ?? 0) - (this.#stalled ?? 0))
    return { ...metrics, 'timeouts.mean': tally.tries.mean - 1 + stalled / tally.sent }
  }

  read(): Metrics {
    const to = this.#driver.sent()
    if (to === null || this.#from === null) return {}
    const seconds = to.peerSeconds - this.#from.peerSeconds
    const bytes = to.bytes - this.#from.bytes
    const heartbeats = to.heartbeatBytes - this.#from.heartbeatBytes
    return {
      bytesPerPeerSecond: bytes / seconds,
      bytesPerPeerSecondBesidesHeartbeats: (bytes - heartbeats) / seconds,
    }
  }
}
