/**
 * Links and calls over WebRTC: the shell's side of the signaling effects of `Io`, one `Exchange` for each. Bounded in
 * number, because a native connection costs half a megabyte and milliseconds of CPU; counted by the reason they fail for.
 * The core decides when an exchange has taken too long (`abandon`).
 */

import type { Instance } from 'simple-peer'
import type { OfferMessage } from '../core/frames.ts'
import type { ExchangeId, PeerId } from '../core/ids.ts'
import type { ExchangeFailure, ExchangeParts, ExchangeTask } from './exchange.ts'
import { Exchange } from './exchange.ts'
import type { Link } from './link.ts'
import { platformAfter } from './timers.ts'

export type { ExchangeFailure } from './exchange.ts'

/**
 * Exchanges being set up at once: the core's bound for links (16) and as many calls again. Connected calls are not
 * counted here but by the core.
 */
export const SETUPS_MAX = 32

/** What comes of exchanges. None of these may throw; each exchange ends in exactly one of the last three. */
export interface ExchangesHooks {
  readonly described: (exchange: ExchangeId, description: Uint8Array) => void
  readonly signal: (exchange: ExchangeId, signal: Uint8Array) => void
  /** Proven; without an owner: it holds what comes until `onFrame` is set. */
  readonly linkUp: (up: { readonly exchange: ExchangeId; readonly remote: PeerId; readonly link: Link }) => void
  /**
   * Proven and open: a plain simple-peer instance. What the other side sends waits in its buffer, and its media events
   * come again to the first who listens.
   */
  readonly connected: (exchange: ExchangeId, connection: Instance) => void
  /** Also for a connected call that has closed. */
  readonly failed: (exchange: ExchangeId, reason: string) => void
}

export interface ExchangesOptions extends Partial<Pick<ExchangeParts, 'rtcConfig' | 'linkLimits' | 'after'>> {
  readonly wrtc: ExchangeParts['wrtc']
  readonly network: ExchangeParts['network']
  /** An `Identity` fits. */
  readonly signer: ExchangeParts['signer']
  readonly verify: ExchangeParts['verify']
  readonly sha256: ExchangeParts['sha256']
  readonly hooks: ExchangesHooks
  /** Media that go with a call's offer or answer; asked once, a microtask after the core wants the offer. */
  readonly streamsOf?: (exchange: ExchangeId) => readonly MediaStream[]
}

/** No servers unless configured: simple-peer would add public ones of its own. All media share one transport. */
const RTC_CONFIG: RTCConfiguration = { iceServers: [], bundlePolicy: 'max-bundle' }

export class Exchanges {
  /** Exchanges that failed, by reason; busy: refused because too many were under way. */
  readonly failures: Record<ExchangeFailure | 'busy', number> = {
    malformed: 0,
    unsupported: 0,
    'proof missing': 0,
    'proof signature': 0,
    'proof timeout': 0,
    'proof closed': 0,
    'proof denied': 0,
    stack: 0,
    busy: 0,
  }
  readonly #parts: ExchangeParts
  readonly #hooks: ExchangesHooks
  readonly #streamsOf: (exchange: ExchangeId) => readonly MediaStream[]
  readonly #setups = new Map<ExchangeId, Exchange>()
  /** Calls handed over: they may still renegotiate. */
  readonly #calls = new Map<ExchangeId, Exchange>()

  constructor({ hooks, streamsOf, rtcConfig, linkLimits, after, ...parts }: ExchangesOptions) {
    this.#hooks = hooks
    this.#streamsOf = streamsOf ?? (() => [])
    this.#parts = {
      ...parts,
      rtcConfig: { ...RTC_CONFIG, ...rtcConfig },
      linkLimits: linkLimits ?? {},
      after: after ?? platformAfter,
    }
  }

  /** Exchanges under way and calls that stand. */
  get counts(): { readonly setups: number; readonly calls: number } {
    return { setups: this.#setups.size, calls: this.#calls.size }
  }

  /** Ends in `described` and then one of the three ends. */
  createOffer(id: ExchangeId, to: { readonly remote: PeerId; readonly purpose: OfferMessage['purpose'] }): void {
    const exchange = this.#add({ id, remote: to.remote, purpose: to.purpose, role: 'offerer' })
    if (to.purpose === 'link') exchange?.start([])
    // The application only learns now which exchange belongs to its call, and then which media go with it.
    else queueMicrotask(() => exchange?.start(this.#streamsOf(id)))
  }

  createAnswer(
    id: ExchangeId,
    offer: { readonly remote: PeerId; readonly purpose: OfferMessage['purpose']; readonly description: Uint8Array },
  ): void {
    const exchange = this.#add({ id, remote: offer.remote, purpose: offer.purpose, role: 'answerer' })
    exchange?.start(offer.purpose === 'link' ? [] : this.#streamsOf(id))
    exchange?.accept(offer.description)
  }

  acceptAnswer(id: ExchangeId, description: Uint8Array): void {
    this.#setups.get(id)?.accept(description)
  }

  /** Unknown exchanges are ignored: candidates often come after the link stands. */
  addSignal(id: ExchangeId, signal: Uint8Array): void {
    const exchange = this.#setups.get(id) ?? this.#calls.get(id)
    exchange?.addSignal(signal)
  }

  /** Gives up, or hangs up a call; no hook is called for it any more. */
  abandon(id: ExchangeId): void {
    const exchange = this.#setups.get(id) ?? this.#calls.get(id)
    this.#setups.delete(id)
    this.#calls.delete(id)
    exchange?.stop()
  }

  /** Abandons everything. Links that were handed over belong to others. */
  close(): void {
    for (const id of [...this.#setups.keys(), ...this.#calls.keys()]) this.abandon(id)
  }

  /** Null if there is no room; the failure is reported in a microtask, as if it had been tried. */
  #add(task: ExchangeTask): Exchange | null {
    const { id, remote } = task
    if (this.#setups.size >= SETUPS_MAX || this.#setups.has(id) || this.#calls.has(id)) {
      this.failures.busy++
      queueMicrotask(() => this.#hooks.failed(id, 'busy'))
      return null
    }
    const hooks = this.#hooks
    const exchange = new Exchange(task, this.#parts, {
      described: (description) => hooks.described(id, description),
      signal: (signal) => hooks.signal(id, signal),
      linkUp: (link) => {
        this.#setups.delete(id)
        hooks.linkUp({ exchange: id, remote, link })
      },
      connected: (connection) => {
        this.#setups.delete(id)
        this.#calls.set(id, exchange)
        hooks.connected(id, connection)
      },
      failed: (reason, detail) => {
        const wasCall = this.#calls.delete(id)
        this.#setups.delete(id)
        if (!wasCall) this.failures[reason]++
        hooks.failed(id, detail === '' ? reason : `${reason}: ${detail}`)
      },
    })
    this.#setups.set(id, exchange)
    return exchange
  }
}
