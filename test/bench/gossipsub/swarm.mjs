/**
 * libp2p's gossipsub as it is meant to be used, over TCP on this machine (noise, yamux), all nodes in this process: its
 * defaults (D 6, 4 to 12, flood-publish on, StrictSign with Ed25519, IDONTWANT), but for what `createNode` says. Each
 * node dials some others; the rest is gossipsub's.
 * Started by `test/bench/swarm-peers.ts`.
 */

import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'

const TOPIC = 'swarm'
/** Of each node; so many more dial it. About what a peer of ours has when there are 32. */
const DIALS = 10
/** Each has neighbours in its mesh after the first heartbeats, of one second each; a few more and it has settled. */
const SETTLED_MS = 10_000
/** gossipsub's own lower bound of them. */
const D_LOW = 4

// libp2p 3 takes it from Node 22, ours may be 20.
Promise.withResolvers ??= function () {
  let resolve
  let reject
  const promise = new this((onResolve, onReject) => ([resolve, reject] = [onResolve, onReject]))
  return { promise, resolve, reject }
}

/**
 * @param {import('../swarm.ts').SwarmOptions} options
 * @returns {Promise<import('../swarm.ts').Swarm>}
 */
export async function createSwarm({ size }) {
  const nodes = await Promise.all(Array.from({ length: size }, createNode))
  let payloads = 0
  const swarm = {
    size,
    broadcast: (sender, data) => void nodes[sender].services.pubsub.publish(TOPIC, data),
    onMessage: () => {},
    payloads: () => payloads,
  }
  for (const [receiver, { services }] of nodes.entries()) {
    services.pubsub.subscribe(TOPIC)
    services.pubsub.addEventListener('message', ({ detail }) => swarm.onMessage(receiver, detail.data))
    countPayloads(services.pubsub, (count) => (payloads += count))
  }
  await connect(nodes)
  await sleep(SETTLED_MS)
  const fewest = Math.min(...nodes.map(({ services }) => services.pubsub.getMeshPeers(TOPIC).length))
  if (fewest < D_LOW) throw new Error(`a node has only ${fewest} neighbours in its mesh`)
  return swarm
}

function createNode() {
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    // Five a second from one host are its bound; here all are from one.
    connectionManager: { inboundConnectionThreshold: Number.MAX_SAFE_INTEGER, maxIncomingPendingConnections: 1_000 },
    services: { identify: identify(), pubsub: gossipsub({ fastMsgIdFn, scoreParams }) },
  })
}

/** Source and its sequence number. Without it, the signature of every copy is checked, not just of the first one. */
const fastMsgIdFn = ({ from, seqno }) => createHash('sha1').update(from).update(seqno).digest('latin1')

/** Many nodes at one address are an attack to it, and here the set-up. */
const scoreParams = { IPColocationFactorWeight: 0 }

/** Each with those after it, all the way round: one component, and everybody with as many connections. */
async function connect(nodes) {
  const dials = Math.min(DIALS, Math.floor((nodes.length - 1) / 2))
  for (const [index, node] of nodes.entries())
    for (let i = 1; i <= dials; i++) await node.dial(nodes[(index + i) % nodes.length].getMultiaddrs())
}

/** Its own metrics count RPCs, and messages in them only as they are received; so the one way out is watched. */
function countPayloads(pubsub, onSent) {
  const sendRpc = pubsub.sendRpc
  pubsub.sendRpc = function (id, rpc) {
    const isSent = sendRpc.call(this, id, rpc)
    if (isSent) onSent(rpc.messages.length)
    return isSent
  }
}
