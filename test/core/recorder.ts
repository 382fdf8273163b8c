/** A recording `Io`: every effect is kept in order, nothing happens. Random bits come from a seed. */

import type { Frame } from '../../src/core/frames.ts'
import type { Key, LinkId, MessageId } from '../../src/core/ids.ts'
import type { Io, NodeEvent, OpenJob, SealJob, TimerToken, VerifyJob } from '../../src/core/io.ts'

export type Effect =
  | { readonly do: 'send'; readonly link: LinkId; readonly frame: Frame }
  | { readonly do: 'closeLink'; readonly link: LinkId; readonly reason: string }
  | { readonly do: 'schedule'; readonly token: TimerToken; readonly delayMs: number }
  | { readonly do: 'job'; readonly job: SealJob | OpenJob | VerifyJob }
  | { readonly do: 'sign'; readonly id: MessageId; readonly tree: Key }
  | ExchangeEffect<'createOffer'>
  | ExchangeEffect<'createAnswer'>
  | ExchangeEffect<'acceptAnswer'>
  | ExchangeEffect<'addSignal'>
  | ExchangeEffect<'abandon'>
  | { readonly do: 'contactBootstrap'; readonly purpose: 'join' | 'visit' }
  | { readonly do: 'emit'; readonly event: NodeEvent }

interface ExchangeEffect<Kind extends string> {
  readonly do: Kind
  readonly exchange: string
}

/** mulberry32, 32 bits a call. */
export function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
}

export function recordingIo(take: (effect: Effect) => void, seed = 1): Io {
  return {
    random: generator(seed),
    send: (link, frame) => take({ do: 'send', link, frame }),
    closeLink: (link, reason) => take({ do: 'closeLink', link, reason }),
    schedule: (token, delayMs) => take({ do: 'schedule', token, delayMs }),
    contactBootstrap: (purpose) => take({ do: 'contactBootstrap', purpose }),
    seal: (job) => take({ do: 'job', job }),
    open: (job) => take({ do: 'job', job }),
    verify: (job) => take({ do: 'job', job }),
    sign: (id, _payload, tree) => take({ do: 'sign', id, tree }),
    createOffer: (exchange) => take({ do: 'createOffer', exchange }),
    createAnswer: (exchange) => take({ do: 'createAnswer', exchange }),
    acceptAnswer: (exchange) => take({ do: 'acceptAnswer', exchange }),
    addSignal: (exchange) => take({ do: 'addSignal', exchange }),
    abandon: (exchange) => take({ do: 'abandon', exchange }),
    emit: (event) => take({ do: 'emit', event }),
  }
}
