/**
 * What became of unicasts. A request whose source or target went down before it ended is void: nobody can say whether it
 * should have arrived. All others either succeed, which is to come out at the target exactly once and to be
 * acknowledged, or they do not. An acknowledgement for something that never came out is "wrong": somebody forged it.
 */

import type { Ticket } from './driver.ts'
import { Durations, Histogram } from './distribution.ts'
import type { Metrics } from './metrics.ts'

export class Tally {
  sent = 0
  done = 0
  failed = 0
  voided = 0
  wrong = 0
  /** Came out more than once. */
  twice = 0
  readonly hops = new Histogram()
  readonly tries = new Histogram()
  readonly latency = new Durations()
  /** Failures by code. */
  readonly codes: Record<string, number> = {}
  readonly #triesMax: number
  #pending: Ticket[] = []

  /** `triesMax`: acknowledged after more tries counts as a failure, `late`. */
  constructor(triesMax = Number.POSITIVE_INFINITY) {
    this.#triesMax = triesMax
  }

  get pending(): number {
    return this.#pending.length
  }

  add(ticket: Ticket): void {
    this.sent++
    this.#pending.push(ticket)
  }

  /** Counts those that have come to an end. `isOver`: the rest will not. */
  sweep({ isOver }: { readonly isOver: boolean }): void {
    const pending: Ticket[] = []
    for (const ticket of this.#pending) {
      if (ticket.state === 'done') this.#succeeded(ticket)
      else if (ticket.state === 'failed' && !ticket.isVoid) this.#lost(ticket.code ?? 'failed')
      // Whose target has gone may still be acknowledged; whose source has, nobody would know of.
      else if (ticket.state === 'failed' || !ticket.source.isUp) this.voided++
      else if (!isOver) pending.push(ticket)
      else if (ticket.target.isUp) this.#lost('no end')
      else this.voided++
    }
    this.#pending = pending
  }

  /** Adds another tally's counts: a run's total is the sum of its phases. */
  include(other: Tally): void {
    this.sent += other.sent
    this.done += other.done
    this.failed += other.failed
    this.voided += other.voided
    this.wrong += other.wrong
    this.twice += other.twice
    this.hops.include(other.hops)
    this.tries.include(other.tries)
    this.latency.include(other.latency)
  }

  metrics(): Metrics {
    const counted = this.done + this.failed + this.wrong + this.twice
    return {
      sent: this.sent,
      success: this.done / counted,
      failed: this.failed,
      voided: this.voided,
      wrong: this.wrong,
      twice: this.twice,
      'hops.mean': this.hops.mean,
      'hops.p99': this.hops.quantile(0.99),
      'hops.max': this.hops.max,
      'tries.mean': this.tries.mean,
      'tries.p99': this.tries.quantile(0.99),
      'tries.max': this.tries.max,
      'latency.p50Ms': this.latency.quantile(0.5),
      'latency.p99Ms': this.latency.quantile(0.99),
    }
  }

  #succeeded({ deliveries, receipt }: Ticket): void {
    if (deliveries === 0 || receipt === null) return void this.wrong++
    if (deliveries > 1) this.twice++
    else if (receipt.attempts > this.#triesMax) this.#lost('late')
    else this.done++
    this.hops.add(receipt.hops)
    this.tries.add(receipt.attempts)
    this.latency.add(receipt.ms)
  }

  #lost(code: string): void {
    this.failed++
    this.codes[code] = (this.codes[code] ?? 0) + 1
  }
}
