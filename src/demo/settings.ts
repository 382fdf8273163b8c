/**
 * What the page's address says: `?bootstrap=wss://…&network=…&links=6&stun=stun:…&name=…`. Pure, so that every wrong
 * value becomes a sentence for the reader of the page instead of an exception in the console. The library checks its
 * options once more; here only what people type into an address bar is put into shape.
 */

/** Everything the page takes from its address. */
export interface Settings {
  /** At least one ws:// or wss:// URL; `?bootstrap=` may stand several times. */
  readonly bootstrap: readonly string[]
  readonly network: string
  /** null: the library's default. */
  readonly linksMax: number | null
  /** STUN servers. None unless named: the page contacts nobody whom its reader has not chosen. */
  readonly stun: readonly string[]
  /** What to put into the name field; empty: what was stored. */
  readonly name: string
  /** One sentence for each value that was ignored. */
  readonly problems: readonly string[]
}

/** Longest name of a person, in characters (a guess: fits a phone's line). */
export const NAME_CHARACTERS_MAX = 24

/** Bounds of `linksMax` in src/options.ts. */
const LINKS_MIN = 4
const LINKS_MAX = 256

/**
 * Reads a page's address. Without `?bootstrap=` the page's own origin is the bootstrap, because it serves the page.
 *
 * @param address the page's full URL
 */
export function readSettings(address: string): Settings {
  const url = new URL(address)
  const problems: string[] = []
  return {
    bootstrap: readBootstrap(url, problems),
    network: url.searchParams.get('network') || 'default',
    linksMax: readLinks(url.searchParams.get('links'), problems),
    stun: url.searchParams.getAll('stun').filter((server) => isStun(server, problems)),
    name: trimName(url.searchParams.get('name') ?? ''),
    problems,
  }
}

/** A name as it may be shown: one line, no control characters, at most `NAME_CHARACTERS_MAX` characters. */
export function trimName(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
  return [...line].slice(0, NAME_CHARACTERS_MAX).join('').trim()
}

function readBootstrap(url: URL, problems: string[]): readonly string[] {
  const named = url.searchParams.getAll('bootstrap').filter((text) => isSocketUrl(text, problems))
  if (named.length > 0) return named
  return [`${url.protocol === 'https:' ? 'wss:' : 'ws:'}//${url.host}/`]
}

function isSocketUrl(text: string, problems: string[]): boolean {
  const scheme = URL.canParse(text) ? new URL(text).protocol : ''
  if (/^(ws|http)s?:$/.test(scheme)) return true
  problems.push(`“${text}” is not the address of a bootstrap: it must begin with ws:// or wss://.`)
  return false
}

function readLinks(text: string | null, problems: string[]): number | null {
  if (text === null || text === '') return null
  const links = Number(text)
  if (Number.isInteger(links) && links >= LINKS_MIN && links <= LINKS_MAX) return links
  problems.push(`links=${text} was ignored: it must be a whole number from ${LINKS_MIN} to ${LINKS_MAX}.`)
  return null
}

function isStun(text: string, problems: string[]): boolean {
  if (/^(stun|stuns):[^\s]+$/.test(text)) return true
  problems.push(`“${text}” is not a STUN server: it must begin with stun: or stuns:.`)
  return false
}
