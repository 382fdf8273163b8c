/**
 * From a JSON document to a plan that can be run: the head is checked, "$parameter" strings are replaced by one value
 * of each parameter, the rest is checked, and at last what only the whole document can tell: whether every label is
 * used once and every gate names a metric that some phase measures. Every mistake is a `ScenarioError` that names the
 * scenario and the place in it.
 */

import * as v from 'valibot'
import { validateChurn } from '../churn.ts'
import { SIMULATION_DEFAULTS, type SimulationOptions, validateOptions } from '../options.ts'
import { isMetricOf, labelsOf, metricsOf } from './metrics.ts'
import {
  BodySchema,
  ChoiceSchema,
  type Gate,
  HeadSchema,
  type Parameter,
  type ScenarioOptions,
  type Step,
} from './schema.ts'

/** A scenario document that cannot be run. The message says where and why; one line per mistake. */
export class ScenarioError extends Error {
  override readonly name = 'ScenarioError'
}

/** One value for each parameter of a scenario. */
export type ParameterSet = Readonly<Record<string, Parameter>>

/** A checked scenario. Its phases depend on parameters: `planOf` makes them concrete. */
export interface Scenario {
  readonly name: string
  readonly description: string
  /** The paper, table or issue that its gates come from. */
  readonly source: string
  readonly peers: number
  /** Size in `npm test`; the full size where the document names none. */
  readonly testPeers: number
  readonly seed: number
  readonly parameters: Readonly<Record<string, readonly Parameter[]>>
  /** The document as it was given. */
  readonly document: unknown
}

/** One concrete run: nothing left to choose. */
export interface Plan {
  readonly scenario: string
  readonly peers: number
  readonly seed: number
  readonly parameters: ParameterSet
  readonly options: ScenarioOptions
  /** Options of the run that `{ "of": "baseline" }` compares with; null without one. */
  readonly baseline: ScenarioOptions | null
  readonly phases: readonly Step[]
  readonly expect: readonly Gate[]
}

/** What a run changes of a scenario's defaults. */
export interface PlanChoice {
  readonly peers?: number
  readonly seed?: number
  readonly parameters?: ParameterSet
  /** Checked like the document's own options. An object without `kind` changes only the fields that it names. */
  readonly options?: Readonly<Record<string, unknown>>
}

/**
 * Checks a scenario document, with every combination of its parameters.
 *
 * @example
 * const scenario = loadScenario(JSON.parse(await readFile('storm.json', 'utf8')))
 * const result = await runScenario(scenario, { peers: 500, seed: 7 })
 */
export function loadScenario(document: unknown): Scenario {
  const name = nameOf(document)
  const head = check(name, HeadSchema, document)
  const scenario: Scenario = {
    name: head.name,
    description: head.description,
    source: head.source,
    peers: head.defaults.peers,
    testPeers: head.defaults.testPeers ?? head.defaults.peers,
    seed: head.defaults.seed,
    parameters: head.parameters ?? {},
    document,
  }
  for (const parameters of variantsOf(scenario)) planOf(scenario, { parameters })
  return scenario
}

/** Every combination of the parameters' values, in the document's order; one empty set for a scenario without any. */
export function variantsOf({ parameters }: Scenario): ParameterSet[] {
  let variants: ParameterSet[] = [{}]
  for (const [name, values] of Object.entries(parameters)) {
    variants = variants.flatMap((variant) => values.map((value) => ({ ...variant, [name]: value })))
  }
  return variants
}

/** Makes a scenario concrete. Parameters not chosen have their first value. Throws `ScenarioError`. */
export function planOf(scenario: Scenario, choice: PlanChoice = {}): Plan {
  const firsts = Object.entries(scenario.parameters).map(([name, [first]]) => [name, first as Parameter] as const)
  const parameters: ParameterSet = { ...Object.fromEntries(firsts), ...choice.parameters }
  refuseUnknown(scenario, parameters)
  const { peers = scenario.peers, seed = scenario.seed } = choice
  check(scenario.name, ChoiceSchema, { peers, seed })
  const where = Object.keys(parameters).length > 0 ? `${scenario.name} ${JSON.stringify(parameters)}` : scenario.name
  const document = replaceParameters(scenario.document, parameters) as { defaults: { options?: Options } }
  const defaults = { ...document.defaults, options: changedBy(choice.options, document.defaults.options) }
  const body = check(where, BodySchema, { ...document, defaults })
  checkOptions(where, body.defaults.options)
  checkOptions(where, body.baseline?.options ?? {})
  for (const [at, phase] of body.phases.entries())
    if (phase.do === 'churn') checkRanges(`${where}: phases.${at}.model`, () => validateChurn(phase.model))
  checkLabels(where, body.phases)
  checkGates(where, { ...body, scenario })
  return {
    scenario: scenario.name,
    peers,
    seed,
    parameters,
    options: body.defaults.options,
    baseline: body.baseline?.options ?? null,
    phases: body.phases,
    expect: body.expect,
  }
}

type Options = Readonly<Record<string, unknown>>

