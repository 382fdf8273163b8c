/**
 * What others asked of us lately, so that nothing is acted on twice and every copy gets its answer. Every relay knows a
 * request's id and may send us something of its own under it, so an id does not tell requests apart: while the seal is being
 * opened the bytes do, which are the same in all attempts, and afterwards its tag and the source.
 */

import { RecentMap } from './bounded.ts'
import type { Body, Message } from './frames.ts'
import type { Instant, MessageId, PeerId } from './ids.ts'

/** Rows that are nearly always of one are made anew when they grow: an array that was pushed to has room for 17 more. */
export interface Asking {
  /** Of its seal; null: it came over the link itself. */
  readonly tag: string | null
  /** Who asks; null: its seal is not open yet. */
  source: PeerId | null
  /** Until then, what is being opened. */
  body: Body | null
  /** Attempts that it came by, as the router numbers them; each is answered. */
  attempts: readonly number[]
  /** Sealed, to be sent again. */
  replies: readonly Body[]
  /** What we answered over the link itself; if that broke before it arrived, a routed copy follows and gets it again. */
  answers: readonly Message[]
  /** Another one under the same id. */
  next: Asking | null
}

type Asked = RecentMap<MessageId, Asking>

export const NONE: readonly never[] = []
const FIRST: readonly number[] = [0]
const KEEP_MS = 60_000
/** Under one id, being opened: what is rubbish is gone in a moment, and what was acted on never makes room for it. */
const UNOPENED_MAX = 4
/** Under one id, of as many sources; then nothing else is heard under it. */
const SOURCES_MAX = 16
/** An AEAD's. */
const TAG_BYTES = 16

export class Inbox {
  readonly #sealed: Asked
  /** Apart: a neighbour may send as many as its link carries. */
  readonly #direct: Asked

  /** `max`: ids, of either kind. */
  constructor(max: number) {
    this.#sealed = new RecentMap({ max, keepMs: KEEP_MS })
    this.#direct = new RecentMap({ max, keepMs: KEEP_MS })
  }

  get collections(): Record<string, { size: number; max: number }> {
    return {
      inbox: { size: this.#sealed.size, max: this.#sealed.max },
      inboxDirect: { size: this.#direct.size, max: this.#direct.max },
    }
  }

  rotate(now: Instant): void {
    this.#sealed.rotate(now)
    this.#direct.rotate(now)
  }

  /** What came by a relay and is the same. */
  sealed(id: MessageId, body: Body): Asking | undefined {
    const tag = tagOf(body)
    return find(this.#sealed, id, (asking) => asking.tag === tag && (asking.body === null || isSame(asking.body, body)))
  }

  /** Where replies to what that peer asks by way of relays are kept. */
  routedBy(id: MessageId, source: PeerId): Asking | undefined {
    return find(this.#sealed, id, (asking) => asking.source === source)
  }

  /** What that peer asked over its link. */
  directBy(id: MessageId, source: PeerId): Asking | undefined {
    return find(this.#direct, id, (asking) => asking.source === source)
  }

  /** False: there is no room under that id. */
  addSealed(id: MessageId, body: Body, attempt: number, now: Instant): boolean {
    const unopened: Asking[] = []
    let count = 0
    for (let asking = this.#sealed.get(id) ?? null; asking !== null; asking = asking.next, count++)
      if (asking.source === null) unopened.push(asking)
    if (count - unopened.length >= SOURCES_MAX) return false
    if (unopened.length >= UNOPENED_MAX) this.#remove(id, unopened.at(-1) as Asking)
    const attempts = attempt === 0 ? FIRST : [attempt]
    add(this.#sealed, id, { tag: tagOf(body), source: null, body, attempts }, now)
    return true
  }

  addDirect(id: MessageId, source: PeerId, now: Instant): void {
    add(this.#direct, id, { tag: null, source, body: null, attempts: NONE }, now)
  }

  /** Its seal is open. It may have made room for others meanwhile. */
  opened(
    id: MessageId,
    { body, source, attempt }: { readonly body: Body; readonly source: PeerId; readonly attempt: number },
    now: Instant,
  ): void {
    if (this.sealed(id, body) === undefined && !this.addSealed(id, body, attempt, now)) return
    const asking = this.sealed(id, body) as Asking
    asking.source = source
    asking.body = null
  }

  /** It was nothing that we could open. */
  remove(id: MessageId, body: Body): void {
    const asking = this.sealed(id, body)
    if (asking !== undefined && asking.source === null) this.#remove(id, asking)
  }

  #remove(id: MessageId, gone: Asking): void {
    const newest = this.#sealed.get(id)
    if (newest === gone) {
      if (gone.next === null) this.#sealed.delete(id)
      else Object.assign(gone, gone.next)
      return
    }
    for (let asking = newest ?? null; asking?.next; asking = asking.next)
      if (asking.next === gone) asking.next = gone.next
  }
}

function add(
  to: Asked,
  id: MessageId,
  { tag, source, body, attempts }: Pick<Asking, 'tag' | 'source' | 'body' | 'attempts'>,
  now: Instant,
): void {
  const next = to.get(id) ?? null
  to.set(id, { tag, source, body, attempts, replies: NONE, answers: NONE, next }, now)
}

/** The oldest that suits: what was acted on came before what repeats it. */
function find(among: Asked, id: MessageId, suits: (asking: Asking) => boolean): Asking | undefined {
  let found: Asking | undefined
  for (let asking = among.get(id) ?? null; asking !== null; asking = asking.next) if (suits(asking)) found = asking
  return found
}

/** The last bytes of a seal, which differ between any two. What is no bytes is a model's, whose ids are enough. */
function tagOf(body: Body): string {
  return body instanceof Uint8Array ? String.fromCharCode(...body.subarray(-TAG_BYTES)) : ''
}

function isSame(one: Body, other: Body): boolean {
  if (!(one instanceof Uint8Array && other instanceof Uint8Array)) return true
  return one.length === other.length && one.every((byte, i) => byte === other[i])
}
