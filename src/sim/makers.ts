/** The participants of a simulated mesh: the very same state machines that browsers, Node peers and servers run. */

import {
  BOOTSTRAP_DEFAULTS,
  type BootstrapConfig,
  type BootstrapInput,
  BootstrapNode,
  type VisitorUp,
} from '../../bootstrap/node.ts'
import type { Input, Io } from '../core/io.ts'
import { MeshNode, type NodeConfig } from '../core/node.ts'
import { createTopics } from '../core/topics.ts'
import type { Machine, MachineInspection, MachineMaker } from './machine.ts'

/** What a simulated peer can be told; its id and network are the simulation's. */
export type PeerConfig = Pick<NodeConfig, 'linksMax'> &
  Partial<Omit<NodeConfig, 'self' | 'network' | 'broadcast'>> & { readonly broadcastHoldMs?: number }

/** A peer of the mesh. */
export class MeshPeer extends MeshNode implements Machine {
  constructor(config: NodeConfig, io: Io) {
    super(config, io)
    this.trees.carryTopics(createTopics)
  }

  /** Not the node's own snapshot, which is made for people: only what checkers want, many times a second. */
  measure(): MachineInspection {
    const { router, requests, trees, signaling, lookups, book, neighbors } = this
    const parts = [router, requests, trees, signaling, lookups, book]
    return { collections: parts.map((part) => part.collections), degree: neighbors.size + signaling.linksInFlight }
  }
}

export function meshPeer(config: PeerConfig): MachineMaker {
  const { linksMax, hasBootstrap = true, ...options } = pickPeerConfig(config)
  return ({ id, network, io }) => new MeshPeer({ self: id, network, linksMax, hasBootstrap, ...options }, io)
}

/** Simulation options carry much else that is no business of a node. */
function pickPeerConfig(
  config: PeerConfig,
): Omit<NodeConfig, 'self' | 'network' | 'hasBootstrap'> & { hasBootstrap?: boolean } {
  const { linksMax, hasBootstrap, geometry, lotteryPerSecond, anchors, broadcastHoldMs: holdMs } = config
  return {
    linksMax,
    ...(hasBootstrap === undefined ? {} : { hasBootstrap }),
    ...(geometry === undefined ? {} : { geometry }),
    ...(lotteryPerSecond === undefined ? {} : { lotteryPerSecond }),
    ...(holdMs === undefined ? {} : { broadcast: { holdMs } }),
    ...(anchors === undefined ? {} : { anchors }),
  }
}

/** A bootstrap server. */
export function bootstrapServer(config: Partial<BootstrapConfig> = {}): MachineMaker {
  return ({ id, io }): Machine => {
    const server = new BootstrapNode({ ...BOOTSTRAP_DEFAULTS, self: id, ...config }, io)
    return { handle: (input, now) => isForServers(input) && server.handle(input, now) }
  }
}

function isForServers(input: Input): input is BootstrapInput {
  if (input.kind === 'linkUp') return isVisit(input)
  return ['start', 'stop', 'linkDown', 'frame', 'timer'].includes(input.kind)
}

function isVisit(input: object): input is VisitorUp {
  return 'purpose' in input && 'network' in input
}
