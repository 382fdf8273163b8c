/**
 * The names of what is measured. A phase that measures has a label (its `as`, else its `do`), and its metrics are
 * `label.name`; some are measured over the whole run. Gates may name nothing else, which is checked before a run that
 * may take an hour.
 */

import type { Step } from './schema.ts'

/** Numbers of a run by name; what could not be measured is not there. */
export type Metrics = Record<string, number>

const UNICASTS = [
  'sent',
  'success',
  'failed',
  'voided',
  'wrong',
  'twice',
  'hops.mean',
  'hops.p99',
  'hops.max',
  'tries.mean',
  'tries.p99',
  'tries.max',
  'timeouts.mean',
  'latency.p50Ms',
  'latency.p99Ms',
] as const

const TRAFFIC = ['bytesPerPeerSecond', 'bytesPerPeerSecondBesidesHeartbeats'] as const

const TOPIC = ['strangers', 'relays', 'members', 'known.min'] as const

const BROADCASTS = [
  'sent',
  'missed',
  'reachedShare',
  'ldh.mean',
  'hops.max',
  'ms',
  'payloadsPerDelivery',
  'rmr',
  'controlPerDelivery',
  'grafts',
  'messagesPerBroadcast',
  'latency.p50Ms',
  'latency.p99Ms',
  'latency.maxMs',
] as const

const GRAPH = [
  'peers',
  'components',
  'largestShare',
  'ringShare',
  'readyShare',
  'cliquePeers',
  'degree.mean',
  'degree.min',
  'degree.max',
] as const

const BY_PHASE: Readonly<Partial<Record<Step['do'], readonly string[]>>> = {
  join: ['count', 'p50Ms', 'p95Ms', 'maxMs', 'readyShare'],
  settle: ['ms', 'msAfterBridge', 'reached'],
  run: TRAFFIC,
  unicasts: [...UNICASTS, ...TRAFFIC],
  broadcasts: BROADCASTS,
  sample: GRAPH,
}

/** Over the whole run, known at its end and at every `check`. */
const OVERALL: readonly string[] = ['violations', 'degreeMax', 'linksOpenedPerPeer', 'sealRefusals']

/** For each phase its label, or null if it measures nothing. */
export function labelsOf(phases: readonly Step[]): { readonly label: string | null }[] {
  return phases.map((phase) => ({ label: phase.do in BY_PHASE ? labelOf(phase) : null }))
}

/** The label of a phase. */
export function labelOf(phase: Step): string {
  return ('as' in phase ? phase.as : undefined) ?? phase.do
}

function namesOf(phase: Step): readonly string[] {
  const names = BY_PHASE[phase.do] ?? []
  if (phase.do === 'run' && phase.unicasts !== undefined) return [...UNICASTS, ...names]
  if (phase.do === 'broadcasts' && phase.topic !== undefined) return [...names, ...TOPIC]
  return names
}

/** Every metric that a run with these phases has. */
export function metricsOf(phases: readonly Step[]): string[] {
  const measured = phases.flatMap((phase) => namesOf(phase).map((name) => `${labelOf(phase)}.${name}`))
  return [...OVERALL, ...measured]
}

export function isMetricOf(phases: readonly Step[], metric: string): boolean {
  return metricsOf(phases).includes(metric)
}
