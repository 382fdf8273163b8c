/**
 * The list of peers: the picture of the mesh in words, for the keyboard and for screen readers. Choosing a peer shows
 * its details, makes it the recipient of what is written next, and offers a direct connection.
 */

import { byId, KeyedList, make, setText } from './dom.ts'
import { nameOf, peerRows } from './state.ts'
import type { PageState, PeerRow } from './state.ts'
import { pathText, purposeText, shortId } from './wording.ts'

export interface PeerActions {
  readonly select: (id: string | null) => void
  readonly dial: (id: string) => void
  readonly hangUp: (id: string) => void
}

export class PeersView {
  private readonly list = byId('peers', HTMLUListElement)
  private readonly empty = byId('peers-empty', HTMLParagraphElement)
  private readonly details = byId('details', HTMLElement)
  private readonly name = byId('details-name', HTMLHeadingElement)
  private readonly id = byId('details-id', HTMLElement)
  private readonly facts = byId('details-facts', HTMLParagraphElement)
  private readonly call = byId('details-call', HTMLButtonElement)
  private readonly rows: KeyedList<PeerRow, HTMLLIElement>
  private selected: string | null = null
  private calls: readonly string[] = []

  constructor(actions: PeerActions) {
    this.rows = new KeyedList({
      parent: this.list,
      keyOf: (row: PeerRow) => row.id,
      create: (row) => createRow(row, () => actions.select(row.id === this.selected ? null : row.id)),
      update: (element, row) => updateRow(element, row, row.id === this.selected),
    })
    this.call.addEventListener('click', () => {
      if (this.selected === null) return
      if (this.calls.includes(this.selected)) actions.hangUp(this.selected)
      else actions.dial(this.selected)
    })
    byId('details-close', HTMLButtonElement).addEventListener('click', () => actions.select(null))
  }

  render(state: PageState): void {
    this.selected = state.recipient
    this.calls = state.calls
    const rows = peerRows(state)
    this.rows.render(rows)
    this.empty.hidden = rows.length > 0
    const chosen = state.recipient
    this.details.hidden = chosen === null
    if (chosen === null) return
    setText(this.name, nameOf(state, chosen))
    setText(this.id, chosen)
    setText(this.facts, factsOf(rows.find((row) => row.id === chosen)))
    setText(this.call, state.calls.includes(chosen) ? 'Close the direct connection' : 'Connect directly')
    this.call.disabled = state.phase !== 'joined'
  }
}

function createRow(row: PeerRow, onClick: () => void): HTMLLIElement {
  const button = make('button', {
    className: 'peer',
    title: row.id,
    children: [make('span', { className: 'peer-name' }), make('span', { className: 'peer-facts' })],
  })
  button.type = 'button'
  button.addEventListener('click', onClick)
  return make('li', { children: [button] })
}

function updateRow(item: HTMLLIElement, row: PeerRow, isSelected: boolean): void {
  const button = item.firstElementChild
  const [name, facts] = button?.children ?? []
  if (!button || !name || !facts) return
  button.className = `peer ${row.neighbor === null ? 'known' : 'linked'}`
  button.setAttribute('aria-pressed', String(isSelected))
  setText(name, row.name)
  const suffix = row.name === shortId(row.id) ? '' : `${shortId(row.id)} · `
  setText(facts, suffix + shortFacts(row))
}

function shortFacts({ neighbor, isCalled }: PeerRow): string {
  if (isCalled) return 'direct'
  if (neighbor === null) return 'heard of'
  return neighbor.rttMs === null ? 'linked' : `linked · ${Math.max(1, Math.round(neighbor.rttMs))} ms`
}

function factsOf(row: PeerRow | undefined): string {
  if (row === undefined) return 'Not seen in the mesh at the moment.'
  const { neighbor, isCalled } = row
  if (neighbor === null) {
    return isCalled
      ? 'A direct connection is open: what you write goes over it.'
      : 'No link of ours: messages travel through other peers.'
  }
  const offer = neighbor.isInitiator ? 'Our offer went' : 'Its offer came'
  return `Linked (${neighbor.transport}): ${purposeText(neighbor.slot)}. ${offer} ${pathText(neighbor.offer)}.`
}
