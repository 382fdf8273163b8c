/** Child of `broadcast.ts`: the peers of one system, all in this process, so that its CPU time is theirs and nobody else's. */

import { serve } from './child.ts'
import { gossipsubUrl } from './gossipsub-url.ts'
import { type Load, saturate, stream, type StreamLoad, type Swarm } from './swarm.ts'
import { createFloodSwarm, createMusubiSwarm } from './swarm-musubi.ts'

type CreateSwarm = (size: number) => Promise<Swarm>

export type System = 'musubi' | 'flooding' | 'gossipsub'

const CREATE: Readonly<Record<System, CreateSwarm>> = {
  musubi: createMusubiSwarm,
  flooding: createFloodSwarm,
  gossipsub: async (size) => ((await import(gossipsubUrl)) as { createSwarm: CreateSwarm }).createSwarm(size),
}

let swarm: Swarm | null = null

serve({
  create: async ({ system, size }: { system: System; size: number }) => void (swarm = await CREATE[system](size)),
  saturate: (load: Load) => saturate(swarm!, load),
  stream: (load: StreamLoad) => stream(swarm!, load),
})
