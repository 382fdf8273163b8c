/**
 * `musubi sim replay`: runs the same thing again and shows what happens in it, event by event: everything that a node
 * handles, or a span of time, or, asked for nothing in particular, what led up to a violation. The trace's fingerprint
 * tells whether it is the same run.
 */

import { readSync } from 'node:fs'
import { Command, InvalidArgumentError } from 'commander'
import {
  eventText,
  loadScenario,
  MeshPeer,
  type PlanChoice,
  planOf,
  type RunResult,
  runScenario,
  runTitle,
  type Scenario,
  type SimNode,
} from '../../sim/index.ts'
import { wholeNumber } from '../arguments.ts'
import { addChoice, choiceOf, type ChoiceOptions } from './choice.ts'
import { readScenarioOrResult } from './library.ts'

interface ReplayOptions extends ChoiceOptions {
  readonly run: number
  readonly from?: number
  readonly until?: number
  readonly node?: readonly number[]
  readonly kinds?: readonly string[]
  readonly last: number
  readonly step?: true
  readonly inspect?: true
}

const instant = wholeNumber(0, 1e12)

export const replayCommand = addChoice(new Command('replay'))
  .description('run it again and show what happens, event by event')
  .argument('<result>', 'a JSON result; or a scenario, with --seed and what else chose the run')
  .option('--run <index>', 'which run of the result, from 0', wholeNumber(0, 100_000), 0)
  .option('--from <ms>', 'show events from this virtual time on', instant)
  .option('--until <ms>', 'stop at this virtual time', instant)
  .option('--node <number>', 'show what this node handles; may be repeated', nodeNumber)
  .option('--kinds <list>', 'show these kinds only: frame, timer, linkUp, unicast, lookup, … (commas)', kinds)
  .option(
    '--last <number>',
    'without any of these: so many events before the end, or before the violation',
    wholeNumber(1, 100_000),
    40,
  )
  .option('--step', 'wait for Enter after each event')
  .option('--inspect', 'at the end, print what each --node tells of itself')
  .action(replay)

function nodeNumber(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, wholeNumber(0, 10_000_000)(text)]
}

function kinds(text: string): readonly string[] {
  const list = text.split(',').map((each) => each.trim())
  if (list.every((each) => /^[a-zA-Z]+$/.test(each))) return list
  throw new InvalidArgumentError('It must be a list of kinds, separated by commas.')
}

async function replay(what: string, options: ReplayOptions): Promise<void> {
  const { scenario, choice, recorded } = await chosenRun(what, options)
  const viewer = new Viewer(options, recorded)
  const result = await runScenario(scenario, choice, { onEvent: viewer.see })
  viewer.close(result)
  say(`${runTitle(result)}: ${viewer.events.toLocaleString('en')} events`)
  if (viewer.hasStopped) return
  if (result.error !== null) say(result.error)
  if (recorded !== null) say(sameTrace(recorded, result))
}

interface Chosen {
  readonly scenario: Scenario
  readonly choice: PlanChoice
  readonly recorded: RunResult | null
}

async function chosenRun(what: string, options: ReplayOptions): Promise<Chosen> {
  const found = await readScenarioOrResult(what)
  if (!('runs' in found)) {
    const choice = choiceOf(found, options)
    planOf(found, choice)
    return { scenario: found, choice, recorded: null }
  }
  if (options.peers !== undefined || options.seed !== undefined || options.set !== undefined)
    throw new Error(`${what} is a result: --run says which run of it, --peers, --seed and --set are a scenario's`)
  const { document, runs } = found
  const recorded = runs[options.run]
  if (recorded === undefined) throw new Error(`${what} has ${runs.length} runs, counted from 0`)
  const { peers, seed, parameters, options: simulation } = recorded
  return { scenario: loadScenario(document), choice: { peers, seed, parameters, options: simulation }, recorded }
}

function sameTrace(recorded: RunResult, { trace }: RunResult): string {
  if (recorded.trace?.digest === trace?.digest) return `the same trace as recorded: ${trace?.digest}`
  return `NOT the run that was recorded: trace ${trace?.digest}, was ${recorded.trace?.digest} (another version of musubi?)`
}

/** Thrown to end a run at `--until`; the simulator reports it as a machine's failure, and nobody looks. */
class Stop extends Error {}

class Viewer {
  readonly #options: ReplayOptions
  readonly #isFiltered: boolean
  /** Whose events to keep when nothing in particular was asked for; null: everybody's. */
  readonly #suspect: number | null
  readonly #nodes = new Map<number, SimNode>()
  readonly #kept: string[] = []
  events = 0
  hasStopped = false

  constructor(options: ReplayOptions, recorded: RunResult | null) {
    const { node, kinds: shown, from, until } = options
    this.#options = options
    this.#isFiltered = node !== undefined || shown !== undefined || from !== undefined || until !== undefined
    this.#suspect = recorded?.violations[0]?.node ?? null
  }

  readonly see = (...[atMs, node, input]: Parameters<typeof eventText>): void => {
    const { until, node: numbers } = this.#options
    if (this.hasStopped) return
    if (until !== undefined && atMs > until) {
      this.hasStopped = true
      throw new Stop('stopped')
    }
    this.events++
    if (numbers?.includes(node.number)) this.#nodes.set(node.number, node)
    if (!this.#isFiltered) this.#keep(atMs, node, input)
    else if (this.#isWanted(atMs, node, input)) this.#show(eventText(atMs, node, input))
  }

  close({ violations }: RunResult): void {
    if (!this.#isFiltered) for (const line of this.#kept) this.#show(line)
    for (const { atMs, node, rule, detail } of violations) say(`${atMs} ms  node ${node}  VIOLATION ${rule}: ${detail}`)
    if (this.#options.inspect) for (const node of this.#nodes.values()) inspect(node)
  }

  #isWanted(...[atMs, node, input]: Parameters<typeof eventText>): boolean {
    const { from = 0, node: numbers, kinds: shown } = this.#options
    if (atMs < from || (numbers !== undefined && !numbers.includes(node.number))) return false
    if (shown === undefined) return true
    return shown.includes(input.kind) || (input.kind === 'frame' && shown.includes(input.frame.kind))
  }

  #keep(...[atMs, node, input]: Parameters<typeof eventText>): void {
    if (this.#suspect !== null && node.number !== this.#suspect) return
    this.#kept.push(eventText(atMs, node, input))
    if (this.#kept.length > this.#options.last) this.#kept.shift()
  }

  #show(line: string): void {
    say(line)
    if (this.#options.step) waitForEnter()
  }
}

function inspect({ number, machine }: SimNode): void {
  const snapshot = machine instanceof MeshPeer ? machine.inspect() : machine.measure?.()
  say(`node ${number}: ${JSON.stringify(snapshot, null, 2)}`)
}

/** The simulation is synchronous, and so is the wait; at the end of the input there is no more waiting. */
function waitForEnter(): void {
  const byte = Buffer.alloc(1)
  try {
    while (readSync(0, byte) === 1 && byte[0] !== 0x0a);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EOF') throw error
  }
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)
