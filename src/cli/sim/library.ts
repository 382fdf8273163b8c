/** Scenarios by name or by path: those that come with the package are JSON files beside the simulator. */

import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadScenario, type ResultFile, RESULT_FORMAT, type Scenario } from '../../sim/index.ts'

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
  const result = (await readJson(path)) as Partial<ResultFile> | null
  if (result?.format !== RESULT_FORMAT) throw new Error(`${path} is no result of musubi sim (${RESULT_FORMAT})`)
  return result as ResultFile
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
