/** The head of the page: the bootstrap's badge, the counters, problems in words, and which of the two screens shows. */

import { byId, setText } from './dom.ts'
import { nameOf, peerRows } from './state.ts'
import type { PageState } from './state.ts'
import { bootstrapText } from './wording.ts'

export class StatusView {
  private readonly welcome = byId('welcome', HTMLElement)
  private readonly mesh = byId('mesh', HTMLElement)
  private readonly bar = byId('bar', HTMLElement)
  private readonly badge = byId('badge', HTMLElement)
  private readonly badgeWord = byId('badge-word', HTMLElement)
  private readonly badgeHint = byId('badge-hint', HTMLElement)
  private readonly problem = byId('problem', HTMLElement)
  private readonly problemText = byId('problem-text', HTMLElement)
  private readonly join = byId('join', HTMLButtonElement)
  private readonly leave = byId('leave', HTMLButtonElement)
  private readonly self = byId('self', HTMLElement)
  private readonly counters = {
    links: byId('count-links', HTMLElement),
    peers: byId('count-peers', HTMLElement),
    relayed: byId('count-relayed', HTMLElement),
  }

  render(state: PageState): void {
    document.body.dataset['phase'] = state.phase
    const isIn = state.phase === 'joining' || state.phase === 'joined'
    this.welcome.hidden = isIn
    this.bar.hidden = !isIn
    this.leave.hidden = !isIn
    this.mesh.hidden = state.phase === 'idle'
    setText(this.leave, state.phase === 'joining' ? 'Cancel' : 'Leave')
    setText(this.join, state.phase === 'left' ? 'Join again' : 'Join the mesh')
    this.renderBadge(state)
    setText(this.counters.links, String(state.view.neighbors.length))
    setText(this.counters.peers, String(peerRows(state).length))
    setText(this.counters.relayed, state.view.relayed.toLocaleString('en'))
    this.problem.hidden = state.problem === ''
    setText(this.problemText, state.problem)
    setText(this.self, state.self === null ? '' : `You are ${nameOf(state, state.self)}`)
    this.self.title = state.self ?? ''
  }

  private renderBadge(state: PageState): void {
    const { word, hint } = bootstrapText(state.bootstrap, state.view.neighbors.length)
    this.badge.dataset['state'] = state.bootstrap
    setText(this.badgeWord, word)
    setText(this.badgeHint, hint)
  }
}
