/**
 * Runs scenarios in processes of their own: each with a heap that a large mesh fits in, all cores busy, and a run that dies
 * of memory takes nobody with it. What a run needs goes there and comes back as JSON.
 */

import { fork } from 'node:child_process'
import { availableParallelism, totalmem } from 'node:os'
import type { PlanChoice, Progress, RunResult } from '../../sim/index.ts'

/** One run that is wanted. */
export interface Job {
  readonly document: unknown
  readonly choice: PlanChoice
}

/** What the process says while it works, and at its end. */
export type JobMessage =
  | { readonly kind: 'progress'; readonly progress: Progress; readonly bytes: number }
  | { readonly kind: 'result'; readonly result: RunResult }
  | { readonly kind: 'failure'; readonly message: string }

export type JobWatcher = (job: number, message: Extract<JobMessage, { kind: 'progress' }>) => void

/** Of the machine's memory, what all runs together may take as heap. */
const HEAP_SHARE = 0.8

/** Runs all jobs, `width` at a time; results in the order of the jobs. Rejects when one process fails. */
export async function runJobs(
  jobs: readonly Job[],
  { width = availableParallelism(), onProgress }: { readonly width?: number; readonly onProgress?: JobWatcher },
): Promise<RunResult[]> {
  const results: RunResult[] = []
  const atOnce = Math.min(width, jobs.length)
  const heapMib = Math.floor((totalmem() * HEAP_SHARE) / atOnce / 2 ** 20)
  let next = 0
  const work = async (): Promise<void> => {
    for (let index = next++; index < jobs.length; index = next++) {
      results[index] = await runJob(jobs[index] as Job, heapMib, (message) => onProgress?.(index, message))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return results
}

function runJob(job: Job, heapMib: number, onProgress: (message: never) => void): Promise<RunResult> {
  // A larger young generation makes it slower: docs/SIMULATOR.md.
  const execArgv = [`--max-old-space-size=${heapMib}`]
  const child = fork(new URL('job.js', import.meta.url), { execArgv, serialization: 'json' })
  return new Promise((resolve, reject) => {
    child.on('message', (message: JobMessage) => {
      if (message.kind === 'progress') onProgress(message as never)
      else if (message.kind === 'result') resolve(message.result)
      else reject(new Error(message.message))
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      reject(new Error(`a run's process ended without a result (${signal ?? code}); too little memory, perhaps`))
    })
    child.send(job)
  })
}
