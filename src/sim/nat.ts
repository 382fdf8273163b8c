/**
 * Which pairs of peers can connect at all. Everything is derived from the seed and the peers' numbers; nothing is
 * stored. A bootstrap is a public server: everybody reaches it.
 */

import { mix32, pairUnit, type Rng } from './rng.ts'

export interface NatOptions {
  readonly nat: {
    /** Share of peers behind a symmetric NAT: two of them cannot connect without TURN (RFC 8445; we use none). */
    readonly symmetricShare: number
    /** Share of the other pairs that cannot connect either: firewalls, broken paths. */
    readonly blockedPairShare: number
  }
}

export const NAT_DEFAULTS: NatOptions = { nat: { symmetricShare: 0, blockedPairShare: 0 } }

export class NatModel {
  readonly #symmetricShare: number
  readonly #blockedPairShare: number
  readonly #salt: number

  constructor({ nat }: NatOptions, rng: Rng) {
    this.#symmetricShare = nat.symmetricShare
    this.#blockedPairShare = nat.blockedPairShare
    this.#salt = rng.next()
  }

  isSymmetric(number: number): boolean {
    return mix32(mix32(number ^ this.#salt) + 1) / 0x1_0000_0000 < this.#symmetricShare
  }

  canConnect(a: number, b: number): boolean {
    if (this.#symmetricShare > 0 && this.isSymmetric(a) && this.isSymmetric(b)) return false
    return this.#blockedPairShare === 0 || pairUnit(this.#salt, a, b) >= this.#blockedPairShare
  }
}
