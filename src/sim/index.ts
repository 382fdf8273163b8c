/** The simulator's public face: `musubi/sim`. */

export type { Input, Io } from '../core/io.ts'
export { CARRIAGE_DEFAULTS, type CarriageOptions } from './carriage.ts'
export { type CheckerOptions, Checkers, componentSizes, type Violation } from './checkers.ts'
export type { Churn, ChurnHow, ChurnModel } from './churn.ts'
export { addTo, meanOf, quantileOf, totalOf } from './histogram.ts'
export { type Behavior, HostileMachine } from './hostile.ts'
export { type CoordinateLatency, type Latency, LATENCY_DEFAULTS, type LatencyOptions, type Place } from './latency.ts'
export type { Collection, Machine, MachineInspection, MachineMaker, MachineSetup } from './machine.ts'
export { bootstrapServer, MeshPeer, meshPeer, type PeerConfig } from './makers.ts'
export { NAT_DEFAULTS, type NatOptions } from './nat.ts'
export { EPOCH_MS, Network, NETWORK_DEFAULTS, type NetworkObserver, type NetworkOptions } from './network.ts'
export { type Exchange, LinkEnd, SimNode } from './node.ts'
export { SIMULATION_DEFAULTS, type SimulationOptions } from './options.ts'
export type { Partition, PartitionHow } from './partition.ts'
export { EventQueue } from './queue.ts'
export type { BroadcastRecord, UnicastRecord } from './requests.ts'
export { Rng } from './rng.ts'
export { SIGNALING_DEFAULTS, type SignalingOptions } from './signaling.ts'
export { type Makers, Simulation } from './simulation.ts'
export { type DropCause, type FrameCount, Stats, type Traffic, trafficBetween, type TrafficRate } from './stats.ts'
export { TraceHash } from './trace.ts'
export {
  type Announcement,
  type Driver,
  type Faults,
  type Member,
  type Pace,
  type Sent,
  type Ticket,
} from './scenario/driver.ts'
export { graphMetrics } from './scenario/graph.ts'
export type { Progress, RunHooks } from './scenario/hooks.ts'
export {
  loadScenario,
  type ParameterSet,
  type Plan,
  type PlanChoice,
  planOf,
  type Scenario,
  ScenarioError,
  variantsOf,
} from './scenario/load.ts'
export type { Metrics } from './scenario/metrics.ts'
export {
  type GateResult,
  type PhaseResult,
  RESULT_FORMAT,
  type ResultFile,
  type RunResult,
  type Series,
} from './scenario/result.ts'
export { runPlan, runScenario } from './scenario/run.ts'
export { type Gate, type Limit, SEED_MAX, type Step } from './scenario/schema.ts'
export { changeText, compareResults } from './report/compare.ts'
export { comparisonHtml, reportHtml } from './report/report.ts'
export { bytes, duration, figure, limit, parametersText, runTitle } from './report/wording.ts'
export { eventText } from './wording.ts'
