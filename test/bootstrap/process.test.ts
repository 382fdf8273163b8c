/** A bootstrap as a process of its own: it logs, and ends politely when asked to. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { visit } from './support.ts'

const MAIN = new URL('../../dist/bootstrap/main.js', import.meta.url).href
const SCRIPT = `
  import { runBootstrap } from ${JSON.stringify(MAIN)}
  await runBootstrap({ host: '127.0.0.1', logLevel: 'debug' })
`

test.each(['SIGTERM', 'SIGINT'] as const)('%s: goodbye to all, then the end, with exit code 0', async (signal) => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const lines: Record<string, unknown>[] = []
  const lineOf = (message: string) =>
    new Promise<Record<string, unknown>>((resolve) => {
      reader.on('line', () => {
        const line = lines.find((one) => one['msg'] === message)
        if (line !== undefined) resolve(line)
      })
    })
  const reader = createInterface(child.stdout)
  reader.on('line', (text) => lines.push(JSON.parse(text) as Record<string, unknown>))
  const { url } = await lineOf('bootstrap listens')
  const visitor = await visit(String(url))
  child.kill(signal)
  expect(await visitor.next('goodbye')).toEqual({ kind: 'goodbye', reason: 'server stops' })
  const [code] = await exited
  expect(code).toBe(0)
  expect(lines.map((line) => line['msg'])).toEqual(['bootstrap listens', 'visitor', 'bootstrap stops', 'visitor gone'])
  expect(lines.find((line) => line['msg'] === 'visitor')).toMatchObject({
    peer: visitor.id,
    purpose: 'join',
    address: '127.0.0.1',
  })
})
