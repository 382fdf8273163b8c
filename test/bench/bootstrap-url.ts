/** A bootstrap in a process of its own, for benchmarks that are not about it. It ends with the process that asked. */

import { Child } from './child.ts'

/** Resolves to its URL. */
export const startBootstrap = (): Promise<string> => new Child('bootstrap-server').call<string>('start', 'ours')
