/**
 * The event queue: a calendar ring of one-millisecond buckets for what is due within 32 s, a binary heap for what is
 * due later (Brown 1988, with fixed bucket width because all our times are whole milliseconds). Push and pop are O(1)
 * for nearly all events of a mesh, whose frames, heartbeats and time-outs lie seconds ahead. Events of equal time come
 * out in the order they went in: that is what makes a run repeatable.
 */

/** Buckets in the ring; a power of two. 32.8 s: heartbeats, attempts, exchanges and audits (30 s) all fit (DESIGN §5). */
const RING_SLOTS = 1 << 15
const RING_MASK = RING_SLOTS - 1

interface FarEvent<T> {
  readonly at: number
  /** Order of arrival, to keep equal times stable in the heap. */
  readonly order: number
  readonly item: T
}

/** Holds any number of items, each due at a whole millisecond. Not bounded: the simulator owns both ends. */
export class EventQueue<T extends object> {
  #now: number
  #near = 0
  #order = 0
  /** How much of the present bucket has been taken. */
  #taken = 0
  readonly #buckets: (T[] | undefined)[] = Array.from({ length: RING_SLOTS })
  readonly #far: FarEvent<T>[] = []

  /** `now`: the earliest instant that anything can be due, in whole milliseconds. */
  constructor(now = 0) {
    this.#now = now
  }

  /** The time of the last popped item, or the `until` that the last vain pop waited for. */
  get now(): number {
    return this.#now
  }

  /** Items waiting. */
  get size(): number {
    return this.#near + this.#far.length
  }

  /** `at`: whole milliseconds, not before `now`; throws RangeError otherwise, for time does not run backwards. */
  push(at: number, item: T): void {
    if (!(at >= this.#now) || !Number.isInteger(at)) throw new RangeError(`event due at ${at}, now is ${this.#now}`)
    if (at < this.#now + RING_SLOTS) this.#append(at, item)
    else pushHeap(this.#far, { at, order: this.#order++, item })
  }

  /** The next item due at or before `until` (finite), or null; the clock then stands at `until`. */
  pop(until: number): T | null {
    for (;;) {
      const bucket = this.#buckets[this.#now & RING_MASK]
      if (bucket !== undefined && this.#taken < bucket.length && this.#now <= until) {
        this.#near--
        return bucket[this.#taken++] as T
      }
      if (this.#now >= until) return null
      this.#advance(until)
    }
  }

  /** One bucket on, or straight to the next far event when the ring is empty. Far events that come in reach move over. */
  #advance(until: number): void {
    if (this.#taken > 0) (this.#buckets[this.#now & RING_MASK] as T[]).length = 0
    this.#taken = 0
    const nextFar = this.#far[0]?.at ?? until
    this.#now = this.#near > 0 ? this.#now + 1 : Math.min(nextFar, until)
    const reach = this.#now + RING_SLOTS
    // Before anything can be pushed for those instants directly, so the order of equal times holds.
    while (this.#far.length > 0 && (this.#far[0] as FarEvent<T>).at < reach) {
      const event = popHeap(this.#far)
      this.#append(event.at, event.item)
    }
  }

  #append(at: number, item: T): void {
    const bucket = this.#buckets[at & RING_MASK]
    if (bucket === undefined) this.#buckets[at & RING_MASK] = [item]
    else bucket.push(item)
    this.#near++
  }
}

function isBefore<T>(a: FarEvent<T>, b: FarEvent<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function pushHeap<T>(heap: FarEvent<T>[], event: FarEvent<T>): void {
  let hole = heap.push(event) - 1
  while (hole > 0) {
    const parent = (hole - 1) >> 1
    const above = heap[parent] as FarEvent<T>
    if (!isBefore(event, above)) break
    heap[hole] = above
    hole = parent
  }
  heap[hole] = event
}

/** The heap must not be empty. */
function popHeap<T>(heap: FarEvent<T>[]): FarEvent<T> {
  const top = heap[0] as FarEvent<T>
  const last = heap.pop() as FarEvent<T>
  if (heap.length > 0) sink(heap, last)
  return top
}

function sink<T>(heap: FarEvent<T>[], event: FarEvent<T>): void {
  let hole = 0
  for (;;) {
    let child = 2 * hole + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as FarEvent<T>, heap[child] as FarEvent<T>)) child++
    if (!isBefore(heap[child] as FarEvent<T>, event)) break
    heap[hole] = heap[child] as FarEvent<T>
    hole = child
  }
  heap[hole] = event
}
