/** What waits in a stream, first in, first out: a linked list, because `shift` moves all of a long array. Unbounded, as in Node. */

interface Entry<Item> {
  item: Item
  next: Entry<Item> | null
}

export class Queue<Item> {
  length = 0
  /** To look at, and to replace by what is left of it. */
  first: Entry<Item> | null = null
  last: Entry<Item> | null = null

  push(item: Item): void {
    const entry = { item, next: null }
    if (this.last === null) this.first = entry
    else this.last.next = entry
    this.last = entry
    this.length++
  }

  unshift(item: Item): void {
    this.first = { item, next: this.first }
    this.last ??= this.first
    this.length++
  }

  shift(): Item | undefined {
    const { first } = this
    if (first === null) return undefined
    this.first = first.next
    if (this.first === null) this.last = null
    this.length--
    return first.item
  }
}
