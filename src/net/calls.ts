/**
 * What the application's calls need beyond the core's exchanges: which media go with an offer or an answer, and the
 * connection that came of it. The core knows requests and exchanges; streams and connections never pass through it.
 */

import type { Instance } from 'simple-peer'
import type { ExchangeId, RequestId } from '../core/ids.ts'

type Streams = readonly MediaStream[]

const NO_STREAMS: Streams = []

/** All bounded by the core, which refuses requests and calls above its limits, and ends each. */
export class Calls {
  readonly #prepared = new Map<RequestId, Streams>()
  readonly #exchanges = new Map<RequestId, ExchangeId>()
  readonly #streams = new Map<ExchangeId, Streams>()
  readonly #connections = new Map<ExchangeId, Instance>()

  /** Media for a call that is about to be dialled. */
  prepare(request: RequestId, streams: Streams): void {
    this.#prepared.set(request, streams)
  }

  /** Media for the answer to a call. */
  prepareAnswer(exchange: ExchangeId, streams: Streams): void {
    this.#streams.set(exchange, streams)
  }

  /** The core has made an exchange for the request. */
  tie(request: RequestId, exchange: ExchangeId): void {
    this.#exchanges.set(request, exchange)
    this.#streams.set(exchange, this.#prepared.get(request) ?? NO_STREAMS)
  }

  /** Media for the exchange whose description is being made; asked for once. */
  takeStreams(exchange: ExchangeId): Streams {
    const streams = this.#streams.get(exchange) ?? NO_STREAMS
    this.#streams.delete(exchange)
    return streams
  }

  /** The exchange has become a connection. True: a request of ours waits for it. */
  connect(exchange: ExchangeId, connection: Instance): boolean {
    for (const [, dialled] of this.#exchanges) {
      if (dialled !== exchange) continue
      this.#connections.set(exchange, connection)
      return true
    }
    return false
  }

  /** The connection of a request that is done. */
  take(request: RequestId): Instance | undefined {
    const exchange = this.#exchanges.get(request)
    return exchange === undefined ? undefined : this.#connections.get(exchange)
  }

  /** The request is over, whatever came of it. */
  forget(request: RequestId): void {
    const exchange = this.#exchanges.get(request)
    this.#prepared.delete(request)
    this.#exchanges.delete(request)
    if (exchange === undefined) return
    this.#streams.delete(exchange)
    this.#connections.delete(exchange)
  }
}
