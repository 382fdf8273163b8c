/** The options that say which run of a scenario is meant: `--peers`, `--seed`, `--set key=value`. */

import { type Command, InvalidArgumentError } from 'commander'
import { type PlanChoice, type Scenario, SEED_MAX } from '../../sim/index.ts'
import { collect, wholeNumber } from '../arguments.ts'

export interface ChoiceOptions {
  readonly peers?: number
  readonly seed?: number
  readonly set?: readonly string[]
}

export function addChoice(command: Command): Command {
  return command
    .option('-n, --peers <number>', "how many peers (default: the scenario's)", wholeNumber(1, 1_000_000))
    .option('-s, --seed <number>', "seed of the first run (default: the scenario's)", wholeNumber(0, SEED_MAX))
    .option('--set <key=value>', 'a parameter of the scenario, or an option of the simulator; may be repeated', setting)
}

function setting(text: string, before?: readonly string[]): readonly string[] {
  if (/^[a-z]\w*(?:\.[a-z]\w*)*=./i.test(text)) return collect(text, before)
  throw new InvalidArgumentError('It must look like key=value.')
}

/** Keys that the scenario has as parameters are its parameters, all others options; dots lead into objects. */
export function choiceOf(scenario: Scenario, { peers, seed, set = [] }: ChoiceOptions): PlanChoice {
  const parameters: Record<string, never> = {}
  const options: Record<string, unknown> = {}
  for (const each of set) {
    const at = each.indexOf('=')
    const [key, value] = [each.slice(0, at), valueOf(each.slice(at + 1))]
    if (Object.hasOwn(scenario.parameters, key)) parameters[key] = value as never
    else put(options, key.split('.'), value)
  }
  return { parameters, options, ...(peers !== undefined && { peers }), ...(seed !== undefined && { seed }) }
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function put(into: Record<string, unknown>, [first, ...rest]: readonly string[], value: unknown): void {
  const key = first as string
  if (rest.length === 0) {
    into[key] = value
    return
  }
  const inner = Object.hasOwn(into, key) ? into[key] : (into[key] = {})
  if (typeof inner !== 'object' || inner === null)
    throw new Error(`--set ${key}: it is set to ${String(inner)} already`)
  put(inner as Record<string, unknown>, rest, value)
}
