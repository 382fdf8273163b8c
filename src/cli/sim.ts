/** `musubi sim`: the simulator in the terminal. One file a subcommand, in `sim/`. */

import { Command } from 'commander'
import { compareCommand } from './sim/compare.ts'
import { listCommand, showCommand } from './sim/list.ts'
import { replayCommand } from './sim/replay.ts'
import { runCommand } from './sim/run.ts'

export const simCommand = new Command('sim')
  .description('run the protocol in a deterministic simulator: scenarios, reports, replays')
  .addCommand(listCommand)
  .addCommand(showCommand)
  .addCommand(runCommand)
  .addCommand(compareCommand)
  .addCommand(replayCommand)
