/** `musubi bootstrap` as a process: what it says, serves and refuses, and how it ends. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { afterEach, describe, expect, it } from 'vitest'
import { TerminalPrograms } from './terminal.ts'

const programs = new TerminalPrograms()
afterEach(() => programs.killAll())

async function start(args: readonly string[] = []) {
  const program = programs.musubi(['bootstrap', '--host', '127.0.0.1', '--port', '0', ...args])
  const [, url, port] = await program.sees(/musubi bootstrap on (ws:\/\/127\.0\.0\.1:(\d+)\S*)/)
  return { program, url: url!, base: `http://127.0.0.1:${port}` }
}

/** Resolves with 'open', or the status with which the server declined. */
function handshake(url: string, headers: Readonly<Record<string, string>>): Promise<'open' | number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers })
    socket.once('open', () => (socket.terminate(), resolve('open')))
    socket.once('unexpected-response', (_, response) => (socket.terminate(), resolve(response.statusCode ?? 0)))
    socket.once('error', reject)
  })
}

describe('musubi bootstrap', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('says where it is, is healthy, and ends politely on %s', async (signal) => {
    const { program, base } = await start()
    const response = await fetch(`${base}/healthz`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ status: 'ok' })
    expect(await program.kill(signal)).toBe(0)
    await expect(fetch(`${base}/healthz`)).rejects.toThrow()
    // Logs are JSON lines on standard output.
    const logs = program.output.split('\n').filter((line) => line.startsWith('{'))
    expect(logs.map((line) => (JSON.parse(line) as { msg: string }).msg)).toContain('bootstrap listens')
  })

  it('logs nothing if asked to be silent', async () => {
    const { program } = await start(['--log-level', 'silent'])
    await program.kill('SIGTERM')
    expect(program.output).not.toContain('{')
  })

  it('serves a folder at / if told to, and nothing if not', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'musubi-page-'))
    try {
      await writeFile(join(folder, 'index.html'), '<title>a page of ours</title>')
      const withPage = await start(['--page', folder])
      expect(await (await fetch(withPage.base)).text()).toContain('a page of ours')
      const without = await start()
      expect((await fetch(without.base)).status).toBe(426)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('lets pages of the named origins in, and programs', async () => {
    const { url } = await start(['--origin', 'https://one.example', '--origin', 'https://two.example'])
    expect(await handshake(url, { Origin: 'https://one.example' })).toBe('open')
    expect(await handshake(url, { Origin: 'https://two.example' })).toBe('open')
    expect(await handshake(url, { Origin: 'https://three.example' })).toBe(403)
    expect(await handshake(url, {})).toBe('open')
  })

  it('holds to the bounds that it was given', async () => {
    const { url } = await start(['--max-connections', '1', '--hello-timeout-ms', '60000'])
    const first = new WebSocket(url)
    await new Promise((resolve) => first.once('open', resolve))
    const firstClosed = new Promise((resolve) => first.once('close', resolve))
    // Neither has said hello, so the newer one takes the older one's place.
    const second = new WebSocket(url)
    await Promise.race([firstClosed, new Promise((resolve) => second.once('unexpected-response', resolve))])
    second.on('error', () => {})
    second.terminate()
    first.terminate()
  })
})
