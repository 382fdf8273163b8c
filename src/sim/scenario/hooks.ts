/** What whoever starts a run may watch. Nothing here changes what happens in it. */

import type { SimNode } from '../node.ts'
import type { Awaitable } from './driver.ts'
import type { Input } from '../../core/io.ts'

/** How far a run is. */
export interface Progress {
  readonly phase: number
  readonly phases: number
  readonly do: string
  readonly simulatedMs: number
  /** Events handled so far; null where nobody counts. */
  readonly events: number | null
  /** 0…1, by the time that the phases are planned to take. */
  readonly share: number
}

export interface RunHooks {
  /** Called at most every 100 ms of real time; the run waits for what it returns. */
  readonly onProgress?: (progress: Progress) => Awaitable<void>
  /** The process's resident bytes now. */
  readonly memory?: () => number
  /** Sees every event of the simulator before it is handled. */
  readonly onEvent?: (atMs: number, node: SimNode, input: Input) => void
}
