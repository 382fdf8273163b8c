/**
 * `musubi sim run`: plays a scenario, once or with several seeds, shows how it goes, prints the gates and writes JSON
 * and HTML. Fails if a gate is missed or an invariant broken, and then says how to see the same run again.
 */

import { appendFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { Command } from 'commander'
import {
  bytes,
  duration,
  figure,
  limit,
  planOf,
  reportHtml,
  RESULT_FORMAT,
  type ResultFile,
  type RunResult,
  runTitle,
  type Scenario,
  SEED_MAX,
  variantsOf,
} from '../../sim/index.ts'
import { wholeNumber } from '../arguments.ts'
import { addChoice, choiceOf, type ChoiceOptions } from './choice.ts'
import { type Job, runJobs } from './jobs.ts'
import { readScenario } from './library.ts'
import { ProgressBars } from './progress.ts'
import { textTable } from './table.ts'

const { version } = createRequire(import.meta.url)('musubi/package.json') as { readonly version: string }

interface RunOptions extends ChoiceOptions {
  readonly runs: number
  readonly jobs?: number
  readonly variants?: true
  readonly json?: string
  readonly html?: string
  readonly quiet?: true
}

export const runCommand = addChoice(new Command('run'))
  .description('run a scenario and judge it by its gates')
  .argument('<scenario>', 'a name from musubi sim list, or the path of a JSON file')
  .option('-r, --runs <number>', 'so many runs, each with the next seed', wholeNumber(1, 10_000), 1)
  .option('-j, --jobs <number>', 'runs at once (default: one for each core)', wholeNumber(1, 1_024))
  .option('--variants', 'run every combination of the parameters that --set leaves open')
  .option('--json <path>', 'write the result as JSON')
  .option('--html <path>', 'write a report: one page, nothing from elsewhere')
  .option('-q, --quiet', 'no progress, and only gates that are missed')
  .action(run)

async function run(what: string, options: RunOptions): Promise<void> {
  const scenario = await readScenario(what)
  const jobs = jobsOf(scenario, options)
  // A run may take an hour.
  for (const path of [options.json, options.html]) if (path !== undefined) await tryFile(path)
  const bars = new ProgressBars(jobs.map(titleOf(scenario)), { isQuiet: options.quiet === true })
  const runs = await runJobs(jobs, {
    onProgress: bars.show,
    ...(options.jobs !== undefined && { width: options.jobs }),
  }).finally(() => bars.stop())
  const result: ResultFile = {
    format: RESULT_FORMAT,
    versions: { musubi: version, node: process.versions.node, v8: process.versions.v8 },
    document: scenario.document,
    runs,
  }
  // Whatever goes wrong with one of the three, the others are there.
  const files = await Promise.allSettled([
    options.json === undefined ? null : writeFile(options.json, `${JSON.stringify(result)}\n`),
    options.html === undefined ? null : writeFile(options.html, reportHtml(result)),
  ])
  report(what, runs, options)
  for (const file of files) if (file.status === 'rejected') throw file.reason
  const missed = runs.filter(({ hasPassed }) => !hasPassed).length
  if (missed > 0) throw new Error(`${missed} of ${runs.length} runs did not pass`)
}

/** What is in it stays until the run is over. */
async function tryFile(path: string): Promise<void> {
  await appendFile(path, '').catch((error: Error) => {
    throw new Error(`${path} cannot be written: ${error.message}`)
  })
}

/** Checked here, so that a wrong option is said at once and not by a process far away. */
function jobsOf(scenario: Scenario, options: RunOptions): Job[] {
  const choice = choiceOf(scenario, options)
  const variants = options.variants ? variantsOf(scenario).filter(isChosen(choice.parameters ?? {})) : [{}]
  const first = choice.seed ?? scenario.seed
  if (first + options.runs - 1 > SEED_MAX) throw new Error(`--runs: seeds end at ${SEED_MAX}`)
  const jobs = variants.flatMap((variant) =>
    Array.from({ length: options.runs }, (_, i) => ({
      document: scenario.document,
      choice: { ...choice, parameters: { ...variant, ...choice.parameters }, seed: first + i },
    })),
  )
  for (const job of jobs) planOf(scenario, job.choice)
  return jobs
}

/** `--set` may also give a parameter a value that the document does not list: then any variant will do. */
function isChosen(
  given: object,
): (variant: Readonly<Record<string, unknown>>, index: number, all: readonly object[]) => boolean {
  const seen = new Set<string>()
  return (variant) => {
    const key = JSON.stringify({ ...variant, ...given })
    const isNew = !seen.has(key)
    seen.add(key)
    return isNew
  }
}

const titleOf =
  (scenario: Scenario) =>
  ({ choice }: Job): string => {
    const { peers, seed, parameters } = planOf(scenario, choice)
    const values = Object.values(parameters).join(' ')
    return `${scenario.name}${values === '' ? '' : ` ${values}`} ${peers} #${seed}`
  }

function report(what: string, runs: readonly RunResult[], options: RunOptions): void {
  for (const [index, result] of runs.entries()) {
    if (options.quiet && result.hasPassed) continue
    say(`${result.hasPassed ? 'passed' : 'MISSED'}  ${runTitle(result)}`)
    const gates = result.gates.filter((gate) => !options.quiet || !gate.isMet)
    if (gates.length > 0) {
      const rows = gates.map((gate) => [
        gate.metric,
        figure(gate.metric, gate.value),
        limit(gate),
        gate.isMet ? 'ok' : 'MISSED',
      ])
      say(textTable(rows))
    }
    say(`  ${cost(result)}`)
    if (!result.hasPassed) say(explain(what, result, { ...options, index }))
  }
}

function cost({ cost: { simulatedMs, wallMs, eventsPerSecond, peakBytes }, trace }: RunResult): string {
  const parts = [`${duration(simulatedMs)} simulated in ${duration(wallMs)}`]
  if (eventsPerSecond !== null) parts.push(`${Math.round(eventsPerSecond).toLocaleString('en')} events/s`)
  if (peakBytes !== null) parts.push(bytes(peakBytes))
  if (trace !== null) parts.push(`trace ${trace.digest}`)
  return parts.join(', ')
}

/** The bug report: what broke, seed and options, and how to see it happen again. */
function explain(
  what: string,
  result: RunResult,
  { json, index, set = [] }: RunOptions & { readonly index: number },
): string {
  const { peers, seed, parameters, options, error } = result
  const chosen = Object.entries(parameters).map(([key, value]) => `${key}=${value}`)
  const others = set.filter((each) => !((each.split('=')[0] as string) in parameters))
  const settings = [...chosen, ...others].map((each) => `--set ${quoted(each)}`)
  const again =
    json === undefined
      ? ['musubi sim replay', quoted(what), `--peers ${peers}`, `--seed ${seed}`, ...settings]
      : // A word without a dot or a slash would be a scenario's name.
        ['musubi sim replay', quoted(/[./\\]/.test(json) ? json : `./${json}`), `--run ${index}`]
  const lines = [`seed ${seed}, options ${JSON.stringify(options)}`, `to see it again: ${again.join(' ')}`]
  return [...(error === null ? [] : [error]), ...lines].map((line) => `  ${line.replaceAll('\n', '\n  ')}`).join('\n')
}

const quoted = (text: string): string => (/^[\w./=:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`)

const say = (text: string): void => void process.stdout.write(`${text}\n`)
