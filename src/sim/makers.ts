/** The participants of a simulated mesh: the very same state machines that browsers, Node peers and servers run. */

import { BOOTSTRAP_DEFAULTS, type BootstrapConfig, BootstrapNode } from '../../bootstrap/node.ts'
import type { Input } from '../core/io.ts'
import type { Machine, MachineMaker } from './machine.ts'

/** A bootstrap server. Its shell's part, naming network and purpose of each visit, is done here. */
export function bootstrapServer(config: Partial<BootstrapConfig> = {}): MachineMaker {
  return ({ id, network, io, isMember }): Machine => {
    const server = new BootstrapNode({ ...BOOTSTRAP_DEFAULTS, self: id, ...config }, io)
    const handle: Machine['handle'] = (input, now) => {
      if (input.kind === 'linkUp')
        server.handle({ ...input, network, purpose: isMember(input.peer) ? 'visit' : 'join' }, now)
      else if (isForServers(input)) server.handle(input, now)
    }
    return { handle }
  }
}

type ServerInput = Extract<Input, { readonly kind: 'start' | 'stop' | 'linkDown' | 'frame' | 'timer' }>

function isForServers(input: Input): input is ServerInput {
  return ['start', 'stop', 'linkDown', 'frame', 'timer'].includes(input.kind)
}
