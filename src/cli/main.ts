#!/usr/bin/env node
/**
 * The `musubi` command. One file a subcommand; this one puts them together and decides how the process ends: 0 when all
 * went well or somebody asked it to stop, 1 when something failed (one line on standard error), 2 when it was called
 * wrongly.
 */

import { createRequire } from 'node:module'
import { Command, CommanderError } from 'commander'
import { MeshError } from '../errors.ts'
import { bootstrapCommand } from './bootstrap.ts'
import { joinCommand } from './join.ts'
import { residentsCommand } from './residents.ts'
import { simCommand } from './sim.ts'
import { tokenCommand } from './token.ts'

const FAILED = 1
const USAGE = 2

const { version, description } = createRequire(import.meta.url)('musubi/package.json') as {
  readonly version: string
  readonly description: string
}

const program = new Command('musubi')
  .description(description)
  .version(version)
  .addCommand(bootstrapCommand)
  .addCommand(joinCommand)
  .addCommand(tokenCommand)
  .addCommand(simCommand)
  .addCommand(residentsCommand, { hidden: true })

for (const command of [program, ...program.commands, ...simCommand.commands]) {
  command.exitOverride().showHelpAfterError('(--help lists what there is)')
}

// `musubi sim list | head`: whoever reads has had enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

try {
  await program.parseAsync()
  // Native WebRTC keeps threads that would hold the process open.
  process.exit(0)
} catch (error) {
  process.exit(exitCode(error))
}

function exitCode(error: unknown): number {
  // commander has printed its own message; help and version come this way too, with code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE
  const isMisuse = error instanceof MeshError && error.code === 'ERR_OPTION'
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`musubi: ${process.env['MUSUBI_DEBUG'] ? ((error as Error).stack ?? message) : message}\n`)
  return isMisuse ? USAGE : FAILED
}
