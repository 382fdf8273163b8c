/**
 * What others asked of us lately, so that nothing is acted on twice and every copy gets its answer. Every relay knows a
 * request's id and may send us something of its own under it, so an id does not tell requests apart: before the seal is
 * open its tag does, which is the same in all attempts, and afterwards the source.
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
  /** Attempts that it came by, as the router numbers them; each is answered. */
  attempts: readonly number[]
  /** Sealed, to be sent again. */
  replies: readonly Body[]
  /** What we answered over the link itself; if that broke before it arrived, a routed copy follows and gets it again. */
  answer: Message | null
  /** Another one under the same id. */
  next: Asking | null
}

export const NONE: readonly never[] = []
const FIRST: readonly number[] = [0]
const KEEP_MS = 60_000
/** Under one id; then the oldest is forgotten, which the seal's own window still keeps from being acted on twice. */
const SAME_ID_MAX = 4
/** An AEAD's. */
const TAG_BYTES = 16

export class Inbox {
  readonly #newest: RecentMap<MessageId, Asking>

  /** `max`: ids. */
  constructor(max: number) {
    this.#newest = new RecentMap({ max, keepMs: KEEP_MS })
  }

  get size(): number {
    return this.#newest.size
  }

  get max(): number {
    return this.#newest.max
  }

  rotate(now: Instant): void {
    this.#newest.rotate(now)
  }

  /** What came by a relay with this seal. */
  sealed(id: MessageId, body: Body): Asking | undefined {
    const tag = tagOf(body)
    return this.#find(id, (asking) => asking.tag === tag)
  }

  /** What that peer asks: what was acted on, if it did so in several ways. */
  by(id: MessageId, source: PeerId): Asking | undefined {
    return this.#find(id, (asking) => asking.source === source)
  }

  /** Where replies to what that peer asks by way of relays are kept. */
  routedBy(id: MessageId, source: PeerId): Asking | undefined {
    return this.#find(id, (asking) => asking.source === source && asking.tag !== null)
  }

  addSealed(id: MessageId, body: Body, attempt: number, now: Instant): void {
    this.#add(id, { tag: tagOf(body), source: null, attempts: attempt === 0 ? FIRST : [attempt] }, now)
  }

  addDirect(id: MessageId, source: PeerId, now: Instant): void {
    this.#add(id, { tag: null, source, attempts: NONE }, now)
  }

  /** It was nothing that we could open. */
  remove(id: MessageId, body: Body): void {
    const tag = tagOf(body)
    const newest = this.#newest.get(id)
    if (newest?.tag === tag) {
      if (newest.next === null) this.#newest.delete(id)
      else Object.assign(newest, newest.next)
      return
    }
    for (let asking = newest ?? null; asking?.next; asking = asking.next)
      if (asking.next.tag === tag) asking.next = asking.next.next
  }

  #add(id: MessageId, asking: Pick<Asking, 'tag' | 'source' | 'attempts'>, now: Instant): void {
    const next = this.#newest.get(id) ?? null
    const { tag, source, attempts } = asking
    this.#newest.set(id, { tag, source, attempts, replies: NONE, answer: null, next }, now)
    let last = next
    for (let count = 2; last !== null && count < SAME_ID_MAX; count++) last = last.next
    if (last !== null) last.next = null
  }

  /** The oldest that suits: what was acted on came before what repeats it. */
  #find(id: MessageId, suits: (asking: Asking) => boolean): Asking | undefined {
    let found: Asking | undefined
    for (let asking = this.#newest.get(id) ?? null; asking !== null; asking = asking.next)
      if (suits(asking)) found = asking
    return found
  }
}

/** The last bytes of a seal, which differ between any two. What is no bytes is a model's, whose ids are enough. */
function tagOf(body: Body): string {
  return body instanceof Uint8Array ? String.fromCharCode(...body.subarray(-TAG_BYTES)) : ''
}
