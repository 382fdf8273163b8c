/** The page's state: how it changes, and that no peer can make it grow without end. */

import { describe, expect, test } from 'vitest'
import { BOOTSTRAP_NODE, GRAPH_PEERS_MAX, graphOf } from '../../src/demo/graph-model.ts'
import { INITIAL, LOG_MAX, MESSAGES_MAX, NAMES_MAX, nameOf, peerRows, reduce } from '../../src/demo/state.ts'
import type { Action, ChatEntry, NeighborView, PageState } from '../../src/demo/state.ts'

const after = (...actions: readonly Action[]): PageState => actions.reduce(reduce, INITIAL)
const message = (key: number): ChatEntry => ({
  key,
  from: 'a',
  to: null,
  text: 't',
  at: 0,
  delivery: { state: 'sending' },
})
const neighbor = (id: string): NeighborView => ({
  id,
  slot: 'ring',
  transport: 'webrtc',
  rttMs: null,
  offer: null,
  isInitiator: true,
})
const joined: readonly Action[] = [
  { kind: 'identity', id: 'self' },
  { kind: 'phase', phase: 'joined' },
]

describe('bounds', () => {
  test('the oldest messages, log entries and names are forgotten', () => {
    let state = INITIAL
    for (let key = 0; key < NAMES_MAX + 5; key++) {
      state = reduce(state, { kind: 'message', entry: message(key) })
      state = reduce(state, { kind: 'log', entry: { key, at: 0, tone: 'up', peer: null, text: '', path: '' } })
      state = reduce(state, { kind: 'name', id: `id${key}`, name: 'n' })
    }
    expect(state.messages).toHaveLength(MESSAGES_MAX)
    expect(state.messages.at(-1)?.key).toBe(NAMES_MAX + 4)
    expect(state.log).toHaveLength(LOG_MAX)
    expect(state.log[0]?.key).toBe(NAMES_MAX + 5 - LOG_MAX)
    expect(state.names.size).toBe(NAMES_MAX)
    expect(state.names.has('id4')).toBe(false)
    expect(state.names.has('id5')).toBe(true)
  })

  test('the picture draws at most so many peers, and no edge without both ends', () => {
    const known = Array.from({ length: 400 }, (_, index) => ({ id: `p${index}`, links: [`p${(index + 1) % 400}`] }))
    const graph = graphOf(after(...joined, { kind: 'view', view: { neighbors: [], known, relayed: 0 } }))
    expect(graph.nodes).toHaveLength(GRAPH_PEERS_MAX + 2)
    const drawn = new Set(graph.nodes.map((node) => node.id))
    expect(graph.edges.length).toBeGreaterThan(0)
    expect(graph.edges.every((edge) => drawn.has(edge.source) && drawn.has(edge.target))).toBe(true)
  })
})

describe('messages', () => {
  test('get their receipt when it comes', () => {
    const delivery = { state: 'delivered', receipt: { hops: 2, ms: 9, attempts: 1 } } as const
    const state = after(
      { kind: 'message', entry: message(1) },
      { kind: 'message', entry: message(2) },
      { kind: 'delivery', key: 1, delivery },
    )
    expect(state.messages.map((entry) => entry.delivery.state)).toEqual(['delivered', 'sending'])
  })
})

describe('leaving', () => {
  test('empties the mesh and the recipient but keeps what was said', () => {
    const view = { neighbors: [neighbor('a')], known: [], relayed: 3 }
    const state = after(
      ...joined,
      { kind: 'view', view },
      { kind: 'message', entry: message(1) },
      { kind: 'select', id: 'a' },
      { kind: 'bootstrap', state: 'connected' },
      { kind: 'phase', phase: 'left' },
    )
    expect(state.view.neighbors).toEqual([])
    expect(state.recipient).toBeNull()
    expect(state.bootstrap).toBe('none')
    expect(state.messages).toHaveLength(1)
    expect(graphOf(state).nodes).toEqual([])
  })
})

describe('peers', () => {
  test('are listed once each, linked ones first, ourselves never', () => {
    const view = {
      neighbors: [neighbor('c')],
      known: [
        { id: 'b', links: ['c', 'self'] },
        { id: 'c', links: ['b', 'self', 'a'] },
      ],
      relayed: 0,
    }
    const state = after(...joined, { kind: 'view', view }, { kind: 'name', id: 'b', name: 'Zoe' })
    expect(peerRows(state).map((row) => [row.name, row.neighbor !== null])).toEqual([
      ['c', true],
      ['a', false],
      ['Zoe', false],
    ])
  })

  test('that take back their name are called by their id again', () => {
    const named = after({ kind: 'name', id: 'abcdefghijkl', name: 'Zoe' })
    expect(nameOf(named, 'abcdefghijkl')).toBe('Zoe')
    expect(nameOf(reduce(named, { kind: 'name', id: 'abcdefghijkl', name: '' }), 'abcdefghijkl')).toBe('abcdefgh')
  })

  test('cannot be ourselves when a recipient is chosen', () => {
    expect(after(...joined, { kind: 'select', id: 'self' }).recipient).toBeNull()
  })
})

describe('the picture', () => {
  const view = {
    neighbors: [neighbor('a')],
    known: [
      { id: 'a', links: ['self', 'b'] },
      { id: 'b', links: ['a'] },
    ],
    relayed: 0,
  }

  test('tells our links from those we have heard of, each once', () => {
    const graph = graphOf(after(...joined, { kind: 'view', view }))
    expect(graph.edges).toEqual([
      { source: 'self', target: 'a', kind: 'own' },
      { source: 'a', target: 'b', kind: 'heard' },
    ])
    expect(graph.nodes.map((node) => [node.id, node.kind])).toEqual([
      ['self', 'self'],
      ['a', 'neighbor'],
      ['b', 'known'],
      [BOOTSTRAP_NODE, 'bootstrap'],
    ])
  })

  test('ties us to the bootstrap only while we are connected to it', () => {
    const edgesIn = (state: 'connected' | 'left' | 'lost') =>
      graphOf(after(...joined, { kind: 'bootstrap', state })).edges.map((edge) => edge.kind)
    expect(edgesIn('connected')).toEqual(['bootstrap'])
    expect(edgesIn('left')).toEqual([])
    expect(edgesIn('lost')).toEqual([])
  })

  test('says in words what it shows', () => {
    expect(graphOf(after(...joined, { kind: 'view', view })).summary).toContain('1 peer linked with you, 2 known')
  })
})
