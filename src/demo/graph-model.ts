/**
 * From what we know of the mesh to what is drawn: nodes and edges, bounded, with kinds that the style sheet turns into
 * shapes and strokes. Pure; `graph.ts` lays it out and draws it.
 */

import { nameOf } from './state.ts'
import type { PageState } from './state.ts'
import { count } from './wording.ts'

/** Most peers drawn; more would be a hairball on any screen, and the list beside the graph has them all (a guess). */
export const GRAPH_PEERS_MAX = 150

/** self: this page. neighbor: linked with us. known: somebody we have heard of. bootstrap: the server. */
export type GraphNodeKind = 'self' | 'neighbor' | 'known' | 'bootstrap'

export interface GraphNode {
  readonly id: string
  readonly kind: GraphNodeKind
  readonly label: string
}

/** own: our link. heard: a link between others. bootstrap: our socket to the server. call: a direct connection. */
export type GraphEdgeKind = 'own' | 'heard' | 'bootstrap' | 'call'

export interface GraphEdge {
  readonly source: string
  readonly target: string
  readonly kind: GraphEdgeKind
}

export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
  /** What a person who does not see the picture is told. */
  readonly summary: string
}

/** The bootstrap's place among the nodes; no peer's id is that short. */
export const BOOTSTRAP_NODE = 'bootstrap'

/** The mesh as this page sees it, at most `GRAPH_PEERS_MAX` peers of it; empty before joining and after leaving. */
export function graphOf(state: PageState): Graph {
  const { self, view, calls } = state
  if (self === null || state.phase === 'idle' || state.phase === 'left') return EMPTY
  const neighbors = new Set(view.neighbors.map((neighbor) => neighbor.id))
  const ids = [...new Set([...neighbors, ...calls, ...view.known.flatMap((peer) => [peer.id, ...peer.links])])]
  const others = ids.filter((id) => id !== self).slice(0, GRAPH_PEERS_MAX)
  const drawn = new Set([self, ...others])
  const edges = [
    ...[...neighbors].map((id): GraphEdge => ({ source: self, target: id, kind: 'own' })),
    ...calls.map((id): GraphEdge => ({ source: self, target: id, kind: 'call' })),
    ...heardEdges(state, self),
  ].filter((edge) => drawn.has(edge.source) && drawn.has(edge.target))
  if (state.bootstrap === 'connected') edges.push({ source: self, target: BOOTSTRAP_NODE, kind: 'bootstrap' })
  return {
    nodes: [
      { id: self, kind: 'self', label: 'you' },
      ...others.map((id): GraphNode => ({
        id,
        kind: neighbors.has(id) ? 'neighbor' : 'known',
        label: labelOf(state, id),
      })),
      { id: BOOTSTRAP_NODE, kind: 'bootstrap', label: 'bootstrap' },
    ],
    edges,
    summary: summaryOf({ neighborCount: neighbors.size, peerCount: others.length, bootstrap: state.bootstrap }),
  }
}

/** Longer names would be cut off at the picture's border. */
const LABEL_CHARACTERS_MAX = 14

function labelOf(state: PageState, id: string): string {
  const name = nameOf(state, id)
  return name.length > LABEL_CHARACTERS_MAX ? `${name.slice(0, LABEL_CHARACTERS_MAX - 1)}…` : name
}

const EMPTY: Graph = { nodes: [], edges: [], summary: 'Not in a mesh.' }

/** Links between others, each once, whichever end we heard of it from. */
function heardEdges(state: PageState, self: string): readonly GraphEdge[] {
  const edges = new Map<string, GraphEdge>()
  for (const peer of state.view.known) {
    for (const other of peer.links) {
      if (other === self || peer.id === self || other === peer.id) continue
      const [source, target] = peer.id < other ? [peer.id, other] : [other, peer.id]
      edges.set(`${source} ${target}`, { source, target, kind: 'heard' })
    }
  }
  return [...edges.values()]
}

function summaryOf(counts: { neighborCount: number; peerCount: number; bootstrap: string }): string {
  return (
    `The mesh as seen from here: ${count(counts.neighborCount, 'peer')} linked with you, ` +
    `${counts.peerCount} known in all, bootstrap ${counts.bootstrap}. The list of peers says the same in words.`
  )
}
