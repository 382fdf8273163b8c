/**
 * What the page knows, and how it changes: one object, one pure function. Views draw it, `session.ts` feeds it. Remote
 * peers can make it grow, so every collection has a bound and forgets its oldest entry.
 */

import { shortId } from './wording.ts'
import type { BootstrapState, OfferPath, Receipt } from './wording.ts'

/** Most chat entries, log entries and names kept; older ones are forgotten (a guess: hours of talk). */
export const MESSAGES_MAX = 300
export const LOG_MAX = 300
export const NAMES_MAX = 1000

/** A link of ours. */
export interface NeighborView {
  readonly id: string
  /** What we want it for: ring, bucket …; spare: nothing. */
  readonly slot: string
  readonly transport: string
  /** Round trip in ms; null: not measured yet. */
  readonly rttMs: number | null
  readonly offer: OfferPath | null
  readonly isInitiator: boolean
}

/** Some other peer, and whom it is linked with as far as we have heard. */
export interface KnownView {
  readonly id: string
  readonly links: readonly string[]
}

/** The mesh as seen from here. */
export interface MeshView {
  readonly neighbors: readonly NeighborView[]
  readonly known: readonly KnownView[]
  /** Frames that we carried for others since we joined. */
  readonly relayed: number
}

export type Delivery =
  | { readonly state: 'sending' }
  | { readonly state: 'broadcast'; readonly linkCount: number }
  | { readonly state: 'delivered'; readonly receipt: Receipt }
  /** Sent or received over a direct connection: no relay, no receipt. */
  | { readonly state: 'direct' }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'received'; readonly hops: number }

export interface ChatEntry {
  readonly key: number
  /** Who wrote it; our own id for our own. */
  readonly from: string
  /** null: to everyone. */
  readonly to: string | null
  readonly text: string
  /** ms since the epoch, by our clock. */
  readonly at: number
  readonly delivery: Delivery
}

export type LogTone = 'up' | 'down' | 'bootstrap' | 'call' | 'error'

export interface LogEntry {
  readonly key: number
  readonly at: number
  readonly tone: LogTone
  /** The peer that it is about, if any. */
  readonly peer: string | null
  readonly text: string
  /** By which path the offer travelled, in words; empty where no offer did. */
  readonly path: string
}

/** idle: before joining. left: after leaving; the talk is still there to read. */
export type Phase = 'idle' | 'joining' | 'joined' | 'left'

export interface PageState {
  readonly phase: Phase
  readonly self: string | null
  readonly bootstrap: BootstrapState
  readonly view: MeshView
  readonly names: ReadonlyMap<string, string>
  readonly messages: readonly ChatEntry[]
  readonly log: readonly LogEntry[]
  /** Peers with an open direct connection. */
  readonly calls: readonly string[]
  /** To whom the next message goes; null: everyone. */
  readonly recipient: string | null
  /** A sentence to show on top; empty: none. */
  readonly problem: string
}

export type Action =
  | { readonly kind: 'phase'; readonly phase: Phase }
  | { readonly kind: 'identity'; readonly id: string }
  | { readonly kind: 'bootstrap'; readonly state: BootstrapState }
  | { readonly kind: 'view'; readonly view: MeshView }
  | { readonly kind: 'name'; readonly id: string; readonly name: string }
  | { readonly kind: 'message'; readonly entry: ChatEntry }
  | { readonly kind: 'delivery'; readonly key: number; readonly delivery: Delivery }
  | { readonly kind: 'calls'; readonly ids: readonly string[] }
  | { readonly kind: 'log'; readonly entry: LogEntry }
  | { readonly kind: 'select'; readonly id: string | null }
  | { readonly kind: 'problem'; readonly text: string }

const NOTHING_SEEN: MeshView = { neighbors: [], known: [], relayed: 0 }

export const INITIAL: PageState = {
  phase: 'idle',
  self: null,
  bootstrap: 'none',
  view: NOTHING_SEEN,
  names: new Map(),
  messages: [],
  log: [],
  calls: [],
  recipient: null,
  problem: '',
}

/** The state after `action`. Pure: the same object comes back where nothing changes. */
export function reduce(state: PageState, action: Action): PageState {
  switch (action.kind) {
    case 'phase':
      return onPhase(state, action.phase)
    case 'identity':
      return { ...state, self: action.id }
    case 'bootstrap':
      return { ...state, bootstrap: action.state }
    case 'view':
      return { ...state, view: action.view }
    case 'name':
      return { ...state, names: rename(state.names, action.id, action.name) }
    case 'message':
      return { ...state, messages: append(state.messages, action.entry, MESSAGES_MAX) }
    case 'delivery':
      return { ...state, messages: deliver(state.messages, action.key, action.delivery) }
    case 'calls':
      return { ...state, calls: action.ids }
    case 'log':
      return { ...state, log: append(state.log, action.entry, LOG_MAX) }
    case 'select':
      return { ...state, recipient: action.id === state.self ? null : action.id }
    case 'problem':
      return { ...state, problem: action.text }
  }
}

/** Leaving empties the graph but keeps the talk and the log; joining again starts from the newest state. */
function onPhase(state: PageState, phase: Phase): PageState {
  if (phase === 'joining')
    return { ...state, phase, problem: '', bootstrap: 'none', view: NOTHING_SEEN, calls: [], recipient: null }
  if (phase === 'left') return { ...state, phase, bootstrap: 'none', view: NOTHING_SEEN, calls: [], recipient: null }
  return { ...state, phase }
}

function rename(names: ReadonlyMap<string, string>, id: string, name: string): ReadonlyMap<string, string> {
  const next = new Map(names)
  next.delete(id)
  if (name !== '') next.set(id, name)
  for (const oldest of next.keys()) {
    if (next.size <= NAMES_MAX) break
    next.delete(oldest)
  }
  return next
}

function append<T>(list: readonly T[], entry: T, max: number): readonly T[] {
  return [...list.slice(Math.max(0, list.length + 1 - max)), entry]
}

function deliver(messages: readonly ChatEntry[], key: number, delivery: Delivery): readonly ChatEntry[] {
  return messages.map((entry) => (entry.key === key ? { ...entry, delivery } : entry))
}

/** What to call a peer: the name it gave itself, else the beginning of its id. */
export function nameOf(state: PageState, id: string): string {
  return state.names.get(id) ?? shortId(id)
}

/** A peer of the list: ourselves are not in it. Linked ones first, then by name. */
export interface PeerRow {
  readonly id: string
  readonly name: string
  readonly neighbor: NeighborView | null
  /** A direct connection with it is open. */
  readonly isCalled: boolean
}

export function peerRows(state: PageState): readonly PeerRow[] {
  const neighbors = new Map(state.view.neighbors.map((neighbor) => [neighbor.id, neighbor]))
  const ids = new Set([
    ...neighbors.keys(),
    ...state.calls,
    ...state.view.known.flatMap((peer) => [peer.id, ...peer.links]),
  ])
  if (state.self !== null) ids.delete(state.self)
  const rows = [...ids].map((id) => ({
    id,
    name: nameOf(state, id),
    neighbor: neighbors.get(id) ?? null,
    isCalled: state.calls.includes(id),
  }))
  return rows.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name) || a.id.localeCompare(b.id))
}

const rank = (row: PeerRow): number => (row.neighbor === null ? 1 : 0)
