/**
 * The invariants of DESIGN §8, watched from outside: the checkers see what the network does and what nodes tell of
 * themselves, and believe the network. Those that a counter can decide run at every event; those that walk the nodes
 * run at samples.
 */

import type { Collection } from './machine.ts'
import { EPOCH_MS } from './network.ts'
import type { LinkEnd, SimNode } from './node.ts'

export interface CheckerOptions {
  /** Greatest number of mesh links on a peer. */
  readonly linksMax: number
  /** A link whose other end is gone must be closed after this long, in milliseconds: 5 s of silence + a tick (DESIGN §5). */
  readonly detectionMs: number
  /** The same for links between a peer and a bootstrap, on which nothing hangs: 30 s of silence at the server + its tick. */
  readonly serverDetectionMs: number
}

/** One broken invariant. `rule` is a fixed name, `detail` says what was seen. */
export interface Violation {
  readonly atMs: number
  readonly node: number
  readonly rule: 'self-link' | 'degree' | 'symmetry' | 'bound' | 'twice' | 'stranger' | 'forged'
  readonly detail: string
}

/** Violations kept; a broken protocol breaks the same rule a million times. */
const VIOLATIONS_MAX = 100

export class Checkers {
  readonly violations: Violation[] = []
  readonly #options: CheckerOptions

  constructor(options: CheckerOptions) {
    this.#options = options
  }

  /** A link has come up at this end. */
  opened(end: LinkEnd, nowMs: number): void {
    const { node } = end
    if (end.other.node === node) this.#report(nowMs, node, 'self-link', `link ${end.id}`)
    if (end.role === 'peer') this.#checkDegree(node, node.degree, nowMs)
  }

  /** A message for the application came out at `node` for the `count`th time. */
  delivered(node: SimNode, details: { readonly request: number; readonly count: number }, nowMs: number): void {
    if (details.count > 1) this.#report(nowMs, node, 'twice', `request ${details.request} came ${details.count} times`)
  }

  /** A sender holds an acknowledgement of what never came out at its target. */
  forged(node: SimNode, detail: string, nowMs: number): void {
    this.#report(nowMs, node, 'forged', detail)
  }

  /** Something came out that nobody had sent to this node. */
  stranger(node: SimNode, detail: string, nowMs: number): void {
    this.#report(nowMs, node, 'stranger', detail)
  }

  /** What one node says of itself: bounds and promised links. As dear as its `measure`. */
  inspect(node: SimNode, nowMs: number): void {
    const inspection = node.machine.measure?.()
    if (inspection === undefined) return
    for (const collections of inspection.collections ?? [])
      for (const name in collections) {
        const { size, max } = collections[name] as Collection
        if (size > max) this.#report(nowMs, node, 'bound', `${name} holds ${size} of ${max}`)
      }
    if (inspection.degree !== undefined) this.#checkDegree(node, inspection.degree, nowMs)
  }

  /** Walks all nodes. */
  sample(nodes: readonly SimNode[], nowMs: number): void {
    for (const node of nodes) {
      if (!node.isUp) continue
      this.inspect(node, nowMs)
      for (const end of node.ends) this.#checkSymmetry(end, nowMs)
    }
  }

  #checkDegree(node: SimNode, degree: number, nowMs: number): void {
    const max = node.isBootstrap ? 0 : this.#options.linksMax
    if (degree > max) this.#report(nowMs, node, 'degree', `${degree} links of ${max}`)
  }

  /**
   * Closing tells the other side within a latency; only a crash or a partition leaves half a link, and silence must
   * reveal it. Nobody who sleeps can notice anything.
   */
  #checkSymmetry(end: LinkEnd, nowMs: number): void {
    const { other, node } = end
    if (other.isOpen || other.closedAt === 0 || !node.isRunning) return
    const limitMs = end.role === 'peer' ? this.#options.detectionMs : this.#options.serverDetectionMs
    if (nowMs - Math.max(other.closedAt, other.sentUntil, node.wokeAt) <= limitMs) return
    this.#report(
      nowMs,
      node,
      'symmetry',
      `link ${end.id} to ${other.node.number}, which closed it at ${other.closedAt - EPOCH_MS} ms`,
    )
  }

  #report(atMs: number, node: SimNode, rule: Violation['rule'], detail: string): void {
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push({ atMs, node: node.number, rule, detail })
  }
}

/** Sizes of the mesh's components, largest first: peers that are up, joined by links that are open at both ends. */
export function componentSizes(nodes: readonly SimNode[]): number[] {
  const parents = Int32Array.from(nodes, (_, i) => i)
  const peers = nodes.filter((node) => node.isUp && !node.isBootstrap)
  for (const peer of peers)
    for (const end of peer.ends) if (isWhole(end)) join(parents, peer.number, end.other.node.number)
  const sizes = new Map<number, number>()
  for (const peer of peers) {
    const root = rootOf(parents, peer.number)
    sizes.set(root, (sizes.get(root) ?? 0) + 1)
  }
  return [...sizes.values()].toSorted((a, b) => b - a)
}

function isWhole(end: LinkEnd): boolean {
  return end.role === 'peer' && end.isOpen && end.other.isOpen && end.other.node.isUp
}

function join(parents: Int32Array, a: number, b: number): void {
  parents[rootOf(parents, a)] = rootOf(parents, b)
}

function rootOf(parents: Int32Array, start: number): number {
  let at = start
  while (parents[at] !== at) {
    // Path halving (Tarjan & van Leeuwen 1984).
    parents[at] = parents[parents[at] as number] as number
    at = parents[at] as number
  }
  return at
}
