/**
 * The talk: messages to everyone and to one peer in one list, and the form below it. Our own messages carry a receipt
 * (hops, milliseconds) or the reason why they did not arrive.
 */

import { byId, clockTime, KeyedList, make, setText } from './dom.ts'
import { TEXT_BYTES_MAX } from './payload.ts'
import { nameOf, peerRows } from './state.ts'
import type { ChatEntry, PageState } from './state.ts'
import { count, receiptText, shortId } from './wording.ts'

export interface ChatActions {
  readonly say: (text: string, to: string | null) => void
  readonly select: (id: string | null) => void
}

/** Scrolled up further than this many px, the reader is reading and is left alone. */
const AT_END_PX = 60

export class ChatView {
  private readonly talk = byId('talk', HTMLDivElement)
  private readonly empty = byId('messages-empty', HTMLParagraphElement)
  private readonly form = byId('say', HTMLFormElement)
  private readonly text = byId('say-text', HTMLInputElement)
  private readonly recipient = byId('say-to', HTMLSelectElement)
  private readonly button = byId('say-send', HTMLButtonElement)
  private readonly entries: KeyedList<ChatEntry, HTMLLIElement>
  private readonly options: KeyedList<Recipient, HTMLOptionElement>
  private state: PageState | null = null

  constructor(actions: ChatActions) {
    this.entries = new KeyedList({
      parent: byId('messages', HTMLOListElement),
      keyOf: (entry: ChatEntry) => entry.key,
      create: (entry) => this.createEntry(entry),
      update: (element, entry) => this.updateEntry(element, entry),
    })
    this.options = new KeyedList({
      parent: this.recipient,
      keyOf: (row: Recipient) => row.id,
      create: (row) => Object.assign(make('option'), { value: row.id }),
      update: (element, row) => setText(element, row.label),
    })
    this.recipient.addEventListener('change', () => actions.select(this.recipient.value || null))
    this.form.addEventListener('submit', (event) => {
      event.preventDefault()
      const text = this.text.value.trim()
      if (text === '') return
      actions.say(text, this.recipient.value || null)
      this.text.value = ''
    })
    this.text.addEventListener('input', () => this.text.setCustomValidity(isTooLong(this.text.value) ? TOO_LONG : ''))
  }

  render(state: PageState): void {
    this.state = state
    const isAtEnd = this.talk.scrollHeight - this.talk.scrollTop - this.talk.clientHeight < AT_END_PX
    const hasGrown = this.entries.render(state.messages)
    if (hasGrown && isAtEnd) this.talk.scrollTop = this.talk.scrollHeight
    this.empty.hidden = state.messages.length > 0
    this.options.render(recipients(state))
    this.recipient.value = state.recipient ?? ''
    const isJoined = state.phase === 'joined'
    this.text.disabled = !isJoined
    this.button.disabled = !isJoined
    this.recipient.disabled = !isJoined
    this.text.placeholder = isJoined ? placeholder(state) : 'Join to write'
  }

  /** Put the cursor where the next message goes. */
  focus(): void {
    this.text.focus()
  }

  private createEntry(entry: ChatEntry): HTMLLIElement {
    const isOwn = entry.from === this.state?.self
    const item = make('li', { className: `message${isOwn ? ' own' : ''}${entry.to === null ? '' : ' private'}` })
    const time = make('time', { className: 'time', text: clockTime(entry.at) })
    time.dateTime = new Date(entry.at).toISOString()
    const head = make('p', { className: 'message-head', children: [make('span', { className: 'who' }), time] })
    item.append(head, make('p', { className: 'message-text', text: entry.text }), make('p', { className: 'receipt' }))
    return item
  }

  private updateEntry(item: HTMLLIElement, entry: ChatEntry): void {
    const who = item.querySelector('.who')
    const receipt = item.querySelector('.receipt')
    if (who && this.state) setText(who, headline(this.state, entry))
    if (receipt) setText(receipt, deliveryText(entry))
    item.classList.toggle('failed', entry.delivery.state === 'failed')
  }
}

const TOO_LONG = `At most ${TEXT_BYTES_MAX} bytes.`
const isTooLong = (text: string): boolean => new TextEncoder().encode(text).length > TEXT_BYTES_MAX

interface Recipient {
  readonly id: string
  readonly label: string
}

/** Everyone, then peers; the chosen one stays even when it has gone, so that nothing is sent to everyone by accident. */
function recipients(state: PageState): readonly Recipient[] {
  const rows = peerRows(state).map(({ id, name }) => ({
    id,
    label: name === shortId(id) ? id.slice(0, 12) : `${name} (${shortId(id)})`,
  }))
  const chosen = state.recipient
  const isGone = chosen !== null && !rows.some((row) => row.id === chosen)
  const gone = isGone ? [{ id: chosen, label: `${nameOf(state, chosen)} (gone?)` }] : []
  return [{ id: '', label: 'Everyone' }, ...gone, ...rows]
}

function placeholder(state: PageState): string {
  return state.recipient === null ? 'Say something to everyone' : `Say something to ${nameOf(state, state.recipient)}`
}

function headline(state: PageState, entry: ChatEntry): string {
  const isOwn = entry.from === state.self
  if (isOwn) return entry.to === null ? 'You' : `You, to ${nameOf(state, entry.to)}`
  return entry.to === null ? nameOf(state, entry.from) : `${nameOf(state, entry.from)}, to you alone`
}

function deliveryText({ delivery }: ChatEntry): string {
  switch (delivery.state) {
    case 'sending':
      return 'sending…'
    case 'broadcast':
      return delivery.linkCount === 0
        ? 'nobody is linked yet'
        : `sent to everyone over ${count(delivery.linkCount, 'link')}`
    case 'delivered':
      return receiptText(delivery.receipt)
    case 'direct':
      return 'over the direct connection'
    case 'failed':
      return `not delivered: ${delivery.reason}`
    case 'received':
      return count(delivery.hops, 'hop')
  }
}
