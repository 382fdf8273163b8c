/** One node on a stage: its effects are recorded, everything it hears is written down by hand. */

import type { Body, Frame, Message } from '../../src/core/frames.ts'
import type { ExchangeId, Instant, MessageId, PeerId } from '../../src/core/ids.ts'
import type { Input, LinkUp, NodeEvent, OpenJob, SealJob } from '../../src/core/io.ts'
import { MeshNode, type NodeConfig } from '../../src/core/node.ts'
import { at, key, link, message, peer } from './ids.ts'
import { type Effect, recordingIo } from './recorder.ts'

/** A neighbour from the start, whose link needs seals. */
export const RELAY = peer('h')
export const BYTES: Body = new Uint8Array(4)
const T0 = 1_700_000_000_000

export interface StageOptions extends Partial<Pick<NodeConfig, 'hasBootstrap' | 'anchors'>> {
  /** No relay. */
  readonly isAlone?: boolean
}

export class Stage {
  readonly effects: Effect[] = []
  readonly node: MeshNode
  private ms = 0
  private unicasts = 0

  constructor(self: string, linksMax = 8, { isAlone = false, ...config }: StageOptions = {}) {
    this.node = new MeshNode(
      { self: peer(self), network: key('n') as never, linksMax, hasBootstrap: false, ...config },
      recordingIo((effect) => void this.effects.push(effect)),
    )
    this.input({ kind: 'start' })
    if (!isAlone) this.input({ ...linkUp(1, RELAY), isSecure: false })
  }

  get now(): Instant {
    return at(T0 + this.ms)
  }

  input(input: Input, afterMs = 1): this {
    this.ms += afterMs
    this.node.handle(input, this.now)
    return this
  }

  frame(frame: Frame, on = 1): this {
    return this.input({ kind: 'frame', link: link(on), frame })
  }

  /** The last effect of that kind, which must be there. */
  last<Kind extends Effect['do']>(kind: Kind): Extract<Effect, { do: Kind }> {
    const found = this.effects.findLast((effect) => effect.do === kind)
    if (found === undefined) throw new Error(`no ${kind} among ${this.effects.map((effect) => effect.do).join(' ')}`)
    return found as Extract<Effect, { do: Kind }>
  }

  count(kind: Effect['do']): number {
    return this.effects.filter((effect) => effect.do === kind).length
  }

  /** The last thing that was to be sealed. */
  sealed(): SealJob {
    const found = this.effects.findLast((effect) => effect.do === 'job' && effect.job.kind === 'seal')
    return (found as Extract<Effect, { do: 'job' }>).job as SealJob
  }

  events(): NodeEvent[] {
    return this.effects.flatMap((effect) => (effect.do === 'emit' ? [effect.event] : []))
  }

  /** We learn of a peer from our relay and offer it a link; its exchange. */
  offers(to: PeerId): ExchangeId {
    this.frame({ kind: 'peers', peers: [to], room: 0xffff_ffff }).input({ kind: 'timer', token: { kind: 'maintain' } })
    const id = this.last('createOffer').exchange as ExchangeId
    this.input({ kind: 'described', exchange: id, description: BYTES })
    this.input({ kind: 'sealed', job: this.sealed(), body: BYTES })
    return id
  }

  /** Somebody says something to us, sealed, over the relay. */
  hears(source: PeerId, what: Message): void {
    const id = message(`u${'abcdefghij'[this.unicasts++]}`) as MessageId
    this.frame({
      kind: 'unicast',
      hopLimit: 38,
      hops: 2,
      attempt: 0,
      viaBootstrap: false,
      id,
      target: this.node.config.self,
      body: BYTES,
    })
    const job = (this.last('job') as { job: OpenJob }).job
    this.input({ kind: 'opened', job, source, message: what })
  }

  /** The reply to what we sealed last. */
  replied(what: Message): void {
    const { id, attempt, target } = this.sealed()
    const job: OpenJob = {
      kind: 'open',
      as: 'reply',
      id,
      attempt,
      link: link(1),
      from: target,
      body: BYTES,
      hops: 3,
      viaBootstrap: false,
    }
    this.input({ kind: 'opened', job, source: target, message: what })
  }
}

export function linkUp(number: number, to: PeerId, of: ExchangeId | null = null): LinkUp {
  return {
    kind: 'linkUp',
    link: link(number),
    peer: to,
    role: 'peer',
    transport: 'memory',
    isSecure: true,
    exchange: of,
  }
}
