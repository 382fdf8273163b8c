/**
 * A tiny protocol for testing the simulator itself: it does what a test tells it and records what comes in. Nothing of
 * the mesh is in it.
 */

import type { Frame, Message } from '../../src/core/frames.ts'
import type { ExchangeId, Instant, LinkId, MessageId, PeerId } from '../../src/core/ids.ts'
import type { Input, Io } from '../../src/core/io.ts'
import type { Machine, MachineMaker } from '../../src/sim/index.ts'

/** Seed of this test run: `SEED=7 npx vitest run …` repeats a failure. */
export const SEED = Number(process.env['SEED'] ?? 1)

export interface Heard {
  readonly at: Instant
  readonly input: Input
}

/** Records every input, then lets `react` act. */
export class Recorder implements Machine {
  readonly id: PeerId
  readonly io: Io
  readonly heard: Heard[] = []
  react: (input: Input, now: Instant) => void

  constructor(
    setup: { readonly id: PeerId; readonly io: Io },
    react: (self: Recorder, input: Input, now: Instant) => void,
  ) {
    this.id = setup.id
    this.io = setup.io
    this.react = (input, now) => react(this, input, now)
  }

  handle(input: Input, now: Instant): void {
    this.heard.push({ at: now, input })
    this.react(input, now)
  }

  inputs<Kind extends Input['kind']>(kind: Kind): Extract<Input, { kind: Kind }>[] {
    return this.heard
      .map(({ input }) => input)
      .filter((input): input is Extract<Input, { kind: Kind }> => input.kind === kind)
  }

  timeOf(kind: Input['kind']): number {
    const found = this.heard.find(({ input }) => input.kind === kind)
    if (found === undefined) throw new Error(`no ${kind} was heard`)
    return found.at
  }

  /** The only link that came up. */
  get link(): LinkId {
    const up = this.inputs('linkUp')
    if (up.length !== 1) throw new Error(`${up.length} links came up`)
    return up[0]!.link
  }
}

/** A maker of recorders that keeps them in the order they were made. */
export function recorders(react: (self: Recorder, input: Input, now: Instant) => void = () => {}): {
  readonly maker: MachineMaker
  readonly made: Recorder[]
} {
  const made: Recorder[] = []
  const maker: MachineMaker = (setup) => {
    const machine = new Recorder(setup, react)
    made.push(machine)
    return machine
  }
  return { maker, made }
}

export const messageId = (text: string): MessageId => text.padEnd(26, 'a') as MessageId
export const exchangeId = (text: string): ExchangeId => text.padEnd(26, 'a') as ExchangeId

export const heartbeat = (stamp: number): Frame => ({ kind: 'heartbeat', isEcho: false, hasRoom: true, stamp })

export const data = (byteLength: number): Message => ({ kind: 'data', payload: { byteLength } })
