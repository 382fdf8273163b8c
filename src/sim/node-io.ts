/**
 * The simulator's `Io`: one line per effect. Nothing here answers at once; whatever comes of an effect is an input at a
 * later event (core/io.ts).
 */

import type { Body, Frame, OfferMessage } from '../core/frames.ts'
import type { ExchangeId, Key, LinkId, MessageId, PeerId } from '../core/ids.ts'
import type { Io, NodeEvent, OpenJob, SealJob, TimerToken, VerifyJob } from '../core/io.ts'
import type { VisitPurpose } from './links.ts'
import type { Network } from './network.ts'
import type { SimNode } from './node.ts'

export class NodeIo implements Io {
  readonly #network: Network
  readonly #node: SimNode

  constructor(network: Network, node: SimNode) {
    this.#network = network
    this.#node = node
  }

  random(): number {
    return this.#node.rng.next()
  }

  send(link: LinkId, frame: Frame): void {
    const { hostile } = this.#node
    if (hostile === null) this.#network.links.send(this.#node, link, frame)
    else hostile.send(link, frame)
  }

  closeLink(link: LinkId, reason: string): void {
    this.#network.links.close(this.#node, link, reason)
  }

  /** Fractions round up: a timer never comes early. */
  schedule(token: TimerToken, delayMs: number): void {
    this.#network.schedule(this.#node, token, Math.max(0, Math.ceil(delayMs)))
  }

  contactBootstrap(purpose: VisitPurpose): void {
    this.#network.contacts.contact(this.#node, purpose)
  }

  seal(job: SealJob): void {
    this.#network.finishJob(this.#node, this.#node.sealer.seal(job, this.#network.now))
  }

  open(job: OpenJob): void {
    this.#network.finishJob(this.#node, this.#node.sealer.open(job, this.#network.now))
  }

  sign(id: MessageId, payload: Body, tree: Key): void {
    this.#network.finishJob(this.#node, this.#node.sealer.sign({ tree, id }, payload, this.#network.now))
  }

  verify(job: VerifyJob): void {
    this.#network.finishJob(this.#node, this.#node.sealer.verify(job, this.#network.now))
  }

  createOffer(exchange: ExchangeId, to: { readonly remote: PeerId; readonly purpose: OfferMessage['purpose'] }): void {
    this.#network.signaling.createOffer(this.#node, exchange, to)
  }

  createAnswer(
    exchange: ExchangeId,
    offer: { readonly remote: PeerId; readonly purpose: OfferMessage['purpose']; readonly description: Body },
  ): void {
    this.#network.signaling.createAnswer(this.#node, exchange, offer)
  }

  acceptAnswer(exchange: ExchangeId, description: Body): void {
    this.#network.signaling.acceptAnswer(this.#node, exchange, description)
  }

  /** Modelled descriptions carry all candidates from the beginning, so there is nothing to add. */
  addSignal(): void {}

  abandon(exchange: ExchangeId): void {
    this.#network.signaling.abandon(this.#node, exchange)
  }

  emit(event: NodeEvent): void {
    this.#network.emit(this.#node, event)
  }
}
