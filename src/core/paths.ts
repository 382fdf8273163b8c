/**
 * What a relay remembers of the attempts of messages: where each came from, so that replies and NACKs find back, and to
 * whom it went, so that nobody gets it twice. All of it is the relay's own; none of it is on the wire. Every frame that
 * passes leaves an entry for two minutes, so entries are rows of whole numbers and no objects: those took twice the memory
 * of all else that a peer in a mesh of thousands holds (measured in the simulator: 155 bytes each, 80 so).
 */

import { RecentHalves } from './bounded.ts'
import type { LookupFrame, UnicastFrame } from './frames.ts'
import type { Instant, Key, LinkId, MessageId } from './ids.ts'

/** Names one attempt of one message. */
export interface AttemptName {
  readonly id: MessageId
  readonly attempt: number
}

/** Of a row, in the order of its cells. */
const PREVIOUS = 0
const NEXT = 1
/** Where the newest of those who had it before is: two cells, the link and where the one before it is. */
const TRIED = 2
const PRINT = 3
const HOP_LIMIT = 4
/** Twice the hops, and one more if a bootstrap is among them. */
const ARRIVAL = 5
const DETOURS = 6
const TRIES = 7
const NONE = -1
const CELLS_AT_FIRST = 32

/** Bounded; when full, the older half is forgotten. */
export class Paths extends RecentHalves<string, Rows> {
  protected createHalf(): Rows {
    return new Rows()
  }

  get(name: AttemptName): Path | undefined {
    const key = keyOf(name)
    return this.young.get(key) ?? this.old?.get(key)
  }

  /** A path that leads nowhere yet, in the place of one of the same name. `previous`: where the frame came from; null: from us. */
  open(frame: UnicastFrame | LookupFrame, previous: LinkId | null, now: Instant): Path {
    this.rotate(now)
    return this.young.open(keyOf(frame), frame, previous)
  }
}

/** One path; holds as long as whoever got it likes, also when the path has been forgotten. */
export class Path {
  readonly #rows: Rows
  readonly #at: number

  constructor(rows: Rows, at: number) {
    this.#rows = rows
    this.#at = at
  }

  /** Where the frame came from; null: from us. */
  get previous(): LinkId | null {
    return linkOf(this.#get(PREVIOUS))
  }

  /** Who has it now; null: nobody. */
  get next(): LinkId | null {
    return linkOf(this.#get(NEXT))
  }

  /** The hop limit that we passed on: a NACK cannot raise it. */
  get hopLimit(): number {
    return this.#get(HOP_LIMIT)
  }

  /** Links that the frame had crossed when it came: every try starts again from here. */
  get hops(): number {
    return this.#get(ARRIVAL) >> 1
  }

  /** Whether one of those led to a bootstrap. */
  get viaBootstrap(): boolean {
    return this.#get(ARRIVAL) % 2 === 1
  }

  /** Is that where its frame wants to go? Only its beginning is compared: who gives back another frame could as well send it himself. */
  leadsTo(target: Key): boolean {
    return this.#get(PRINT) === printOf(target)
  }

  /** Links that had it, whoever has it now included. */
  get tries(): number {
    return this.#get(TRIES)
  }

  /** `next` has it now, to be passed on so often. */
  pass(next: LinkId, hopLimit: number): void {
    this.retire()
    this.#set(NEXT, next)
    this.#set(HOP_LIMIT, hopLimit)
    this.#set(TRIES, this.tries + 1)
  }

  /** Who has it has not got it any more. */
  retire(): void {
    const next = this.#get(NEXT)
    if (next === NONE) return
    this.#set(TRIED, this.#rows.append([next, this.#get(TRIED)]))
    this.#set(NEXT, NONE)
  }

  /** It goes to somebody who is no closer to the target than we are. How often it has. */
  detour(): number {
    const count = this.#get(DETOURS) + 1
    this.#set(DETOURS, count)
    return count
  }

  had(link: LinkId): boolean {
    if (this.#get(NEXT) === link) return true
    for (let at = this.#get(TRIED); at !== NONE; at = this.#rows.cell(at + 1))
      if (this.#rows.cell(at) === link) return true
    return false
  }

  #get(cell: number): number {
    return this.#rows.cell(this.#at + cell)
  }

  #set(cell: number, value: number): void {
    this.#rows.setCell(this.#at + cell, value)
  }
}

/** Rows and tries as they came, one after another; nothing is ever taken out. */
class Rows {
  readonly #places = new Map<string, number>()
  #cells = new Int32Array(CELLS_AT_FIRST)
  #used = 0

  get size(): number {
    return this.#places.size
  }

  get(key: string): Path | undefined {
    const at = this.#places.get(key)
    return at === undefined ? undefined : new Path(this, at)
  }

  has(key: string): boolean {
    return this.#places.has(key)
  }

  open(key: string, frame: UnicastFrame | LookupFrame, previous: LinkId | null): Path {
    const arrival = frame.hops * 2 + Number(frame.viaBootstrap)
    const at = this.append([previous ?? NONE, NONE, NONE, printOf(frame.target), frame.hopLimit, arrival, 0, 0])
    this.#places.set(key, at)
    return new Path(this, at)
  }

  /** Where these cells are now. */
  append(cells: readonly number[]): number {
    const at = this.#used
    this.#used += cells.length
    if (this.#used > this.#cells.length) this.#grow()
    this.#cells.set(cells, at)
    return at
  }

  cell(at: number): number {
    return this.#cells[at] as number
  }

  setCell(at: number, value: number): void {
    this.#cells[at] = value
  }

  #grow(): void {
    const cells = new Int32Array(Math.ceil(this.#cells.length * 1.5))
    cells.set(this.#cells)
    this.#cells = cells
  }
}

function linkOf(cell: number): LinkId | null {
  return cell === NONE ? null : (cell as LinkId)
}

/** Of the first six characters of a key, five bits each. */
function printOf(target: Key): number {
  let print = 0
  for (let i = 0; i < 6; i++) print = (print << 5) | (target.charCodeAt(i) & 31)
  return print
}

// Nearly every message arrives at its first attempt: those need no second string.
function keyOf({ id, attempt }: AttemptName): string {
  return attempt === 0 ? id : id + attempt
}
