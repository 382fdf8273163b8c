/**
 * What a run leaves behind: plain JSON, the same for every driver. docs/SIMULATOR.md lists the fields. `NaN` has no
 * place in JSON: what could not be measured is absent.
 */

import type { Violation } from '../checkers.ts'
import type { Metrics } from './metrics.ts'
import type { ParameterSet, Plan } from './load.ts'

/** Changes whenever a field changes its meaning. */
export const RESULT_FORMAT = 'musubi-sim/1'

/** One gate and how it went. */
export interface GateResult {
  readonly metric: string
  readonly bound: 'min' | 'max'
  /** Null: the gate has no limit for this size or parameter, or, if missed, the metric that limits it was not measured. */
  readonly limit: number | null
  /** Null: not measured, which is a miss. */
  readonly value: number | null
  readonly isMet: boolean
  /** Index of the `check` phase it belongs to; null for the document's own `expect`. */
  readonly phase: number | null
}

/** One phase and what it measured. */
export interface PhaseResult {
  readonly do: string
  readonly label: string | null
  readonly startMs: number
  readonly endMs: number
  readonly metrics: Metrics
  /** Requests that failed, by code. */
  readonly failures?: Readonly<Record<string, number>>
}

/** Parallel arrays over virtual time. */
export interface Series {
  readonly atMs: number[]
  /** Peers that are up. */
  readonly peers: number[]
  readonly components: number[]
  readonly largestShare: number[]
  readonly degreeMean: number[]
  /** Everything sent since the last point, per peer and second. */
  readonly bytesPerPeerSecond: number[]
  /** Share of the unicasts that ended since the last point and succeeded; null if none ended. */
  readonly delivered: (number | null)[]
}

/** One run. */
export interface RunResult {
  readonly driver: string
  readonly scenario: string
  readonly parameters: ParameterSet
  readonly peers: number
  readonly seed: number
  readonly options: Plan['options']
  readonly hasPassed: boolean
  readonly gates: readonly GateResult[]
  readonly metrics: Metrics
  readonly phases: readonly PhaseResult[]
  readonly series: Series
  readonly histograms: {
    /** Index is the number of hops, tries or links. */
    readonly hops: readonly number[]
    readonly tries: readonly number[]
    readonly degree: readonly number[]
    /** Points of the cumulative distribution: milliseconds, share. */
    readonly latency: readonly (readonly [ms: number, share: number])[]
    readonly join: readonly (readonly [ms: number, share: number])[]
  }
  readonly violations: readonly Violation[]
  /** What ended the run before its time: a violation, or a machine that threw. */
  readonly error: string | null
  readonly trace: { readonly digest: string; readonly events: number } | null
  readonly cost: {
    readonly simulatedMs: number
    readonly wallMs: number
    readonly eventsPerSecond: number | null
    /** Greatest resident size of the process that was seen; null where the platform cannot tell. */
    readonly peakBytes: number | null
  }
}

/** What `musubi sim run --json` writes. */
export interface ResultFile {
  readonly format: typeof RESULT_FORMAT
  readonly versions: Readonly<Record<string, string>>
  /** The scenario document, so that a result can be replayed without its file. */
  readonly document: unknown
  readonly runs: readonly RunResult[]
}
