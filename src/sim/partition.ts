/**
 * Cuts through the network: frames between groups of a partition are lost without a word, and no link comes up across.
 * Links stay open until heartbeats notice. Several partitions may hold at once; a frame must pass them all.
 */

import type { SimNode } from './node.ts'

export interface PartitionHow {
  /** Only frames from a group to an earlier one are lost; those the other way arrive. Links need both ways. */
  readonly isOneWay?: boolean
}

/** Until `heal` is called, which may be called twice. */
export interface Partition {
  readonly isHealed: boolean
  heal(): void
}

interface Cut {
  readonly isOneWay: boolean
  /** By node number; nodes that come later, bootstraps too, belong to the first group. */
  readonly groups: Uint16Array
}

export class Partitions {
  readonly #cuts = new Set<Cut>()
  readonly #onChange: () => void

  /** `onChange`: a partition has begun or healed. */
  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  get isWhole(): boolean {
    return this.#cuts.size === 0
  }

  /** Nodes that are in no group belong to the first. At most 65,536 groups. */
  begin(groups: readonly (readonly SimNode[])[], nodeCount: number, how: PartitionHow = {}): Partition {
    const cut: Cut = { isOneWay: how.isOneWay ?? false, groups: new Uint16Array(nodeCount) }
    groups.forEach((nodes, group) => {
      for (const node of nodes) cut.groups[node.number] = group
    })
    const cuts = this.#cuts.add(cut)
    const onChange = this.#onChange
    onChange()
    return {
      get isHealed() {
        return !cuts.has(cut)
      },
      heal: () => {
        if (cuts.delete(cut)) onChange()
      },
    }
  }

  /** Does a frame get from one node to the other? */
  canPass(from: SimNode, to: SimNode): boolean {
    for (const { groups, isOneWay } of this.#cuts) {
      const [source, target] = [groups[from.number] ?? 0, groups[to.number] ?? 0]
      if (source !== target && !(isOneWay && source < target)) return false
    }
    return true
  }

  /** Can the two set up a link? */
  canMeet(a: SimNode, b: SimNode): boolean {
    return this.#cuts.size === 0 || (this.canPass(a, b) && this.canPass(b, a))
  }
}
