/** `musubi sim` as a person runs it: a process, its output, its files, its exit code. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ResultFile } from '../../src/sim/index.ts'
import { TerminalPrograms } from './terminal.ts'

const programs = new TerminalPrograms()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'musubi-sim-'))
  await writeFile(path('own.json'), JSON.stringify(own))
})
afterAll(async () => {
  await programs.killAll()
  await rm(folder, { recursive: true, force: true })
})

/** Runs to its end. */
async function sim(...args: string[]): Promise<{ output: string; code: number | string }> {
  const program = programs.musubi(['sim', ...args])
  const code = await program.exit
  return { output: program.output, code }
}

const path = (name: string): string => join(folder, name)
const readResult = async (name: string): Promise<ResultFile> => JSON.parse(await readFile(path(name), 'utf8'))

const own = {
  name: 'own',
  description: 'A scenario of the user’s own.',
  source: 'this test',
  defaults: { peers: 6 },
  parameters: { share: [0, 0.5] },
  phases: [
    { do: 'join', share: 1, withinMs: 100 },
    { do: 'settle', limitMs: 30_000 },
    { do: 'crash', share: '$share', isNoticed: true },
    { do: 'run', forMs: 10_000 },
    { do: 'sample' },
  ],
  expect: [{ metric: 'sample.peers', min: { by: 'share', values: { 0: 6, 0.5: 3 } } }],
}

