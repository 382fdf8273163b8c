/**
 * The `broadcasts` step, and what it measures in the literature's terms: relative message redundancy (RMR: payloads sent
 * per delivery, less one) and last delivery hop (LDH) as in Leitão et al., SRDS 2007; transport messages per broadcast as
 * in Gossip Glomers. Who must hear a message is whoever was up and of the group when it was sent, and still is when it is
 * asked: so a crash may follow in a later phase.
 */

import { quantileOf, totalOf } from '../histogram.ts'
import { Histogram } from './distribution.ts'
import type { Announcement, Driver, Member, Spread } from './driver.ts'
import type { Metrics } from './metrics.ts'
import type { StepOf } from './schema.ts'
import type { Stage } from './stage.ts'

type BroadcastsStep = StepOf<'broadcasts'>

interface Sent {
  readonly record: Announcement
  readonly audience: readonly Member[]
}

/** Sends, waits until all is heard or the time is up; the metrics are asked for again whenever gates are judged. */
export async function broadcasts(step: BroadcastsStep, stage: Stage): Promise<{ metrics: () => Metrics }> {
  const { driver, clock } = stage
  const before = driver.spread()
  const sent: Sent[] = []
  const fixed =
    typeof step.senders === 'number'
      ? stage.choose(stage.candidates(step.among, step.topic), { count: step.senders })
      : null
  for (let round = 0; round < step.count; round++) {
    const audience = stage.candidates(step.among, step.topic)
    for (const source of sendersOf(round, { step, stage, audience, fixed }))
      sent.push({ record: driver.broadcast(source, step), audience })
    await clock.advance(step.everyMs)
  }
  const start = driver.nowMs
  let pending = sent
  while (driver.nowMs - start < step.waitMs) {
    pending = pending.filter((one) => missedBy(one, null) > 0)
    if (pending.length === 0) break
    await clock.advance(Math.max(50, driver.tickMs))
  }
  const ms = driver.nowMs - start + step.everyMs
  const figures = spreadMetrics(driver, { before, sent })
  return { metrics: () => ({ ms, ...reachMetrics(sent, step, stage), ...figures }) }
}

interface Round {
  readonly step: BroadcastsStep
  readonly stage: Stage
  readonly audience: readonly Member[]
  /** The senders, if they are always the same. */
  readonly fixed: readonly Member[] | null
}

function sendersOf(round: number, { step, stage, audience, fixed }: Round): readonly Member[] {
  if (fixed !== null) return fixed.length === 0 ? [] : [fixed[round % fixed.length] as Member]
  return step.senders === 'all' ? audience : stage.choose(audience, { count: 1 })
}

/** Those that should have it and have not. `group`: only these count. */
function missedBy({ record, audience }: Sent, group: ReadonlySet<Member> | null): number {
  let missed = 0
  for (const member of audience)
    if (member !== record.source && member.isUp && !record.has(member) && (group?.has(member) ?? true)) missed++
  return missed
}

function reachMetrics(sent: readonly Sent[], step: BroadcastsStep, stage: Stage): Metrics {
  stage.clock.renew()
  const group = new Set(stage.candidates(step.among, step.topic))
  const hops = new Histogram()
  let [missed, worst] = [0, Infinity]
  for (const one of sent) {
    const others = one.audience.filter((member) => member !== one.record.source && group.has(member)).length
    const missing = missedBy(one, group)
    missed += missing
    if (others > 0) worst = Math.min(worst, 1 - missing / others)
    hops.add(one.record.hopsMax)
  }
  if (sent.length === 0) missed = Number.NaN
  const metrics = { sent: sent.length, missed, reachedShare: worst, 'ldh.mean': hops.mean, 'hops.max': hops.max }
  return step.topic === undefined ? metrics : { ...metrics, ...topicMetrics(sent, step.topic, stage) }
}

/** Times that it came out at somebody who is not in the topic. */
function strangersOf(sent: readonly Sent[], members: ReadonlySet<Member>): number {
  let strangers = 0
  for (const { record } of sent)
    strangers += record.reached - [...members].filter((member) => record.has(member)).length
  return strangers
}

/** `strangers`: times that it came out where it should not. `known`: least share of the others that a member knows of. */
function topicMetrics(sent: readonly Sent[], topic: string, { driver, clock, topics }: Stage): Metrics {
  const members = clock.up.filter((member) => topics.get(topic)?.has(member))
  const known = members.map((member) => (driver.topics?.known(member, topic) ?? 0) / (members.length - 1))
  return {
    strangers: strangersOf(sent, new Set(driver.members.filter((member) => topics.get(topic)?.has(member)))),
    relays: driver.topics?.relays(topic) ?? 0,
    members: members.length,
    'known.min': Math.min(...known),
  }
}

/** What it cost; nothing where the driver cannot tell. */
function spreadMetrics(driver: Driver, run: { before: Spread | null; sent: readonly Sent[] }): Metrics {
  const { before, sent } = run
  const after = driver.spread()
  if (before === null || after === null) return {}
  const latencies = after.latencies.map((count, ms) => count - (before.latencies[ms] ?? 0))
  const deliveries = totalOf(latencies)
  // Where nothing came out no gate may be kept.
  const quantile = (share: number): number => (deliveries === 0 ? Number.NaN : quantileOf(latencies, share))
  const payloads = after.payloads - before.payloads
  return {
    payloadsPerDelivery: payloads / deliveries,
    rmr: payloads / deliveries - 1,
    controlPerDelivery: (after.control - before.control) / deliveries,
    grafts: after.grafts - before.grafts,
    messagesPerBroadcast: (after.messages - before.messages) / sent.length,
    'latency.p50Ms': quantile(0.5),
    'latency.p99Ms': quantile(0.99),
    'latency.maxMs': quantile(1),
  }
}
