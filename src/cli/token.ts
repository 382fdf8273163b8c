/**
 * `musubi token`: an admission token for a bootstrap that runs with the same `--token-secret`. The token goes to
 * standard output alone, so that a script can take it from there.
 */

import { Command, InvalidArgumentError, Option } from 'commander'
import { createToken } from '../../bootstrap/token.ts'
import { SECRET_VARIABLE, wholeNumber } from './arguments.ts'

const HOUR_MS = 3_600_000

interface TokenOptions {
  readonly tokenSecret: string
  readonly network: string
  readonly peer?: string
  readonly hours: number
}

export const tokenCommand = new Command('token')
  .description('make an admission token for a bootstrap with --token-secret')
  .addOption(
    new Option('--token-secret <text>', 'the secret of the bootstrap').env(SECRET_VARIABLE).makeOptionMandatory(),
  )
  .option('-n, --network <name>', 'the network it admits to', 'default')
  .option('--peer <id>', 'the only peer it admits, by its whole id (default: whoever holds it)', wholeId)
  .option('--hours <number>', 'how long it holds', wholeNumber(1, 1_000_000), 24)
  .action(makeToken)

function wholeId(text: string): string {
  if (/^[a-z2-7]{52}$/.test(text)) return text
  throw new InvalidArgumentError('It must be a whole id, 52 characters.')
}

function makeToken({ tokenSecret, network, peer, hours }: TokenOptions): void {
  const grant = { network, expires: Date.now() + hours * HOUR_MS, ...(peer !== undefined && { peer }) }
  process.stdout.write(`${createToken(tokenSecret, grant)}\n`)
}
