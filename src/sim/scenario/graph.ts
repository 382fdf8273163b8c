/** What the mesh looks like from above: components, the ring, degrees, cliques. Works on any driver's members. */

import { compareIds } from '../../core/geometry.ts'
import type { Key } from '../../core/ids.ts'
import type { Driver, Member } from './driver.ts'
import { Histogram } from './distribution.ts'
import type { Metrics } from './metrics.ts'

/** Components, ring and degrees of one instant. */
export interface Graph {
  readonly peers: number
  /** Sizes, largest first. */
  readonly components: readonly number[]
  /** Share of peers that are in the largest component. */
  readonly largestShare: number
  readonly readyShare: number
  readonly degrees: Histogram
}

/** `up`: members that are up, with what `driver.observe()` last told. */
export function graphOf(driver: Driver, up: readonly Member[]): Graph {
  const degrees = new Histogram()
  for (const member of up) degrees.add([...driver.neighborsOf(member)].length)
  const components = [...componentsOf(driver, up).values()].map((members) => members.length).toSorted((a, b) => b - a)
  const ready = up.filter((member) => member.readyAt > 0).length
  return {
    peers: up.length,
    components,
    largestShare: (components[0] ?? 0) / up.length,
    readyShare: ready / up.length,
    degrees,
  }
}

/** The members of the largest component. */
export function largestComponentOf(driver: Driver, up: readonly Member[]): readonly Member[] {
  let largest: readonly Member[] = []
  for (const members of componentsOf(driver, up).values()) if (members.length > largest.length) largest = members
  return largest
}

/** Every metric of a `sample`. */
export function graphMetrics(driver: Driver, up: readonly Member[]): Metrics {
  const graph = graphOf(driver, up)
  return {
    peers: graph.peers,
    components: graph.components.length,
    largestShare: graph.largestShare,
    ringShare: ringShare(driver, up),
    readyShare: graph.readyShare,
    cliquePeers: cliquePeers(driver, up),
    'degree.mean': graph.degrees.mean,
    'degree.min': graph.degrees.quantile(0),
    'degree.max': graph.degrees.max,
  }
}

/** Share of peers that have a link with their successor on the ring; 1 for fewer than two. */
export function ringShare(driver: Driver, up: readonly Member[]): number {
  if (up.length < 2) return 1
  const ring = up.toSorted((a, b) => compareIds(a.id as Key, b.id as Key))
  const linked = ring.filter((member, index) => {
    const successor = ring[(index + 1) % ring.length] as Member
    for (const other of driver.neighborsOf(member)) if (other === successor) return true
    return false
  })
  return linked.length / ring.length
}

/**
 * Peers all of whose neighbours (three or more) are linked with one another, in a mesh too large for that to be so
 * by chance: cliques with full views cut peers off for ever (HyParView's regression, REFERENCE §1b).
 */
export function cliquePeers(driver: Driver, up: readonly Member[]): number {
  const views = new Map(up.map((member) => [member, new Set(driver.neighborsOf(member))]))
  const isClique = (member: Member): boolean => {
    const view = [...(views.get(member) as Set<Member>)]
    if (view.length < 3 || view.length + 1 >= up.length) return false
    return view.every((a, i) => view.every((b, j) => j >= i || views.get(a)?.has(b) === true))
  }
  return up.filter(isClique).length
}

function unite(roots: Map<Member, Member>, a: Member, b: Member): void {
  if (roots.has(b)) roots.set(rootOf(roots, a), rootOf(roots, b))
}

function rootOf(roots: Map<Member, Member>, member: Member): Member {
  let at = member
  for (let above = roots.get(at) as Member; above !== at; above = roots.get(at) as Member) {
    // Path halving (Tarjan & van Leeuwen 1984).
    const next = roots.get(above) as Member
    roots.set(at, next)
    at = next
  }
  return at
}

/** Each component by one of its members. */
function componentsOf(driver: Driver, up: readonly Member[]): Map<Member, Member[]> {
  const roots = new Map<Member, Member>(up.map((member) => [member, member]))
  for (const member of up) {
    for (const other of driver.neighborsOf(member)) if (other.number < member.number) unite(roots, member, other)
  }
  const components = new Map<Member, Member[]>()
  for (const member of up) {
    const root = rootOf(roots, member)
    const component = components.get(root)
    if (component === undefined) components.set(root, [member])
    else component.push(member)
  }
  return components
}
