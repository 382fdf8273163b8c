/**
 * One suite, two drivers (issue 3): the scenario `first`, played by the simulator and by 24 real peers in three
 * processes. Both must meet its gates; their figures are printed side by side, so that the model shows where it flatters.
 */

import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { figure, loadScenario, planOf, type RunResult, runPlan, runScenario } from '../../src/sim/index.ts'
import { RealWorld } from './world.ts'

const FIRST = new URL('../../src/sim/scenarios/first.json', import.meta.url)

async function playForReal(plan: ReturnType<typeof planOf>): Promise<RunResult> {
  const { linksMax } = plan.options
  const options = { network: 'suite', linksMax, rtcConfig: { iceServers: [] } }
  const world = new RealWorld(options, { hosts: 3, seed: plan.seed })
  try {
    return await runPlan(plan, world)
  } finally {
    await world.close()
  }
}

const missed = ({ gates, error }: RunResult) => ({ error, gates: gates.filter((gate) => !gate.isMet) })

it('the same scenario holds in the simulator and among real peers', async () => {
  const scenario = loadScenario(JSON.parse(await readFile(FIRST, 'utf8')))
  const simulated = await runScenario(scenario)
  const real = await playForReal(planOf(scenario))
  const names = [...new Set([...Object.keys(simulated.metrics), ...Object.keys(real.metrics)])]
  const rows = names.map((name) => {
    const [left, right] = [simulated, real].map(({ metrics }) => figure(name, metrics[name] ?? null))
    return `${name.padEnd(46)}${left!.padStart(12)}${right!.padStart(12)}`
  })
  console.log([`${''.padEnd(46)}${'simulator'.padStart(12)}${'webrtc'.padStart(12)}`, ...rows].join('\n'))
  expect(missed(simulated)).toEqual({ error: null, gates: [] })
  expect(missed(real)).toEqual({ error: null, gates: [] })
})
