/**
 * The links of the simulated world. A link is two ends, each an instance of its own, which come up and go down one
 * after the other; what is sent over it in between arrives later, or never. How links are negotiated is `signaling.ts`.
 */

import type { Frame } from '../core/frames.ts'
import type { LinkId, NetworkId } from '../core/ids.ts'
import type { Io, LinkUp } from '../core/io.ts'
import { Carriage, NO_ROOM } from './carriage.ts'
import { FrameDue, LinkDownDue } from './events.ts'
import type { Network, NetworkObserver } from './network.ts'
import { LinkEnd, type SimNode } from './node.ts'
import { Partitions } from './partition.ts'
import type { Rng } from './rng.ts'

/** How the two ends of a link come up. */
export interface LinkPlan {
  readonly node: SimNode
  readonly role: LinkUp['role']
  readonly delayMs: number
  /** Asked at the moment when the end would come up: does this side still want it? */
  readonly isWanted: () => boolean
  /** What a bootstrap learns of its visitor from the hello. */
  readonly visit?: Visit
  /** The node was frozen at that moment. */
  readonly missed?: () => void
}

export interface Visit {
  readonly network: NetworkId
  readonly purpose: VisitPurpose
}

/** join: a newcomer. visit: a member that looks in by lottery (DESIGN §7). */
export type VisitPurpose = Parameters<Io['contactBootstrap']>[0]

/** What both ends learn of a new link. */
export type LinkNature = Pick<LinkUp, 'transport' | 'isSecure' | 'exchange'>

export class Links {
  readonly partitions: Partitions
  readonly #network: Network
  readonly #observer: NetworkObserver
  readonly #carriage: Carriage
  /** Open ends by id; the closed leave a hole, because ids are never used again. */
  readonly #ends: (LinkEnd | null)[] = []
  /** Where the last frame came in: every other one goes back from there, and the row of all ends is not in the cache. */
  #recent: LinkEnd | null = null
  /** Every frame just arrives. */
  #isPlain: boolean

  constructor(network: Network, observer: NetworkObserver, rng: Rng) {
    this.#network = network
    this.#observer = observer
    this.#carriage = new Carriage(network.options, rng)
    this.#isPlain = this.#carriage.isPerfect
    this.partitions = new Partitions(() => {
      this.#isPlain = this.#carriage.isPerfect && this.partitions.isWhole
    })
  }

  /** Makes a link; each end comes up after its own delay, if its node still wants it. */
  connect(a: LinkPlan, b: LinkPlan, nature: LinkNature): void {
    const baseMs = this.#network.latency.baseMs(a.node.number, b.node.number)
    const endA = this.#createEnd(a, baseMs)
    const endB = this.#createEnd(b, baseMs)
    endA.other = endB
    endB.other = endA
    endA.sentUntil = endB.opensAt
    endB.sentUntil = endA.opensAt
    this.#network.after(a.delayMs, () => this.#open(endA, a, nature))
    this.#network.after(b.delayMs, () => this.#open(endB, b, nature))
  }

  send(node: SimNode, link: LinkId, frame: Frame): void {
    const end = this.#endOf(node, link)
    if (end === null) return this.#observer.dropped(frame, 'closed')
    this.#observer.sending(end, frame)
    if (this.#isPlain) this.#network.push(this.#arrival(end), new FrameDue(end.other, frame))
    else this.#carry(end, frame)
  }

  /** A frame's time has come. */
  arrive(due: FrameDue): void {
    const end = due.memo
    const { node } = end
    this.#recent = end
    if (end.isOpen && node.isRunning) return this.#network.handle(node, due)
    this.#observer.dropped(due.frame, !node.isUp ? 'dead' : end.isOpen ? 'asleep' : 'closed')
  }

  /** Closes one end at once; the other learns of it after everything that was sent before. */
  close(node: SimNode, link: LinkId, reason: string): void {
    const end = this.#endOf(node, link)
    if (end === null) return
    this.#shut(end)
    this.#network.input(node, { kind: 'linkDown', link, reason })
    this.#announce(end, 'closed by the other side')
  }

  /** The other side's closing has come to this end. */
  learnDown(end: LinkEnd, due: LinkDownDue): void {
    if (!end.isOpen || !this.#network.isReady(end.node, due)) return
    this.#shut(end)
    this.#network.handle(end.node, due)
  }

  /** All ends of a node that has gone. `isNoticed`: the other sides learn of it. */
  drop(node: SimNode, how: { readonly isNoticed: boolean }): void {
    for (const end of node.ends) {
      this.#forget(end)
      if (how.isNoticed) this.#announce(end, 'connection lost')
    }
    node.ends = []
    node.degree = 0
  }

  #endOf(node: SimNode, link: LinkId): LinkEnd | null {
    const end = this.#recent?.id === link ? this.#recent : this.#ends[link]
    return end?.isOpen === true && end.node === node ? end : null
  }

  #createEnd(plan: LinkPlan, baseMs: number): LinkEnd {
    const id = this.#ends.push(null) - 1
    const end = new LinkEnd(id as LinkId, plan.node, { role: plan.role, baseMs })
    end.opensAt = this.#network.now + plan.delayMs
    return end
  }

