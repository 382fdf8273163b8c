/**
 * Half-trickle (DESIGN §6): when a description leaves, and how later candidates follow it. Each message of an exchange
 * may cross several peers, each of which pays for it, so candidates travel with the description or in at most two
 * batches after it. Knows nothing of SDP or WebRTC; time comes from outside.
 *
 * Measured with @roamhq/wrtc, no ICE servers: all host candidates are announced 0.3 to 0.7 ms after the local
 * description is set and within 0.2 ms of each other, so a description that waits for the end of that burst loses
 * nothing. Waiting for the end of gathering instead costs 100 ms.
 */

import type { After } from './timers.ts'
import { platformAfter } from './timers.ts'

export interface TrickleOptions<Candidate> {
  /** STUN or TURN servers are configured: worth waiting for what they say. */
  readonly hasServers: boolean
  /** "srflx" or "relay": what servers are asked for. */
  readonly isFromServer: (candidate: Candidate) => boolean
  /** The description leaves with these candidates. Once. */
  readonly onLeave: (candidates: readonly Candidate[]) => void
  /** More of them, at least one. At most twice. */
  readonly onBatch: (candidates: readonly Candidate[]) => void
  readonly after?: After
}

/** Without servers: how long a description waits for the first host candidate. Chromium needs 1–2 ms, mDNS name included. */
export const HOST_WAIT_MS = 50
/** With servers: how long it waits for the first of theirs (DESIGN §6). */
export const SERVER_WAIT_MS = 150
/**
 * From the first late candidate to the first batch, and from the next one to the second, unless there will be no more.
 * Guess: by then a link between near peers stands and needs neither; the second waits for a slow TURN server.
 */
export const BATCH_WAITS_MS = [100, 1_000] as const

/**
 * Turns of the event loop without a candidate that end a burst. On an idle machine two are enough; on a crowded one the
 * stack's own thread falls behind, and the rest of the burst goes with the first batch, if it is still needed then.
 */
const QUIET_TURNS = 2

export class Trickle<Candidate> {
  readonly #options: TrickleOptions<Candidate>
  readonly #after: After
  #state: 'new' | 'described' | 'left' | 'stopped' = 'new'
  #candidates: Candidate[] = []
  #isGathered = false
  #batches = 0
  #cancel: (() => void) | null = null

  constructor(options: TrickleOptions<Candidate>) {
    this.#options = options
    this.#after = options.after ?? platformAfter
  }

  /** The local description is set. */
  described(): void {
    if (this.#state !== 'new') return
    this.#state = 'described'
    this.#schedule(this.#options.hasServers ? SERVER_WAIT_MS : HOST_WAIT_MS)
    if (this.#isGathered || this.#candidates.some((candidate) => this.#endsWait(candidate))) this.#leaveSoon()
  }

  candidate(candidate: Candidate): void {
    if (this.#state === 'stopped' || this.#batches === BATCH_WAITS_MS.length) return
    this.#candidates.push(candidate)
    if (this.#state === 'described' && this.#endsWait(candidate)) this.#leaveSoon()
    if (this.#state === 'left' && this.#candidates.length === 1) this.#scheduleBatch()
  }

  /** There will be no more candidates. Events of the same burst may still be on their way: libdatachannel says so first. */
  gathered(): void {
    this.#isGathered = true
    if (this.#state === 'described') this.#leaveSoon()
    if (this.#state === 'left' && this.#candidates.length > 0) this.#scheduleBatch()
  }

  /** Nothing leaves any more. */
  stop(): void {
    this.#state = 'stopped'
    this.#candidates = []
    this.#cancel?.()
  }

  #endsWait(candidate: Candidate): boolean {
    return !this.#options.hasServers || this.#options.isFromServer(candidate)
  }

  #scheduleBatch(): void {
    this.#schedule(this.#isGathered ? BATCH_WAITS_MS[0] : BATCH_WAITS_MS[this.#batches]!)
  }

  #leaveSoon(turns = QUIET_TURNS): void {
    this.#cancel?.()
    this.#cancel = this.#after(0, () => (turns > 1 ? this.#leaveSoon(turns - 1) : this.#release()))
  }

  #schedule(delayMs: number): void {
    this.#cancel?.()
    this.#cancel = this.#after(delayMs, () => this.#release())
  }

  #release(): void {
    const candidates = this.#candidates
    this.#candidates = []
    if (this.#state === 'described') {
      this.#state = 'left'
      this.#options.onLeave(candidates)
    } else if (candidates.length > 0) {
      this.#batches++
      this.#options.onBatch(candidates)
    }
  }
}