/** The document's options with these changes; what it does not name is the simulator's own. */
function changedBy(changes: Options = {}, options: Options = {}): Options {
  const known: Options = { ...SIMULATION_DEFAULTS, ...options }
  const changed = Object.entries(changes).map(([key, change]): [string, unknown] => {
    const isPart = isObject(change) && !('kind' in change) && isObject(known[key])
    return [key, isPart ? { ...(known[key] as object), ...change } : change]
  })
  return { ...options, ...Object.fromEntries(changed) }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function nameOf(document: unknown): string {
  const name = (document as { name?: unknown } | null)?.name
  return typeof name === 'string' ? name : 'scenario'
}

function check<Schema extends v.GenericSchema>(where: string, schema: Schema, value: unknown): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  throw new ScenarioError(result.issues.map((issue) => `${where}: ${describe(issue)}`).join('\n'))
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue)
  const message = messageOf(issue)
  return path === null ? message : `${path}: ${message}`
}

/** valibot's words for the two mistakes that everybody makes say what it expected and not what is wrong. */
function messageOf({ kind, type, expected, received, message }: v.BaseIssue<unknown>): string {
  if (kind !== 'schema') return message
  if (type === 'strict_object' && expected === 'never') return 'there is no such option'
  if (received === 'undefined') return `is missing (${expected ?? type})`
  return message
}

function refuseUnknown({ name, parameters }: Scenario, given: ParameterSet): void {
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(parameters, key)) continue
    const known = Object.keys(parameters).join(', ') || 'none'
    throw new ScenarioError(`${name}: parameters.${key}: there is no such parameter; there are: ${known}`)
  }
}

/**
 * "$share" as a whole string becomes the value of the parameter `share`, and { "by": "split", "half": …, "tenth": … } in
 * a phase what stands under that parameter's value; anything else is copied. Limits of gates keep their `by`: they say
 * `values` and may speak of sizes.
 */
function replaceParameters(value: unknown, parameters: ParameterSet): unknown {
  if (typeof value === 'string' && value.startsWith('$'))
    return Object.hasOwn(parameters, value.slice(1)) ? parameters[value.slice(1)] : value
  if (Array.isArray(value)) return value.map((item) => replaceParameters(item, parameters))
  if (typeof value !== 'object' || value === null) return value
  const { by, values, ...cases } = value as { by?: unknown; values?: unknown }
  if (typeof by === 'string' && values === undefined && Object.hasOwn(parameters, by))
    return (cases as Record<string, unknown>)[String(parameters[by])]
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaceParameters(item, parameters)]))
}

/** Ranges, and what hangs together, as the simulator itself checks them. `place`: what they are the fields of. */
function checkRanges(place: string, validate: () => void): void {
  try {
    validate()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ScenarioError(`${place}.${error.message}`)
  }
}

function checkOptions(where: string, options: ScenarioOptions): void {
  const all = { ...SIMULATION_DEFAULTS, ...(options as Partial<SimulationOptions>), seed: 0 }
  checkRanges(`${where}: options`, () => validateOptions(all))
}

function checkLabels(where: string, phases: readonly Step[]): void {
  const taken = new Map<string, number>()
  for (const [index, { label }] of labelsOf(phases).entries()) {
    if (label === null) continue
    const before = taken.get(label)
    if (before !== undefined)
      throw new ScenarioError(
        `${where}: phases.${index}.as: "${label}" is phase ${before}'s label; give one of them another`,
      )
    taken.set(label, index)
  }
}

interface Gated {
  readonly phases: readonly Step[]
  readonly expect: readonly Gate[]
  readonly baseline?: unknown
  readonly scenario: Scenario
}

function checkGates(where: string, body: Gated): void {
  for (const [index, gate] of body.expect.entries()) checkGate(where, `expect.${index}`, { gate, ...body })
  for (const [at, phase] of body.phases.entries()) {
    if (phase.do !== 'check') continue
    const phases = body.phases.slice(0, at)
    for (const [index, gate] of phase.expect.entries())
      checkGate(where, `phases.${at}.expect.${index}`, { ...body, gate, phases })
  }
}

function checkGate(where: string, path: string, at: Gated & { readonly gate: Gate }): void {
  const { metric, min, max } = at.gate
  if (!isMetricOf(at.phases, metric)) {
    const known = metricsOf(at.phases).join(', ')
    throw new ScenarioError(`${where}: ${path}.metric: nothing before measures "${metric}"; there are: ${known}`)
  }
  for (const [side, limit] of Object.entries({ min, max })) {
    if (typeof limit !== 'object') continue
    if ('of' in limit && limit.of === 'baseline' && at.baseline === undefined)
      throw new ScenarioError(`${where}: ${path}.${side}.of: the scenario has no baseline`)
    if ('of' in limit && limit.of !== 'baseline' && !isMetricOf(at.phases, limit.of))
      throw new ScenarioError(`${where}: ${path}.${side}.of: must be "baseline" or a metric, not "${limit.of}"`)
    if ('by' in limit) checkTable(where, `${path}.${side}`, { ...limit, parameters: at.scenario.parameters })
  }
}

/** A limit under a name that never comes would never be judged. */
function checkTable(
  where: string,
  path: string,
  { by, values, parameters }: { readonly by: string; readonly values: object } & Pick<Scenario, 'parameters'>,
): void {
  if (by !== 'peers' && !Object.hasOwn(parameters, by))
    throw new ScenarioError(`${where}: ${path}.by: must be "peers" or a parameter, not "${by}"`)
  for (const key of Object.keys(values)) {
    if (by === 'peers' ? /^[1-9]\d*$/.test(key) : parameters[by]?.some((value) => String(value) === key)) continue
    const known = by === 'peers' ? 'a number of peers' : `one of ${parameters[by]?.join(', ')}`
    throw new ScenarioError(`${where}: ${path}.values: must name ${known}, not "${key}"`)
  }
}
