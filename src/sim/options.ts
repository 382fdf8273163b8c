/** What a simulation can be told, its defaults, and what is refused. */

import type { CheckerOptions } from './checkers.ts'
import type { Latency } from './latency.ts'
import { NETWORK_DEFAULTS, type NetworkOptions } from './network.ts'

export interface SimulationOptions extends NetworkOptions, CheckerOptions {
  /** Any integer. Everything random in the run comes from it. */
  readonly seed: number
  /** How far apart the checkers' walks over all nodes are, in milliseconds of virtual time. */
  readonly sampleMs: number
  /** Throw at the first violation (default), or only collect them. */
  readonly isStrict: boolean
}

export const SIMULATION_DEFAULTS: Omit<SimulationOptions, 'seed'> = {
  ...NETWORK_DEFAULTS,
  // DESIGN §5: browsers' cap.
  linksMax: 32,
  // DESIGN §5: dead after 5 s of silence; the rest is one tick and one latency.
  detectionMs: 7_000,
  serverDetectionMs: 36_000,
  sampleMs: 5_000,
  isStrict: true,
}

/** Throws RangeError that names the option if one is out of its range. */
export function validateOptions(options: SimulationOptions): void {
  for (const name of WHOLE) expectNumber(name, options[name], { min: 0, isWhole: true })
  for (const name of POSITIVE) expectNumber(name, options[name], { min: 1, isWhole: true })
  for (const name of SHARES) expectNumber(name, options[name], { min: 0, max: 1 })
  for (const name of RANGES) expectRange(name, options[name], { isWhole: true })
  if (!Number.isInteger(options.seed)) refuse('seed', 'an integer', options.seed)
  expectNumber('jitter', options.jitter, { min: 0 })
  expectNumber('nat.symmetricShare', options.nat.symmetricShare, { min: 0, max: 1 })
  expectNumber('nat.blockedPairShare', options.nat.blockedPairShare, { min: 0, max: 1 })
  if (options.bytesPerSecond !== null) expectNumber('bytesPerSecond', options.bytesPerSecond, { min: 1 })
  validateLatency(options.latency)
}

const WHOLE = ['reorderMs', 'skewMs', 'setupRoundTrips', 'iceTimeoutMs', 'descriptionBytes', 'bufferBytesMax'] as const
const POSITIVE = ['linksMax', 'detectionMs', 'serverDetectionMs', 'sampleMs'] as const
const SHARES = ['lossRate', 'duplicationRate'] as const
const RANGES = ['cryptoMs', 'describeMs'] as const

function validateLatency(latency: Latency): void {
  switch (latency.kind) {
    case 'constant':
      return expectNumber('latency.ms', latency.ms, { min: 0 })
    case 'uniform':
      return expectRange('latency.minMs…maxMs', [latency.minMs, latency.maxMs])
    case 'lognormal':
      expectNumber('latency.medianMs', latency.medianMs, { min: 0 })
      expectNumber('latency.sigma', latency.sigma, { min: 0 })
      return expectNumber('latency.maxMs', latency.maxMs, { min: latency.medianMs })
    case 'coordinates':
      expectNumber('latency.regions', latency.regions, { min: 1, isWhole: true })
      expectNumber('latency.spanMs', latency.spanMs, { min: 0 })
      expectNumber('latency.regionMs', latency.regionMs, { min: 0 })
      return expectRange('latency.accessMs', latency.accessMs)
    default:
      return refuse('latency.kind', 'constant, uniform, lognormal or coordinates', (latency as Latency).kind)
  }
}

interface Bounds {
  readonly min?: number
  readonly max?: number
  readonly isWhole?: boolean
}

/** Throws RangeError unless `value` is a finite number within its bounds. */
export function expectNumber(name: string, value: number, bounds: Bounds): void {
  const { min = Number.NEGATIVE_INFINITY, max = Number.MAX_SAFE_INTEGER, isWhole = false } = bounds
  if (value >= min && value <= max && (!isWhole || Number.isInteger(value))) return
  const range = bounds.max === undefined ? `at least ${min}` : `from ${min} to ${max}`
  refuse(name, `a ${isWhole ? 'whole ' : ''}number ${range}`, value)
}

function expectRange(name: string, range: readonly [number, number], bounds: Bounds = {}): void {
  const [min, max] = range
  expectNumber(name, min, { ...bounds, min: 0 })
  expectNumber(name, max, { ...bounds, min })
}

function refuse(name: string, expected: string, value: unknown): never {
  throw new RangeError(`${name} must be ${expected}, not ${String(value)}`)
}
