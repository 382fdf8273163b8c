/** The live page's entry: reads the address and what was kept, ties views to the state and buttons to the session. */

import { byId, setText } from './dom.ts'
import { Page } from './page.ts'
import { Session } from './session.ts'
import { readSettings, trimName } from './settings.ts'
import { INITIAL, reduce } from './state.ts'
import type { Action, PageState } from './state.ts'
import { claimSeed, forgetSeed, hasSeed, loadName, loadTheme, saveName, saveTheme } from './storage.ts'
import type { Theme } from './storage.ts'
import { failureText } from './wording.ts'

const settings = readSettings(location.href)
const nameField = byId('name', HTMLInputElement)
const keepField = byId('keep', HTMLInputElement)

let state: PageState = INITIAL
let session: Session | null = null
let isDrawing = false
let drawnPhase: PageState['phase'] = INITIAL.phase

/** For tests and curious people: the mesh of this page, once joined. */
const exposed: { mesh: Session['mesh'] | null; readonly state: PageState } = {
  mesh: null,
  get state() {
    return state
  },
}
Object.assign(window, { musubi: exposed })

const page = new Page({
  say: (text, to) => void session?.say(text, to),
  dial: (id) => void session?.dial(id),
  hangUp: (id) => session?.hangUp(id),
  select: (id) => dispatch({ kind: 'select', id }),
})

/** Several actions of one turn are drawn once; not by animation frames, which hidden tabs do not get. */
function dispatch(action: Action): void {
  state = reduce(state, action)
  if (isDrawing) return
  isDrawing = true
  queueMicrotask(() => {
    isDrawing = false
    page.render(state)
    // With the phase, not when joining is over: our name goes to everybody first, and people write meanwhile.
    if (state.phase === 'joined' && drawnPhase !== 'joined') page.focusChat()
    drawnPhase = state.phase
  })
}

const isIn = (): boolean => state.phase === 'joining' || state.phase === 'joined'

async function join(): Promise<void> {
  // A second click while keys are made must not make a second peer.
  if (isIn()) return
  dispatch({ kind: 'phase', phase: 'joining' })
  const name = trimName(nameField.value)
  saveName(name)
  if (!keepField.checked) forgetSeed()
  const seed = keepField.checked ? await claimSeed() : null
  try {
    session = new Session({ settings, name, seed, dispatch })
  } catch (error) {
    dispatch({ kind: 'phase', phase: 'idle' })
    return dispatch({ kind: 'problem', text: failureText(error) })
  }
  exposed.mesh = session.mesh
  await session.join()
  if (keepField.checked && seed === null) dispatch({ kind: 'problem', text: NOT_KEPT })
}

const NOT_KEPT =
  'Your identity is one of the moment: another tab uses the kept one, or this browser does not let the page keep anything.'

const THEMES: Readonly<Record<Theme, { readonly next: Theme; readonly sign: string; readonly label: string }>> = {
  system: { next: 'light', sign: '◐', label: 'Colours: like the system. Switch to light' },
  light: { next: 'dark', sign: '☀', label: 'Colours: light. Switch to dark' },
  dark: { next: 'system', sign: '☾', label: 'Colours: dark. Switch to the system’s' },
}
const themeButton = byId('theme', HTMLButtonElement)

function showTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme
  setText(themeButton, THEMES[theme].sign)
  themeButton.setAttribute('aria-label', THEMES[theme].label)
  themeButton.title = THEMES[theme].label
}

nameField.value = settings.name || loadName()
keepField.checked = hasSeed()
setText(byId('network', HTMLElement), settings.network)
setText(byId('via', HTMLElement), settings.bootstrap.join(', '))
showTheme(loadTheme())
dispatch({ kind: 'problem', text: settings.problems.join(' ') })

themeButton.addEventListener('click', () => {
  const { next } = THEMES[loadTheme()]
  saveTheme(next)
  showTheme(next)
})
byId('join-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault()
  void join()
})
byId('leave', HTMLButtonElement).addEventListener('click', () => void session?.leave())
byId('problem-close', HTMLButtonElement).addEventListener('click', () => dispatch({ kind: 'problem', text: '' }))
// The others need not wait for our silence.
addEventListener('pagehide', () => void session?.leave())
