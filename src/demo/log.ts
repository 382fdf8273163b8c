/** The log of links: who came, who went, and by which path the offer of each link travelled. */

import { byId, clockTime, KeyedList, make, setText } from './dom.ts'
import { nameOf } from './state.ts'
import type { LogEntry, PageState } from './state.ts'

export class LogView {
  private readonly list = byId('log', HTMLOListElement)
  private readonly empty = byId('log-empty', HTMLParagraphElement)
  private readonly entries: KeyedList<LogEntry, HTMLLIElement>
  private state: PageState | null = null

  constructor() {
    this.entries = new KeyedList({
      parent: this.list,
      keyOf: (entry: LogEntry) => entry.key,
      create,
      update: (element, entry) => {
        const who = element.querySelector('.who')
        if (who && entry.peer !== null && this.state) setText(who, nameOf(this.state, entry.peer))
      },
    })
  }

  /** Newest first: on a phone the log is below everything else, and nobody should scroll twice. */
  render(state: PageState): void {
    this.state = state
    this.entries.render(state.log.toReversed())
    this.empty.hidden = state.log.length > 0
  }
}

function create(entry: LogEntry): HTMLLIElement {
  const time = make('time', { className: 'time', text: clockTime(entry.at) })
  const item = make('li', { className: `entry ${entry.tone}`, children: [time, make('span', { className: 'dot' })] })
  const text = make('span', { className: 'entry-text' })
  if (entry.peer !== null) text.append(make('span', { className: 'who', title: entry.peer }), ' ')
  text.append(entry.text)
  if (entry.path !== '') text.append(' ', make('span', { className: 'path', text: entry.path }))
  item.append(text)
  return item
}
