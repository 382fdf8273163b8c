/** A simulated network without a mesh in it: recorders, and links between them when asked for. */

import { type Makers, Simulation, type SimulationOptions } from '../../src/sim/index.ts'
import { exchangeId, type Recorder, recorders, SEED } from './support.ts'

/** Two or more recorders in a network; no protocol of their own unless `react` is given. */
export function world(count: number, options: Partial<SimulationOptions> = {}) {
  const peers = recorders()
  const servers = recorders()
  const makers: Makers = { peer: peers.maker, bootstrap: servers.maker }
  const sim = new Simulation({ seed: SEED, ...options }, makers)
  for (let i = 0; i < count; i++) sim.addPeer()
  sim.run(1)
  return { sim, peers: peers.made, servers: servers.made, nodes: sim.peers }
}

type World = ReturnType<typeof world>

/** The whole exchange of offer and answer, carried by hand, as far as `acceptAnswer`. */
export function signal({ sim }: World, a: Recorder, b: Recorder, exchange = exchangeId('x')): void {
  a.io.createOffer(exchange, { remote: b.id, purpose: 'link' })
  sim.run(10)
  const offer = a.inputs('described').at(-1)!.description
  b.io.createAnswer(exchange, { remote: a.id, purpose: 'link', description: offer })
  sim.run(10)
  a.io.acceptAnswer(exchange, b.inputs('described').at(-1)!.description)
}

export function linked(options: Partial<SimulationOptions> = {}) {
  const all = world(2, options)
  const [a, b] = all.peers as [Recorder, Recorder]
  signal(all, a, b)
  all.sim.run(1_000)
  return { ...all, a, b }
}

/** Every frame takes 20 ms. */
export const fixed = { latency: { kind: 'constant', ms: 20 }, jitter: 0, skewMs: 0 } as const
