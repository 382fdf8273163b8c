/** What CI concludes from a run, and that it runs what the README tells a newcomer to run. */

import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { summarize } from '../.ci/summary.mjs'

const PARTS = ['sim', 'net', 'bootstrap', 'cli', 'browser']

interface Outcome {
  readonly status: string
  readonly fullName: string
}

const file = (part: string, outcomes: readonly Outcome[], status = 'passed') => ({
  name: `/project/test/${part}/some.test.ts`,
  status,
  assertionResults: outcomes,
})

const passed: Outcome = { status: 'passed', fullName: 'holds' }
const everyPart = PARTS.map((part) => file(part, [passed]))

describe('the closing line of CI', () => {
  it('counts what the runner reports', () => {
    const report = { success: true, testResults: [...everyPart, file('core', [passed, passed])] }
    expect(summarize(report)).toEqual({ passed: 7, failed: 0, skipped: 0, problems: [] })
  })

  it('counts failures, and files that failed as a whole', () => {
    const failed = file('core', [{ status: 'failed', fullName: 'breaks' }, passed], 'failed')
    const unloadable = file('wire', [], 'failed')
    const { problems, ...counts } = summarize({ success: false, testResults: [...everyPart, failed, unloadable] })
    expect(counts).toEqual({ passed: 6, failed: 2, skipped: 0 })
    expect(problems).toHaveLength(2)
  })

  it.each(['browser', 'net', 'cli', 'core'])('lets no test be skipped under test/%s', (part) => {
    const skipped = file(part, [{ status: 'skipped', fullName: 'has no browser' }])
    const { problems, ...counts } = summarize({ success: true, testResults: [...everyPart, skipped] })
    expect(counts).toEqual({ passed: 5, failed: 0, skipped: 1 })
    expect(problems).toEqual([expect.stringContaining('has no browser')])
  })

  it('lets a test be skipped in Chromium that has passed in Node', () => {
    const inNode = file('net', [{ status: 'passed', fullName: 'uses node:crypto' }])
    const inChromium = file('net', [{ status: 'skipped', fullName: 'uses node:crypto' }])
    const { problems, skipped } = summarize({ success: true, testResults: [...everyPart, inNode, inChromium] })
    expect({ problems, skipped }).toEqual({ problems: [], skipped: 1 })
  })

  it('lets the long sizes of the simulator be skipped', () => {
    const long = file('sim', [{ status: 'pending', fullName: '100,000 peers' }])
    expect(summarize({ success: true, testResults: [...everyPart, long] }).problems).toEqual([])
  })

  it.each(PARTS)('misses test/%s if nothing there has run', (part) => {
    const testResults = everyPart.filter(({ name }) => !name.includes(`/test/${part}/`))
    expect(summarize({ success: true, testResults }).problems).toEqual([`nothing under test/${part} has passed`])
  })

  it('passes on errors that belong to no test', () => {
    expect(summarize({ success: false, testResults: everyPart }).problems).toHaveLength(1)
  })
})

describe('the commands of CI', () => {
  const read = (path: string): Promise<string> => readFile(new URL(`../${path}`, import.meta.url), 'utf8')

  it("are the README's own: set up, then test", async () => {
    const lines = (await read('.ci/run')).split('\n').map((line) => line.replace(/^timeout \d+ /, ''))
    const commands = lines.filter((line) => line.startsWith('npm '))
    expect(commands.map((line) => line.replace(/ \|\|.*/, ''))).toEqual(['npm ci', 'npm test'])
    expect(await read('README.md')).toContain('npm ci && npm test')
  })
})
