/**
 * Every sentence that depends on what happened: paths of offers, states of the bootstrap, receipts, failures. Pure and
 * in one place, so that the page speaks one language and tests can hold it to it.
 */

/** By which path an offer travelled; null if the link needed none. */
export interface OfferPath {
  readonly viaBootstrap: boolean
  /** Peers and servers that relayed it. */
  readonly relays: number
}

export type BootstrapState = 'none' | 'contacting' | 'connected' | 'left' | 'lost'

const PEOPLE = new Intl.PluralRules('en')

/** "1 peer", "3 peers". */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${PEOPLE.select(amount) === 'one' ? '' : 's'}`
}

/** "via bootstrap", "via 3 peers", "via bootstrap and 1 peer", "direct". */
export function pathText(path: OfferPath | null): string {
  if (path === null) return 'direct'
  const peers = path.viaBootstrap ? Math.max(0, path.relays - 1) : path.relays
  if (path.viaBootstrap) return peers === 0 ? 'via bootstrap' : `via bootstrap and ${count(peers, 'peer')}`
  return peers === 0 ? 'direct' : `via ${count(peers, 'peer')}`
}

/** The badge: a word for the eye, a sentence for the rest. */
export function bootstrapText(
  state: BootstrapState,
  linkCount: number,
): { readonly word: string; readonly hint: string } {
  switch (state) {
    case 'none':
      return { word: 'not contacted', hint: 'The bootstrap has not been contacted yet.' }
    case 'contacting':
      return { word: 'contacting…', hint: 'Asking the bootstrap for a first introduction.' }
    case 'connected':
      return { word: 'connected', hint: 'The bootstrap introduces us to the mesh.' }
    case 'left':
      return { word: 'left', hint: 'We said goodbye: the mesh needs no server from here on.' }
    case 'lost':
      return linkCount > 0
        ? { word: 'lost', hint: 'The bootstrap is gone. The mesh carries on without it.' }
        : { word: 'lost', hint: 'The bootstrap cannot be reached and no peer is linked.' }
  }
}

export interface Receipt {
  readonly hops: number
  readonly ms: number
  readonly attempts: number
}

/** "delivered · 2 hops · 14 ms", with the tries if it took several. */
export function receiptText(receipt: Receipt): string {
  const tries = receipt.attempts > 1 ? ` · ${receipt.attempts} tries` : ''
  return `delivered · ${count(receipt.hops, 'hop')} · ${Math.max(1, Math.round(receipt.ms))} ms${tries}`
}

const PURPOSES: Readonly<Record<string, string>> = {
  ring: 'our ring: its id is next to ours',
  bucket: 'the way to a far region of ids',
  random: 'a random link',
  guest: 'a newcomer that we help in',
  spare: 'not needed at the moment',
}

/** Why we hold a link: the slot's name and what it means. */
export const purposeText = (slot: string): string => PURPOSES[slot] ?? slot

const FAILURES: Readonly<Record<string, string>> = {
  ERR_TIMEOUT: 'There was no answer in time. It may have arrived all the same.',
  ERR_UNREACHABLE: 'No path leads to that peer any more.',
  ERR_REFUSED: 'The other side refused.',
  ERR_BUSY: 'Too much is under way already. Try again in a moment.',
  ERR_TOO_LARGE: 'The message is too long.',
  ERR_CLOSED: 'The mesh was left.',
  ERR_ABORTED: 'Cancelled.',
  ERR_BOOTSTRAP: 'No bootstrap could be reached. Check its address and that it is running.',
  ERR_UNSUPPORTED: 'This browser cannot do that: it needs WebRTC and Ed25519 or JavaScript cryptography.',
}

/** A failure as a sentence; unknown ones keep their own words. */
export function failureText(error: unknown): string {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown }
  const known = typeof code === 'string' ? FAILURES[code] : undefined
  return known ?? (typeof message === 'string' && message !== '' ? message : String(error))
}

/** As in the terminal (src/cli/wording.ts): hardly ever alike among 100,000 peers. */
const SHORT_ID_CHARACTERS = 8

/** Enough of an id for people to tell peers apart; the whole one is in the peer's details. */
export const shortId = (id: string): string => id.slice(0, SHORT_ID_CHARACTERS)

/** A detail from the library with the ids in it cut short. */
export const shortIds = (text: string): string => text.replaceAll(/\b[a-z2-7]{52}\b/g, shortId)
