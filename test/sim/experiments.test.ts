/** Issue 3's table (`experiment-table.ts`). */

import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FOLDER, runExperiments } from './experiment.ts'
import { BROADCASTS, OVERLAY } from './experiment-table.ts'

test('every scenario that comes with the package is an experiment here', () => {
  const files = readdirSync(FOLDER).map((file) => file.replace('.json', ''))
  expect(files.toSorted()).toEqual(Object.keys({ ...OVERLAY, ...BROADCASTS }).toSorted())
})

runExperiments(OVERLAY)
