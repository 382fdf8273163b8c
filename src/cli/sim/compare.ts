/** `musubi sim compare`: two results side by side, in the terminal or as a page in which their curves overlay. */

import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { Command } from 'commander'
import { changeText, comparisonHtml, compareResults, figure, parametersText } from '../../sim/index.ts'
import { readResult } from './library.ts'
import { textTable } from './table.ts'

export const compareCommand = new Command('compare')
  .description('compare two results of musubi sim run --json')
  .argument('<before>', 'a JSON result')
  .argument('<after>', 'another one')
  .option('--html <path>', 'write a report that overlays both')
  .action(compare)

async function compare(first: string, second: string, { html }: { readonly html?: string }): Promise<void> {
  const [before, after] = [await readResult(first), await readResult(second)]
  const names = namesOf(first, second)
  for (const { scenario, parameters, changes } of compareResults(before, after)) {
    const rows = changes.map((change) => [
      change.metric,
      figure(change.metric, change.before),
      figure(change.metric, change.after),
      changeText(change),
    ])
    const chosen = parametersText(parameters)
    process.stdout.write(`${scenario}${chosen === '' ? '' : ` (${chosen})`}\n`)
    process.stdout.write(`${textTable([['metric', ...names, 'change'], ...rows])}\n`)
  }
  if (html !== undefined) await writeFile(html, comparisonHtml(before, after, names))
}

/** File names, told apart by their paths if they are the same. */
function namesOf(first: string, second: string): [string, string] {
  const names: [string, string] = [basename(first, '.json'), basename(second, '.json')]
  return names[0] === names[1] ? [first, second] : names
}
