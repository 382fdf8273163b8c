/**
 * What the simulator knows of the state machines it drives: `MeshNode` of `core/`, `BootstrapNode` of `bootstrap/`, or
 * a liar made up by a test. Whatever takes inputs and has been given an `Io` will do.
 */

import type { Input, Io } from '../core/io.ts'
import type { Instant, NetworkId, PeerId } from '../core/ids.ts'

/** A protocol under simulation. `measure` is optional: checkers look at what it tells. */
export interface Machine {
  handle(input: Input, now: Instant): void
  measure?(): MachineInspection
}

/** How many entries it has, and how many it may have. */
export interface Collection {
  readonly size: number
  readonly max: number
}

/** What checkers look at. */
export interface MachineInspection {
  /** Every bounded collection with its present size and its bound, as each part of the machine names its own. */
  readonly collections?: readonly Readonly<Record<string, Collection>>[]
  /** Links of the mesh that stand or are promised to running exchanges. */
  readonly degree?: number
}

/** What a machine is made with. */
export interface MachineSetup {
  readonly id: PeerId
  readonly network: NetworkId
  readonly io: Io
}

export type MachineMaker = (setup: MachineSetup) => Machine
