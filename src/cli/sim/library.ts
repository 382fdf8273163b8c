/** Scenarios by name or by path: those that come with the package are JSON files beside the simulator. */

import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadScenario, type ResultFile, RESULT_FORMAT, type RunResult, type Scenario } from '../../sim/index.ts'

const FOLDER = new URL('../../sim/scenarios/', import.meta.url)

/** Names of the scenarios that come with the package. */
export async function scenarioNames(): Promise<string[]> {
  const files = await readdir(FOLDER)
  return files
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .toSorted()
}

/** `what`: a name from `scenarioNames`, or the path of a JSON file. Throws an error made for whoever typed it. */
export async function readScenario(what: string): Promise<Scenario> {
  return loadScenario(await readScenarioDocument(what))
}

export async function readScenarioDocument(what: string): Promise<unknown> {
  const isPath = /[./\\]/.test(what)
  if (!isPath && !(await scenarioNames()).includes(what))
    throw new Error(`There is no scenario "${what}": musubi sim list shows those there are; a file needs its path.`)
  return readJson(isPath ? what : fileURLToPath(new URL(`${what}.json`, FOLDER)))
}

/** What `musubi sim run --json` wrote. */
export async function readResult(path: string): Promise<ResultFile> {
  const document = await readJson(path)
  if (!isResult(document)) throw new Error(`${path} is no result of musubi sim (${RESULT_FORMAT})`)
  return expectRuns(document, path)
}

/** Either, told apart by what is in it. */
export async function readScenarioOrResult(what: string): Promise<Scenario | ResultFile> {
  const document = await readScenarioDocument(what)
  return isResult(document) ? expectRuns(document, what) : loadScenario(document)
}

const isResult = (document: unknown): document is ResultFile =>
  (document as Partial<ResultFile> | null)?.format === RESULT_FORMAT

function expectRuns(result: ResultFile, path: string): ResultFile {
  if (Array.isArray(result.runs) && result.runs.length > 0 && result.runs.every(isWhole)) return result
  throw new Error(`${path}: its runs are missing or damaged`)
}

/** Has it what replays, comparisons and reports read? */
function isWhole(run: Partial<RunResult> | null): boolean {
  const { parameters, options, gates, metrics, series, histograms, violations, cost } = run ?? {}
  const parts = [parameters, options, gates, metrics, series, histograms, violations, cost]
  return parts.every((part) => typeof part === 'object' && part !== null)
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error(`There is no file ${path}.`) : error
  })
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}`, { cause: error })
  }
}
