/**
 * How peers find a bootstrap: like `net/bootstrap-client` they know several URLs, try them one after the other in random
 * order, those that failed lately last and only after a pause that grows and is drawn at random. One that answers is
 * enough.
 */

import type { VisitPurpose } from './links.ts'
import type { Network } from './network.ts'
import type { SimNode } from './node.ts'

/** TCP, the upgrade, and the hello with its challenge. */
const ROUND_TRIPS = 3
/** A server that does not answer at all (`net/websocket`). */
const TIMEOUT_MS = 10_000
/** As in `net/bootstrap-client`. */
const BACKOFF_MIN_MS = 500
const BACKOFF_MAX_MS = 15_000

interface Search {
  readonly node: SimNode
  readonly purpose: VisitPurpose
  /** Places in `Network.bootstraps` that are still to be tried. */
  readonly places: number[]
  reason: string
}

export class Contacts {
  readonly #network: Network

  constructor(network: Network) {
    this.#network = network
  }

  /** Ends in `linkUp` or `bootstrapFailed`. While one search goes on, another is not begun. */
  contact(node: SimNode, purpose: VisitPurpose): void {
    if (node.isContacting) return
    node.isContacting = true
    this.#next({ node, purpose, places: this.#inOrder(node), reason: 'no bootstrap is known' })
  }

  /** Shuffled, so that each server gets its share; those that rest come last. */
  #inOrder(node: SimNode): number[] {
    const { bootstraps, rng, now } = this.#network
    if (bootstraps.length === 1) return [0]
    const restMs = (place: number): number => Math.max(0, (node.rests?.[place]?.until ?? 0) - now)
    return rng.shuffle([...bootstraps.keys()]).toSorted((a, b) => restMs(a) - restMs(b))
  }

  #next(search: Search): void {
    const { node, places } = search
    const place = places.shift()
    if (place === undefined) {
      node.isContacting = false
      return this.#network.input(node, { kind: 'bootstrapFailed', reason: search.reason })
    }
    const pauseMs = Math.max(0, (node.rests?.[place]?.until ?? 0) - this.#network.now)
    if (pauseMs === 0) this.#attempt(search, place)
    else this.#network.after(pauseMs, () => this.#attempt(search, place))
  }

  #attempt(search: Search, place: number): void {
    const { node } = search
    const network = this.#network
    const server = network.bootstraps[place] as SimNode
    const tripMs = network.latency.frameMs(network.latency.baseMs(node.number, server.number))
    const fail = (reason: string): void => this.#fail(search, place, reason)
    if (!this.#answers(node, server)) return network.after(TIMEOUT_MS, () => fail('timeout'))
    if (!server.isUp) return network.after(2 * tripMs, () => fail('connection refused'))
    network.after(2 * ROUND_TRIPS * tripMs, () => {
      if (!server.isRunning || !node.isRunning || !this.#answers(node, server)) return fail('connection lost')
      this.#open(search, { place, server, tripMs })
    })
  }

  /** A dead server's machine still refuses; a frozen one, or one behind a partition, says nothing. */
  #answers(node: SimNode, server: SimNode): boolean {
    return (!server.isUp || server.isRunning) && this.#network.links.partitions.canMeet(node, server)
  }

  #open(search: Search, to: { readonly place: number; readonly server: SimNode; readonly tripMs: number }): void {
    const { node, purpose } = search
    const visit = { network: this.#network.networkId, purpose }
    const opened = (): boolean => {
      node.isContacting = false
      if (node.rests !== null) node.rests[to.place] = undefined
      return true
    }
    this.#network.connect(
      { node: to.server, role: 'visitor', delayMs: 0, isWanted: () => node.isUp, visit },
      {
        node,
        role: 'bootstrap',
        delayMs: to.tripMs,
        isWanted: opened,
        missed: () => this.#fail(search, to.place, 'connection lost'),
      },
      { transport: 'websocket', isSecure: false, exchange: null },
    )
  }

  #fail(search: Search, place: number, reason: string): void {
    const { node } = search
    if (!node.isUp) return
    const rests = (node.rests ??= [])
    const failures = rests[place]?.failures ?? 0
    const longestMs = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** failures)
    rests[place] = { failures: failures + 1, until: this.#network.now + this.#network.rng.below(longestMs) }
    search.reason = reason
    this.#next(search)
  }
}