describe('musubi sim', () => {
  it('lists scenarios, and prints one as the start of another', async () => {
    const list = await sim('list')
    expect(list.code).toBe(0)
    for (const name of ['joins', 'crash', 'churn', 'two-meshes'])
      expect(list.output).toMatch(new RegExp(`^${name}$`, 'm'))
    const { output } = await sim('show', 'first')
    expect(JSON.parse(output)).toMatchObject({ name: 'first', phases: expect.any(Array) as unknown })
  })

  it('runs a scenario with two seeds, writes both files, and replays the same trace', async () => {
    const run = await sim(
      'run',
      path('own.json'),
      '--peers',
      '12',
      '--seed',
      '5',
      '--runs',
      '2',
      '--json',
      path('a.json'),
      '--html',
      path('a.html'),
    )
    expect(run.output).toContain('own (share=0), 12 peers, seed 5')
    expect(run.output).toContain('own (share=0), 12 peers, seed 6')
    const { runs } = await readResult('a.json')
    expect(runs.map(({ seed, peers, hasPassed }) => [seed, peers, hasPassed])).toEqual([
      [5, 12, true],
      [6, 12, true],
    ])
    expect(run.code).toBe(0)
    expect(await readFile(path('a.html'), 'utf8')).toContain('<svg')
    const replay = await sim('replay', path('a.json'), '--run', '1', '--node', '3', '--kinds', 'linkUp,unicast')
    expect(replay.output).toContain(`the same trace as recorded: ${runs[1]?.trace?.digest}`)
    expect(replay.output).toMatch(/^ +\d+ ms {2}node 3 {2}linkUp/m)
    expect(replay.output).not.toMatch(/node [^3]\d* |heartbeat/)
    const walked = await sim('replay', path('a.json'), '--until', '300', '--node', '2', '--inspect')
    expect(walked.output).toContain('"sizeEstimate"')
    expect(walked.code).toBe(0)
  })

  it("runs a user's own file with every variant, or the one that --set chooses", async () => {
    const all = await sim('run', path('own.json'), '--variants', '--json', path('b.json'), '-q')
    expect(all).toEqual({ output: '', code: 0 })
    expect((await readResult('b.json')).runs.map((run) => run.parameters)).toEqual([{ share: 0 }, { share: 0.5 }])
    const one = await sim(
      'run',
      path('own.json'),
      '--set',
      'share=0.5',
      '--set',
      'latency.kind=constant',
      '--set',
      'latency.ms=3',
    )
    expect(one.output).toContain('passed  own (share=0.5), 6 peers')
    expect(one.code).toBe(0)
  })

  it('says how to see a run again that broke an invariant, and shows what led to it', async () => {
    const crashed = { ...own, phases: own.phases.map((phase) => ({ ...phase, isNoticed: undefined })) }
    await writeFile(path('silent.json'), JSON.stringify(crashed))
    const silent = await sim(
      'run',
      path('silent.json'),
      '--set',
      'share=0.5',
      '--set',
      'detectionMs=1',
      '--seed',
      '3',
      '--json',
      path('d.json'),
    )
    expect(silent.code).toBe(1)
    expect(silent.output).toMatch(/seed 3: symmetry at \d+ ms/)
    expect(silent.output).toContain('"detectionMs":1')
    const [, command] = /to see it again: musubi sim (.+)/.exec(silent.output)!
    const replay = await sim(...command!.split(' '))
    expect(replay.output).toMatch(/VIOLATION symmetry/)
    expect(replay.output).toContain('the same trace as recorded')
  })

  it.each([
    [['--set', '__proto__.x=1'], 'It must look like key=value'],
    [['--set', 'constructor=1'], 'constructor: there is no such option'],
    [['--set', 'nat=1', '--set', 'nat.symmetricShare=1'], '--set nat: it is set to 1 already'],
    [['--seed', '4294967295', '--runs', '2'], '--runs: seeds end at 4294967295'],
    [['--json', '/nowhere/a.json'], '/nowhere/a.json cannot be written: ENOENT'],
    [['--html', '.'], '. cannot be written: EISDIR'],
  ])('refuses %j before anything runs', async (options, message) => {
    const { output, code } = await sim('run', path('own.json'), ...options)
    expect(output).toContain(message)
    expect(output).not.toMatch(/passed|MISSED|simulated/)
    expect(code).not.toBe(0)
  })

  it('takes a result for what is in it, and says what is wrong with it', async () => {
    await sim('run', path('own.json'), '--json', path('kept.result'), '-q')
    expect((await sim('replay', path('kept.result'), '--run', '0')).output).toContain('the same trace as recorded')
    expect((await sim('replay', path('kept.result'), '--seed', '9')).output).toContain('is a result: --run says which')
    await writeFile(path('cut.json'), JSON.stringify({ format: 'musubi-sim/1', runs: [{ seed: 1 }] }))
    for (const command of [
      ['replay', path('cut.json')],
      ['compare', path('cut.json'), path('kept.result')],
    ])
      expect(await sim(...command)).toEqual({
        output: expect.stringContaining('cut.json: its runs are missing or damaged'),
        code: 1,
      })
  })

  it('compares two results in the terminal and as a page', async () => {
    await sim(
      'run',
      path('own.json'),
      '--peers',
      '12',
      '--seed',
      '5',
      '--set',
      'linksMax=6',
      '--json',
      path('e.json'),
      '-q',
    )
    const { output, code } = await sim('compare', path('a.json'), path('e.json'), '--html', path('f.html'))
    expect(code).toBe(0)
    expect(output).toMatch(/metric +a +e +change/)
    expect(output).toMatch(/linksOpenedPerPeer +[\d.]+ +[\d.]+ +[−+=]/)
    expect(await readFile(path('f.html'), 'utf8')).toContain('class="curve c2"')
  })

  it.each([
    [['run', 'nowhere'], 1, 'There is no scenario "nowhere"'],
    [['run', './nowhere.json'], 1, 'There is no file ./nowhere.json'],
    [['run', 'first', '--set', 'linksMx=3'], 1, 'linksMx: there is no such option'],
    [['run', 'first', '--set', 'linksMax'], 2, 'key=value'],
    [['run', 'first', '--peers', 'many'], 2, 'whole number'],
    [['compare', 'package.json', 'package.json'], 1, 'is no result of musubi sim'],
    [['replay', 'first', '--kinds', '!'], 2, 'list of kinds'],
  ])('%j ends with %i and "%s"', async (args, code, text) => {
    const result = await sim(...args)
    expect(result.output).toContain(text)
    expect(result.code).toBe(code)
  })
})
