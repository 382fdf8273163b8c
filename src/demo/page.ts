/** All views in one: given a state, the page shows it; given a click, the actions hear of it. */

import { ChatView } from './chat.ts'
import { graphOf } from './graph-model.ts'
import { GraphPicture } from './graph.ts'
import { LogView } from './log.ts'
import { PeersView } from './peers.ts'
import type { PageState } from './state.ts'
import { StatusView } from './status.ts'

export interface PageActions {
  readonly say: (text: string, to: string | null) => void
  readonly select: (id: string | null) => void
  readonly dial: (id: string) => void
  readonly hangUp: (id: string) => void
}

export class Page {
  private readonly status = new StatusView()
  private readonly log = new LogView()
  private readonly chat: ChatView
  private readonly peers: PeersView
  private readonly picture: GraphPicture

  constructor(actions: PageActions) {
    this.chat = new ChatView(actions)
    this.peers = new PeersView(actions)
    const svg: unknown = document.getElementById('graph')
    if (!(svg instanceof SVGSVGElement)) throw new Error('index.html has no SVG #graph')
    const select = (id: string | null): void => {
      actions.select(id)
      if (id !== null && matchMedia('(pointer: fine)').matches) this.chat.focus()
    }
    this.picture = new GraphPicture({ svg, onSelect: select })
  }

  render(state: PageState): void {
    this.status.render(state)
    this.chat.render(state)
    this.log.render(state)
    this.peers.render(state)
    this.picture.render(graphOf(state), { selected: state.recipient, bootstrap: state.bootstrap })
  }

  /** After joining, the cursor goes where people write; not on phones, where a keyboard would cover the mesh. */
  focusChat(): void {
    if (matchMedia('(pointer: fine)').matches) this.chat.focus()
  }
}
