/** Issue 4's table (`experiment-table.ts`); a file of its own, so that both cores are busy. */

import { runExperiments } from './experiment.ts'
import { BROADCASTS } from './experiment-table.ts'

runExperiments(BROADCASTS)