  #open(end: LinkEnd, plan: LinkPlan, nature: LinkNature): void {
    const { node, id: link, role, other } = end
    if (!node.isRunning) {
      this.#forget(end)
      return plan.missed?.()
    }
    if (this.#isCancelled(other) || !plan.isWanted()) return this.#cancel(end)
    end.isOpen = true
    this.#ends[link] = end
    node.ends.push(end)
    if (role === 'peer') node.degree++
    this.#observer.opened(end)
    const input: LinkUp = { kind: 'linkUp', link, peer: other.node.id, role, ...nature }
    this.#network.handle(node, plan.visit === undefined ? input : { ...input, ...plan.visit })
  }

  /** The other side gave up just before its end would have come up. */
  #isCancelled(other: LinkEnd): boolean {
    return other.closedAt > 0 && !other.isOpen && other.node.isRunning
  }

  /** This side gave up just before the link came up: the other side, if it is up already, sees it close. */
  #cancel(end: LinkEnd): void {
    this.#forget(end)
    if (end.other.isOpen) this.#announce(end, 'abandoned')
  }

  /** The frame is on its way through a network that is not perfect. */
  #carry(end: LinkEnd, frame: Frame): void {
    const { other } = end
    if (!this.partitions.canPass(end.node, other.node)) return this.#observer.dropped(frame, 'partition')
    if (this.#carriage.isPerfect || end.role !== 'peer')
      return this.#network.push(this.#arrival(end), new FrameDue(other, frame))
    const leavesAt = this.#carriage.leavesAt(end, frame, this.#network.now)
    if (leavesAt === NO_ROOM) return this.#observer.dropped(frame, 'buffer')
    if (this.#carriage.isLost()) return this.#observer.dropped(frame, 'loss')
    this.#network.push(this.#lateArrival(end, leavesAt), new FrameDue(other, frame))
    if (!this.#carriage.isDoubled()) return
    this.#observer.doubled(frame)
    this.#network.push(this.#lateArrival(end, leavesAt), new FrameDue(other, frame))
  }

  #announce(end: LinkEnd, reason: string): void {
    if (!this.partitions.isWhole && !this.partitions.canPass(end.node, end.other.node)) return
    this.#network.push(this.#arrival(end), new LinkDownDue(end.other, reason))
  }

  /** When something sent now from this end arrives at the other: after everything that was sent before. */
  #arrival(end: LinkEnd): number {
    const at = Math.max(end.sentUntil, this.#network.now + this.#network.latency.frameMs(end.baseUs / 1_000))
    end.sentUntil = at
    return at
  }

  /** The same for a frame that leaves later and may be overtaken. */
  #lateArrival(end: LinkEnd, leavesAt: number): number {
    const at = leavesAt + this.#network.latency.frameMs(end.baseUs / 1_000) + this.#carriage.delayMs()
    const bounded = Math.max(at, this.#carriage.isUnordered ? end.other.opensAt : end.sentUntil)
    end.sentUntil = Math.max(end.sentUntil, bounded)
    return bounded
  }

  #shut(end: LinkEnd): void {
    const { node } = end
    this.#forget(end)
    node.ends.splice(node.ends.indexOf(end), 1)
    if (end.role === 'peer') node.degree--
  }

  #forget(end: LinkEnd): void {
    end.isOpen = false
    end.closedAt = this.#network.now
    this.#ends[end.id] = null
  }
}
