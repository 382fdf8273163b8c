/** The process of one run (`jobs.ts` starts it): one job in, progress and a result out. */

import { loadScenario, runScenario } from '../../sim/index.ts'
import type { Job, JobMessage } from './jobs.ts'

/** The run has the process to itself: nothing else would come to its turn. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const say = (message: JobMessage): Promise<void> =>
  new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()))

async function work({ document, choice }: Job): Promise<void> {
  const result = await runScenario(loadScenario(document), choice, {
    memory: () => process.memoryUsage.rss(),
    onProgress: (progress) => {
      void say({ kind: 'progress', progress, bytes: process.memoryUsage.rss() })
      return breathe()
    },
  })
  await say({ kind: 'result', result })
}

process.once('message', (job: Job) => {
  work(job)
    .catch((error: unknown) =>
      say({ kind: 'failure', message: error instanceof Error ? error.message : String(error) }),
    )
    .finally(() => process.disconnect?.())
})
// Whoever wanted the result has gone.
process.on('disconnect', () => process.exit(0))
