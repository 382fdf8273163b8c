/**
 * One suite, two drivers: what a scenario needs of the world that it runs in. The simulator's (`simulated.ts`) answers
 * at once and counts virtual time; the one of test/outlive drives real peers in other processes and waits. So the
 * runner awaits everything, and takes peers, links and requests as it finds them here.
 */

import type { Violation } from '../checkers.ts'
import type { ChurnHow, ChurnModel } from '../churn.ts'
import type { Behavior } from '../hostile.ts'
import type { Metrics } from './metrics.ts'
import type { Traffic } from './schema.ts'

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>

/** A peer, for as long as the run lasts; `SimNode` is one. */
export interface Member {
  /** Counted up from 0, servers included. */
  readonly number: number
  readonly id: string
  readonly isUp: boolean
  /** When it was started, in milliseconds of the driver's clock. */
  readonly startedAt: number
  /** When it said that it is ready; 0 before. */
  readonly readyAt: number
}

/** A unicast on its way or at its end. */
export interface Ticket {
  readonly source: Member
  readonly target: Member
  readonly state: 'pending' | 'done' | 'failed'
  readonly receipt: { readonly hops: number; readonly attempts: number; readonly ms: number } | null
  readonly code: string | null
  /** It has failed, and its source or target was down by then. */
  readonly isVoid: boolean
  /** How often it came out at its target. */
  readonly deliveries: number
}

/** A broadcast on its way or at its end. */
export interface Announcement {
  readonly source: Member
  /** Other peers that it came out at. */
  readonly reached: number
  readonly hopsMax: number
  /** Has it come out there? */
  has(member: Member): boolean
}

/** What broadcasts have cost everybody so far; two readings make a difference. */
export interface Spread {
  /** Frames that carried a payload. */
  readonly payloads: number
  /** Frames that said something of the tree. */
  readonly control: number
  readonly grafts: number
  /** Both, those that left together over one link counted once. */
  readonly messages: number
  /** How often one came out so many milliseconds after it was sent. */
  readonly latencies: readonly number[]
}

/** What everybody has sent so far, and how long peers have lived: two readings make a rate. */
export interface Sent {
  readonly peerSeconds: number
  readonly bytes: number
  readonly heartbeatBytes: number
}

/** Of a topic, as it is now. */
export interface TopicWorld {
  join(members: readonly Member[], topic: string): void
  leave(members: readonly Member[], topic: string): void
  /** Peers that carry it for others and are not in it. */
  relays(topic: string): number
  /** Of one member: other members that it has heard of. */
  known(member: Member, topic: string): number
}

/** `everyMs`: one after another. `withinMs`: at random instants of that span. */
export type Pace = { readonly everyMs: number } | { readonly withinMs: number }

/** Harm that only a simulated world can be done. */
export interface Faults {
  freeze(members: readonly Member[], forMs: number): void
  /** The bootstraps, and whoever comes later, are with the first group. */
  partition(groups: readonly (readonly Member[])[], how: { readonly isOneWay: boolean }): void
  /** Ends every partition. */
  heal(): void
  churn(model: ChurnModel, how: ChurnHow): void
  stopChurn(): void
  corrupt(members: readonly Member[], behavior: Behavior): void
}

export interface Driver {
  /** "simulator", "webrtc": printed beside the figures. */
  readonly name: string
  /** Milliseconds on the driver's own clock. */
  readonly nowMs: number
  /** The shortest step of time worth taking, in milliseconds. */
  readonly tickMs: number
  /** Peers that were ever started, in the order they came; bootstraps are not among them. */
  readonly members: readonly Member[]

  startBootstrap(): Awaitable<void>
  killBootstrap(): Awaitable<void>
  /** From now on; returns at once, newcomers come as time goes on. */
  join(count: number, pace: Pace): Awaitable<void>
  crash(members: readonly Member[], how: { readonly isNoticed: boolean }): Awaitable<void>
  leave(members: readonly Member[]): Awaitable<void>
  /** Lets time pass. */
  advance(forMs: number): Awaitable<void>
  /** Brings what `neighborsOf` and members tell up to date. */
  observe(): Awaitable<void>
  /** Peers that are up and have a link with this one, as both ends see it. As of `observe`. */
  neighborsOf(member: Member): Iterable<Member>
  /** Peers whose socket to a bootstrap is open: those that newcomers are introduced to. */
  entries(): Awaitable<readonly Member[]>

  /** Null: real peers. A scenario with a step that needs them ends with an error. */
  readonly faults: Faults | null
  /** Null if the driver has none. */
  readonly topics: TopicWorld | null

  unicast(source: Member, target: Member, how: Pick<Traffic, 'timeoutMs' | 'bytes'>): Ticket
  broadcast(source: Member, how: { readonly bytes: number; readonly topic?: string | undefined }): Announcement
  /** Null if the driver cannot tell. */
  spread(): Spread | null
  /** Bytes so far; null if the driver cannot tell. */
  sent(): Sent | null
  /** Frames that peers took back from neighbours that gave no sign of life, so far; null if the driver cannot tell. */
  stalled(): number | null
  /** The scenario's own choices, from its seed: uniform in [0, 1). */
  random(): number
  /** Those of the metrics of the whole run that only the driver knows. */
  figures(): Metrics
  /** Broken invariants so far. */
  violations(): readonly Violation[]
  /** Fingerprint of the run so far; null if there is none. */
  trace(): { readonly digest: string; readonly events: number } | null
}
