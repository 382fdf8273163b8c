/** `musubi sim list` and `musubi sim show`: what there is to run, and the document behind a name, to begin one's own. */

import { Command } from 'commander'
import { readScenario, readScenarioDocument, scenarioNames } from './library.ts'

export const listCommand = new Command('list').description('show the scenarios that come with musubi').action(list)

export const showCommand = new Command('show')
  .description('print a scenario as JSON: the start of a scenario of your own')
  .argument('<scenario>', 'its name')
  .action(show)

async function list(): Promise<void> {
  for (const name of await scenarioNames()) {
    const { description, peers, parameters } = await readScenario(name)
    const choices = Object.entries(parameters).map(([key, values]) => `${key} = ${values.join(' | ')}`)
    const about = [`${peers.toLocaleString('en')} peers`, ...choices].join(', ')
    process.stdout.write(`${name}\n    ${description}\n    ${about}\n`)
  }
}

async function show(scenario: string): Promise<void> {
  process.stdout.write(`${JSON.stringify(await readScenarioDocument(scenario), null, 2)}\n`)
}
