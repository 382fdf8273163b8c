/**
 * The protocol's side of the public face: each `send`, `broadcast` and `dial` of the application ends in exactly one
 * `requestDone` or `requestFailed`, and what comes for it from other peers becomes a `message` or a `call`.
 */

import { createBucket, take } from './budget.ts'
import type { Body } from './frames.ts'
import { randomName } from './geometry.ts'
import type { ExchangeId, Instant, MessageId, NetworkId, RequestId } from './ids.ts'
import type { BroadcastFate, FailureCode, Input, Io } from './io.ts'
import { type Asked, REQUESTS_MAX, type Requests } from './requests.ts'
import type { Exchange } from './exchange.ts'
import type { Signaling, SignalingHooks } from './signaling.ts'
import { OWN_FRAMES } from './source-budgets.ts'

export interface ApplicationParts {
  readonly io: Pick<Io, 'random' | 'sign' | 'emit'>
  readonly requests: Requests
  readonly signaling: Signaling
  readonly network: NetworkId
}

type InputOf<Kind extends Input['kind']> = Extract<Input, { readonly kind: Kind }>

export class Application {
  readonly #parts: ApplicationParts
  readonly #asking = new Map<RequestId, MessageId>()
  /** Broadcasts that are being signed, or that no neighbour is known to have yet. */
  readonly #spreading = new Map<MessageId, RequestId>()
  readonly #broadcasts = createBucket(OWN_FRAMES, 0 as Instant)

  constructor(parts: ApplicationParts) {
    this.#parts = parts
  }

  onSend({ request, target, payload, timeoutMs }: InputOf<'send'>, now: Instant): void {
    const { requests, io } = this.#parts
    const id = requests.start(
      {
        target,
        message: { kind: 'data', payload },
        timeoutMs,
        via: null,
        onReply: (reply, { arrival, ms, attempts, path }) => {
          this.#asking.delete(request)
          if (reply.kind !== 'ack') return this.fail(request, 'refused')
          io.emit({ kind: 'requestDone', request, receipt: { hops: arrival.hops, path, ms, attempts } })
        },
        onFailure: (code) => {
          this.#asking.delete(request)
          this.fail(request, code)
        },
      },
      now,
    )
    if (id === null) this.fail(request, 'busy')
    else this.#asking.set(request, id)
  }

  onBroadcast({ request, topic, payload }: InputOf<'broadcast'>, now: Instant): void {
    const { io, network } = this.#parts
    const isBusy = this.#spreading.size >= REQUESTS_MAX || !take(this.#broadcasts, OWN_FRAMES, { amount: 1, now })
    if (isBusy) return this.fail(request, 'busy')
    const id = randomName(() => io.random()) as MessageId
    this.#spreading.set(id, request)
    io.sign(id, payload, topic ?? network)
  }

  /** closed: we have left its topic meanwhile, or were never in it. internal: it could not be signed. */
  onNotSpread(id: MessageId, code: FailureCode = 'closed'): void {
    const request = this.#spreading.get(id)
    if (request === undefined) return
    this.#spreading.delete(id)
    this.fail(request, code)
  }

  /** The first neighbour has a broadcast of ours, or none will say so. */
  onSpread(id: MessageId, ms: number, fate: BroadcastFate): void {
    const request = this.#spreading.get(id)
    if (request === undefined) return
    this.#spreading.delete(id)
    const receipt = { hops: 1, path: 'routed', ms, attempts: 1, broadcast: id, fate } as const
    this.#parts.io.emit({ kind: 'requestDone', request, receipt })
  }

  onDial(input: InputOf<'dial'>, now: Instant): void {
    const { signaling, io } = this.#parts
    const { request, target: remote, metadata, timeoutMs } = input
    const onCreated = (exchange: ExchangeId): void => io.emit({ kind: 'dialing', request, exchange })
    const exchange = signaling.call({ remote, request, metadata, timeoutMs }, now, onCreated)
    if (exchange === null) this.fail(request, 'busy')
  }

  onCancel(request: RequestId, now: Instant): void {
    const { requests, signaling } = this.#parts
    const id = this.#asking.get(request)
    if (id !== undefined) {
      this.#asking.delete(request)
      requests.cancel(id)
      this.fail(request, 'cancelled')
    }
    const call = signaling.callOf(request)
    if (call !== undefined) signaling.abandon(call.id, 'closed', now)
  }

  /** Data from another peer. */
  deliver(payload: Body, asked: Asked): void {
    const { source: from, arrival } = asked
    this.#parts.io.emit({ kind: 'message', from, payload, delivery: 'unicast', topic: null, hops: arrival.hops })
    this.#parts.requests.respond(asked, { kind: 'ack' })
  }

  ring({ id, remote: from, metadata, offerPath }: Exchange): void {
    this.#parts.io.emit({ kind: 'call', exchange: id, from, metadata, offerPath })
  }

  onCallSettled({ id, request, offerPath }: Exchange, outcome: Parameters<SignalingHooks['settled']>[1]): void {
    const { io } = this.#parts
    if (request === null) {
      if (outcome !== 'up') io.emit({ kind: 'callEnded', exchange: id, reason: outcome })
    } else if (outcome === 'up') {
      const receipt = { hops: offerPath.relays + 1, path: 'routed', ms: 0, attempts: 1 } as const
      io.emit({ kind: 'requestDone', request, receipt })
    } else {
      this.fail(request, isFailure(outcome) ? outcome : 'refused', outcome)
    }
  }

  fail(request: RequestId, code: FailureCode, detail = ''): void {
    this.#parts.io.emit({ kind: 'requestFailed', request, code, detail })
  }

  /** The node stops: what is being signed will not leave any more, and nobody will say that he has the rest. */
  stop(): void {
    for (const request of this.#spreading.values()) this.fail(request, 'closed')
    this.#spreading.clear()
  }
}

const FAILURES: readonly string[] = ['unreachable', 'timeout', 'cancelled', 'closed', 'busy']

function isFailure(outcome: string): outcome is FailureCode {
  return FAILURES.includes(outcome)
}
