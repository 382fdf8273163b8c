/**
 * Ids as people type them: the whole id, or as many of its first characters as single it out among the peers that this
 * session has heard of. Remote peers can make the list grow, so it is bounded and forgets the oldest.
 */

/** A whole id: 52 characters of lower-case base32 (docs/PROTOCOL.md). */
const WHOLE_ID = /^[a-z2-7]{52}$/

/** Ids remembered at most; beyond that the one heard of longest ago is forgotten. A guess: far more than one types. */
export const KNOWN_IDS_MAX = 10_000

export class KnownIds {
  private readonly ids = new Set<string>()

  get size(): number {
    return this.ids.size
  }

  add(id: string): void {
    this.ids.delete(id)
    this.ids.add(id)
    if (this.ids.size <= KNOWN_IDS_MAX) return
    const [oldest] = this.ids
    if (oldest !== undefined) this.ids.delete(oldest)
  }

  /** The id that begins with `prefix`. Throws an `Error` made for the person who typed it if there is none, or several. */
  find(prefix: string): string {
    const typed = prefix.toLowerCase()
    if (WHOLE_ID.test(typed)) return typed
    const found = [...this.ids].filter((id) => id.startsWith(typed))
    if (found.length === 1) return found[0]!
    if (found.length === 0) throw new Error(`No known peer's id begins with "${typed}". /peers lists them.`)
    const some = found.slice(0, 5).join(', ')
    throw new Error(`${found.length} known ids begin with "${typed}": type more of it (${some}).`)
  }
}
