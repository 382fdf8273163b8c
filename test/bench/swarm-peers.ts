/** Child of `broadcast.ts`: peers of one system, so that the CPU time of this process is theirs and nobody else's. */

import { serve } from './child.ts'
import { gossipsubUrl } from './gossipsub-url.ts'
import { type Load, saturate, stream, type StreamLoad, type Swarm, type SwarmOptions } from './swarm.ts'
import { createFloodSwarm, createMusubiSwarm } from './swarm-musubi.ts'

type CreateSwarm = (options: SwarmOptions) => Promise<Swarm>

export type System = 'musubi' | 'flooding' | 'gossipsub'

const CREATE: Readonly<Record<System, CreateSwarm>> = {
  musubi: createMusubiSwarm,
  flooding: createFloodSwarm,
  gossipsub: async (options) => ((await import(gossipsubUrl)) as { createSwarm: CreateSwarm }).createSwarm(options),
}

let swarm: Swarm | null = null

serve({
  create: async ({ system, ...options }: SwarmOptions & { system: System }) => {
    swarm = await CREATE[system](options)
  },
  saturate: (load: Load) => saturate(swarm!, load),
  stream: (load: StreamLoad) => stream(swarm!, load),
})
