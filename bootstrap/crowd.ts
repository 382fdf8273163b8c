/**
 * How many may be in, in all and from one address, and who has to go when it gets tight. Connections that have not
 * proven an id yet are only guests: whenever a bound is reached the oldest of them makes room, so that a flood of
 * silent sockets cannot keep out a peer that says its hello within milliseconds. Those that have are never evicted.
 */

import type { AddressRecord, Connection } from './connection.ts'
import type { AcceptLimits } from './options.ts'

export class Crowd {
  readonly #limits: AcceptLimits
  /** Bound: one for each connection. */
  readonly #addresses = new Map<string, AddressRecord>()
  readonly #all = new Set<Connection>()
  /** With the time they came, oldest first. Bound: `maxUnproven`. */
  readonly #unproven = new Map<Connection, number>()
  evicted = 0

  constructor(limits: AcceptLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#all.size
  }

  get unproven(): number {
    return this.#unproven.size
  }

  get addresses(): number {
    return this.#addresses.size
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#all.values()
  }

  /** Makes room for one more from `address` if that can be done; else which bound was reached. */
  makeRoom(address: string): 'full' | 'address' | null {
    const isAddressFull = () =>
      (this.#addresses.get(address)?.connections ?? 0) >= this.#limits.maxConnectionsPerAddress
    if (isAddressFull()) this.#evictOldest((connection) => connection.address.address === address)
    if (isAddressFull()) return 'address'
    if (this.#all.size >= this.#limits.maxConnections || this.#unproven.size >= this.#limits.maxUnproven)
      this.#evictOldest(() => true)
    return this.#all.size < this.#limits.maxConnections ? null : 'full'
  }

  /** The shared record of an address, for the connection that is about to be added. */
  recordOf(address: string): AddressRecord {
    let record = this.#addresses.get(address)
    if (record === undefined) this.#addresses.set(address, (record = { address, connections: 0 }))
    return record
  }

  add(connection: Connection, now: number): void {
    connection.address.connections++
    this.#all.add(connection)
    this.#unproven.set(connection, now)
  }

  /** It has said its hello and been let in. */
  prove(connection: Connection): void {
    this.#unproven.delete(connection)
  }

  remove(connection: Connection): void {
    if (!this.#all.delete(connection)) return
    this.#unproven.delete(connection)
    const { address } = connection
    if (--address.connections === 0) this.#addresses.delete(address.address)
  }

  /** Those without a hello that came before `time`. */
  unprovenBefore(time: number): Connection[] {
    const overdue: Connection[] = []
    for (const [connection, acceptedAt] of this.#unproven) {
      if (acceptedAt > time) break
      overdue.push(connection)
    }
    return overdue
  }

  #evictOldest(isMeant: (connection: Connection) => boolean): void {
    for (const connection of this.#unproven.keys()) {
      if (!isMeant(connection)) continue
      this.evicted++
      this.remove(connection)
      return connection.terminate('evicted')
    }
  }
}
