/** The examples, and the one in README.md, run as they stand in the repository, against the package as it is built. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import type { Rollup } from 'vite'
import { afterEach, describe, expect, it } from 'vitest'
import { TerminalPrograms } from '../cli/terminal.ts'

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))

/** The program under "Use it", for another bootstrap. */
async function readmeProgram(bootstrap: string): Promise<string> {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, code] = /```js\n(import \{ createMesh .*?)```/s.exec(readme)!
  const directory = new URL('../output/', import.meta.url)
  await mkdir(directory, { recursive: true })
  const path = fileURLToPath(new URL('readme.mjs', directory))
  await writeFile(path, code!.replace('ws://localhost:8080', bootstrap))
  return path
}

const programs = new TerminalPrograms()
afterEach(() => programs.killAll())

describe('the examples', () => {
  it('use what README shows first: two that meet say hello in every way', async () => {
    const bootstrap = programs.musubi(['bootstrap', '--host', '127.0.0.1', '--port', '0'])
    const [url] = await bootstrap.sees(/ws:\/\/127\.0\.0\.1:\d+/)
    const path = await readmeProgram(url)
    const ada = programs.node([path])
    await ada.sees(/I am (\w{52})/)
    const bob = programs.node([path])
    const [, bobId] = await bob.sees(/I am (\w{52})/)
    await ada.sees(new RegExp(`broadcast ${bobId} hello, everybody`))
    await ada.sees(new RegExp(`\n${bobId} hello, room`))
    await ada.sees(new RegExp(`unicast ${bobId} hello, you`))
    await bob.sees(/hops: 1, path: 'direct'/)
    await ada.sees(new RegExp(`\n${bobId} hello, directly`))
  })

  it('chat between two terminals', async () => {
    const bootstrap = programs.musubi(['bootstrap', '--host', '127.0.0.1', '--port', '0'])
    const [url] = await bootstrap.sees(/ws:\/\/127\.0\.0\.1:\d+/)
    const ada = programs.node([example('node-chat.mjs'), url])
    const [, adaName] = await ada.sees(/joined as (\w{8})/)
    const bob = programs.node([example('node-chat.mjs'), url])
    await bob.sees(new RegExp(`\\(${adaName} is up\\)`))
    await bob.sees(/joined as/)
    ada.type('hello from the example')
    await bob.sees(new RegExp(`${adaName}: hello from the example`))
    for (const program of [ada, bob]) {
      program.endInput()
      expect(await program.exit).toBe(0)
    }
  })

  it('dial directly when the bootstrap has gone', async () => {
    const program = programs.node([example('direct-call.mjs')])
    expect(await program.exit).toBe(0)
    expect(program.output).toMatch(
      /the bootstrap is gone\nbob: a call from \w{8} about chess\nada: bob answers: you said "e4"\n/,
    )
  })

  it('run a bootstrap for members only', async () => {
    const server = programs.node([example('run-a-bootstrap.mjs')], { PORT: '0' })
    const [, url] = await server.sees(/bootstrap on (ws:\S+)/)
    const [, token] = await server.sees(/good for an hour: (\S+)/)
    const stranger = programs.musubi(['join', '--network', 'members', '--timeout', '5', url!])
    expect(await stranger.exit).toBe(1)
    const member = programs.musubi(['join', '--network', 'members', '--token', token!, url!])
    await member.sees(/\* joined "members"/)
    expect(await server.kill('SIGTERM')).toBe(0)
  })

  it('build a page with an ordinary bundler', async () => {
    const options = {
      root: example('browser'),
      configFile: false,
      logLevel: 'silent',
      build: { write: false, target: 'es2022' },
    }
    const result = (await build(options as Parameters<typeof build>[0])) as Rollup.RollupOutput
    const scripts = result.output.filter((part) => part.type === 'chunk')
    expect(scripts.some(({ code }) => code.includes('browser-example'))).toBe(true)
    for (const { code } of scripts) expect(code).not.toContain('__vite-browser-external')
  })
})
