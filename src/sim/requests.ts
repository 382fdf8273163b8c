/**
 * What the simulated applications asked for and what came of it: every unicast and broadcast of a scenario, checked for
 * being delivered to the right peers and to none of them twice.
 */

import type { Body } from '../core/frames.ts'
import type { RequestId } from '../core/ids.ts'
import type { FailureCode, NodeEvent, Receipt } from '../core/io.ts'
import type { Checkers } from './checkers.ts'
import { addTo } from './histogram.ts'
import type { SimNode } from './node.ts'
import { increment, type Stats } from './stats.ts'

/** One unicast. */
export interface UnicastRecord {
  readonly request: RequestId
  readonly source: SimNode
  readonly target: SimNode
  /** Virtual milliseconds. */
  readonly sentAt: number
  state: 'pending' | 'done' | 'failed'
  receipt: Receipt | null
  code: FailureCode | null
  /** It has failed, and its source or target was down by then. */
  isVoid: boolean
  /** Times that the payload came out at the target; more than one is a violation. */
  deliveries: number
}

/** One broadcast. */
export interface BroadcastRecord {
  readonly request: RequestId
  readonly source: SimNode
  /** Virtual milliseconds. */
  readonly sentAt: number
  /** Peers that it came out at. */
  reached: number
  /** Greatest number of links it crossed: last delivery hop. */
  hopsMax: number
  /** By node number: 1 if it came out there. */
  readonly deliveries: Map<number, number>
  has(node: { readonly number: number }): boolean
}

/** What a flooder sends: nobody counts where it comes out. */
export class Noise implements Body {
  readonly byteLength: number

  constructor(byteLength: number) {
    this.byteLength = byteLength
  }
}

class Payload implements Body {
  readonly byteLength: number
  readonly record: UnicastRecord | BroadcastRecord

  constructor(byteLength: number, record: UnicastRecord | BroadcastRecord) {
    this.byteLength = byteLength
    this.record = record
  }
}

export class Requests {
  readonly #checkers: Checkers
  readonly #stats: Stats
  readonly #pending = new Map<RequestId, UnicastRecord>()
  #count = 0

  constructor(checkers: Checkers, stats: Stats) {
    this.#checkers = checkers
    this.#stats = stats
  }

  /** Unicasts without an end yet. */
  get pending(): number {
    return this.#pending.size
  }

  createUnicast(
    source: SimNode,
    target: SimNode,
    what: { readonly bytes: number; readonly nowMs: number },
  ): { record: UnicastRecord; payload: Body } {
    const request = this.#count++ as RequestId
    const record: UnicastRecord = {
      request,
      source,
      target,
      sentAt: what.nowMs,
      state: 'pending',
      receipt: null,
      code: null,
      isVoid: false,
      deliveries: 0,
    }
    this.#pending.set(request, record)
    return { record, payload: new Payload(what.bytes, record) }
  }

  createBroadcast(
    source: SimNode,
    what: { readonly bytes: number; readonly nowMs: number },
  ): { record: BroadcastRecord; payload: Body } {
    const request = this.#count++ as RequestId
    const deliveries = new Map<number, number>()
    const record: BroadcastRecord = {
      request,
      source,
      sentAt: what.nowMs,
      reached: 0,
      hopsMax: 0,
      deliveries,
      has: ({ number }) => deliveries.has(number),
    }
    return { record, payload: new Payload(what.bytes, record) }
  }

  /** The node that asked has gone: nobody is told any more. */
  crashed(node: SimNode): void {
    for (const [request, record] of this.#pending) if (record.source === node) this.#pending.delete(request)
  }

  emitted(node: SimNode, event: NodeEvent, nowMs: number): void {
    switch (event.kind) {
      case 'message':
        return this.#delivered(node, event, nowMs)
      case 'requestDone':
        return this.#done(event.request, event.receipt, nowMs)
      case 'requestFailed':
        return this.#failed(event.request, event.code)
      case 'ready':
      case 'peerUp':
      case 'peerDown':
      case 'dialing':
      case 'call':
      case 'callEnded':
      case 'bootstrap':
    }
  }

  #delivered(node: SimNode, event: Extract<NodeEvent, { kind: 'message' }>, nowMs: number): void {
    const { payload, hops } = event
    if (payload instanceof Noise) return
    if (!(payload instanceof Payload)) return this.#checkers.stranger(node, 'a payload that nobody sent', nowMs)
    const { record } = payload
    if (event.from !== record.source.id)
      this.#checkers.stranger(node, `request ${record.request} from ${event.from}`, nowMs)
    const count = 'target' in record ? this.#unicastCame(node, record, nowMs) : broadcastCame(node, record, hops)
    if (!('target' in record) && count === 1) addTo(this.#stats.broadcastMs, nowMs - record.sentAt)
    this.#checkers.delivered(node, { request: record.request, count }, nowMs)
  }

  #unicastCame(node: SimNode, record: UnicastRecord, nowMs: number): number {
    if (node !== record.target)
      this.#checkers.stranger(node, `request ${record.request} to ${record.target.number}`, nowMs)
    else if (record.deliveries === 0) addTo(this.#stats.oneWayMs, nowMs - record.sentAt)
    return ++record.deliveries
  }

  #done(request: RequestId, receipt: Receipt, nowMs: number): void {
    const record = this.#pending.get(request)
    if (record === undefined) return
    this.#pending.delete(request)
    record.state = 'done'
    record.receipt = receipt
    this.#stats.acknowledged(receipt, nowMs - record.sentAt)
    if (record.deliveries === 0)
      this.#checkers.forged(record.source, `request ${request} to ${record.target.number}`, nowMs)
  }

  #failed(request: RequestId, code: FailureCode): void {
    const record = this.#pending.get(request)
    if (record === undefined) return
    this.#pending.delete(request)
    record.state = 'failed'
    record.code = code
    record.isVoid = !record.source.isUp || !record.target.isUp
    increment(this.#stats.requestFailures, code)
  }
}

function broadcastCame(node: SimNode, record: BroadcastRecord, hops: number): number {
  const count = (record.deliveries.get(node.number) ?? 0) + 1
  record.deliveries.set(node.number, count)
  if (count === 1) record.reached++
  record.hopsMax = Math.max(record.hopsMax, hops)
  return count
}
