/**
 * `musubi bootstrap` and `musubi join` as child processes: real sockets, real WebRTC, nothing of ours in this process.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { TerminalPrograms } from './terminal.ts'
import type { TerminalProgram } from './terminal.ts'

const programs = new TerminalPrograms()
afterEach(() => programs.killAll())

interface Server {
  readonly url: string
  readonly program: TerminalProgram
}

async function startBootstrap(args: readonly string[] = [], env?: Record<string, string>): Promise<Server> {
  const program = programs.musubi(['bootstrap', '--host', '127.0.0.1', '--port', '0', ...args], env)
  const [url] = await program.sees(/wss?:\/\/127\.0\.0\.1:\d+/)
  return { url, program }
}

/** A joined peer and its id. */
async function joinMesh(args: readonly string[], env?: Record<string, string>) {
  const program = programs.musubi(['join', ...args], env)
  const [, id] = await program.sees(/\* you are ([a-z2-7]{52})/)
  await program.sees(/\* joined/)
  return { program, id: id! }
}

describe('two people in their terminals', () => {
  it('chat through the mesh, and go on when the bootstrap has been killed', async () => {
    const bootstrap = await startBootstrap()
    const ada = await joinMesh([bootstrap.url])
    const bob = await joinMesh([bootstrap.url])
    const adaName = ada.id.slice(0, 8)
    await bob.program.sees(new RegExp(`link with ${adaName}, offer via bootstrap`))

    ada.program.type('hello, everybody')
    await bob.program.sees(new RegExp(`<${adaName}> hello, everybody`))
    bob.program.type(`/send ${ada.id.slice(0, 5)} only for you`)
    await ada.program.sees(new RegExp(`<${bob.id.slice(0, 8)} → you> only for you`))
    await bob.program.sees(new RegExp(`${adaName} has it: 1 hop, \\d+ ms`))

    await bootstrap.program.kill('SIGKILL')
    ada.program.type('still here?')
    await bob.program.sees(/still here\?/)
    bob.program.type(`/send ${ada.id.slice(0, 5)} yes`)
    await ada.program.sees(/→ you> yes/)

    ada.program.type('/quit')
    expect(await ada.program.exit).toBe(0)
    await bob.program.sees(new RegExp(`link with ${adaName} is gone`))
    bob.program.endInput()
    expect(await bob.program.exit).toBe(0)
  })

  it('open a direct connection, talk over it and hang up', async () => {
    const bootstrap = await startBootstrap()
    const ada = await joinMesh([bootstrap.url])
    const bob = await joinMesh([bootstrap.url])
    await bob.program.sees(/link with/)
    bob.program.type(`/dial ${ada.id.slice(0, 6)}`)
    await bob.program.sees(/direct connection with \w+ in \d+ ms/)
    await ada.program.sees(/direct connection from/)
    bob.program.type(`/direct ${ada.id.slice(0, 6)} psst`)
    await ada.program.sees(/ direct> psst/)
    ada.program.type(`/hangup ${bob.id}`)
    await bob.program.sees(/direct connection with \w+ is closed/)
  })

  it('see their links and everything else on demand', async () => {
    const bootstrap = await startBootstrap()
    const ada = await joinMesh([bootstrap.url])
    const bob = await joinMesh([bootstrap.url])
    await bob.program.sees(/link with/)
    bob.program.type('/peers')
    await bob.program.sees(new RegExp(`\\* 1 link\\n {2}${ada.id} {2}webrtc`))
    bob.program.type('/inspect')
    await bob.program.sees(new RegExp(`"id": "${bob.id}"`))
    bob.program.type('/id')
    await bob.program.sees(new RegExp(`joined[^]*\\* you are ${bob.id}`))
    bob.program.type('/help')
    await bob.program.sees(/\/send <id> <text>/)
  })

  it('are told what was wrong, and stay', async () => {
    const bootstrap = await startBootstrap()
    const { program } = await joinMesh([bootstrap.url])
    program.type('/sned abc hello')
    await program.sees(/! There is no command \/sned/)
    program.type('/send abc')
    await program.sees(/! It is \/send <id> <text>/)
    program.type('/send zzz hello')
    await program.sees(/! No known peer's id begins with "zzz"/)
    program.type('/direct zzz hello')
    program.type('/constructor')
    await program.sees(/! There is no command \/constructor/)
    program.type('/quit')
    expect(await program.exit).toBe(0)
  })

  it('may be scripts: lines are done one after the other, then it ends', async () => {
    const bootstrap = await startBootstrap()
    const ada = await joinMesh([bootstrap.url])
    const script = programs.musubi(['join', bootstrap.url])
    script.type('from a script')
    script.type(`/send ${ada.id} and only for you`)
    script.endInput()
    expect(await script.exit).toBe(0)
    await ada.program.sees(/from a script/)
    await ada.program.sees(/→ you> and only for you/)
  })
})

describe('a peer that listens', () => {
  it('is the first of a mesh, lets others in, and stays without input until it is told to stop', async () => {
    const first = programs.musubi(['join', '--listen', '0'])
    const [, url] = await first.sees(/musubi join (ws:\/\/127\.0\.0\.1:\d+\S*)/)
    await first.sees(/\* joined/)
    first.endInput()
    const second = await joinMesh([url!])
    const third = await joinMesh([url!])
    third.program.type('found you')
    await second.program.sees(/found you/)
    await first.sees(/found you/)
    expect(await first.kill('SIGTERM')).toBe(0)
  })

  it('lets in whoever has a token, where it was given the secret', async () => {
    const secret = { MUSUBI_TOKEN_SECRET: 'a secret of twenty-six chars' }
    const first = programs.musubi(['join', '--listen', '0'], secret)
    const [, url] = await first.sees(/musubi join (ws:\/\/127\.0\.0\.1:\d+\S*)/)
    const stranger = programs.musubi(['join', '--timeout', '3', url!])
    expect(await stranger.exit).toBe(1)
    expect(stranger.output).toContain('denied: token')

    const made = programs.musubi(['token'], secret)
    expect(await made.exit).toBe(0)
    await joinMesh([url!], { MUSUBI_TOKEN: made.output.trim() })
  })
})

describe('who one is and whom one meets', () => {
  it('keeps an id in a seed file, and beside it whom to come back to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'musubi-cli-'))
    try {
      const path = join(folder, 'seed')
      const bootstrap = await startBootstrap()
      const friend = await joinMesh([bootstrap.url])
      const before = await joinMesh(['--seed-file', path, bootstrap.url])
      expect(await before.program.kill('SIGINT')).toBe(0)
      expect((await readFile(path, 'utf8')).trim()).toMatch(/^[0-9a-f]{64}$/)
      expect(await readFile(`${path}.anchors`, 'utf8')).toBe(`${friend.id}\n`)
      const after = await joinMesh(['--seed-file', path, bootstrap.url])
      expect(after.id).toBe(before.id)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('keeps networks apart', async () => {
    const bootstrap = await startBootstrap()
    const red = await joinMesh(['--network', 'red', bootstrap.url])
    const blue = await joinMesh(['--network', 'blue', bootstrap.url])
    const redToo = await joinMesh(['--network', 'red', bootstrap.url])
    await redToo.program.sees(/link with/)
    redToo.program.type('only red')
    await red.program.sees(/only red/)
    expect(blue.program.output).not.toContain('link with')
    expect(blue.program.output).not.toContain('only red')
  })

  it('needs a token where the bootstrap asks for one', async () => {
    const secret = { MUSUBI_TOKEN_SECRET: 'a secret of twenty-six chars' }
    const bootstrap = await startBootstrap([], secret)
    const stranger = programs.musubi(['join', '--timeout', '3', bootstrap.url])
    expect(await stranger.exit).toBe(1)
    expect(stranger.output).toContain('denied: token')

    const made = programs.musubi(['token', '--hours', '1'], secret)
    expect(await made.exit).toBe(0)
    await joinMesh([bootstrap.url], { MUSUBI_TOKEN: made.output.trim() })
  })
})

describe('resident peers', () => {
  it('make a mesh for the first visitor, answer, and end with the bootstrap', async () => {
    const bootstrap = await startBootstrap(['--peers', '4'])
    await bootstrap.program.sees(/4 resident peers/)
    const visitor = await joinMesh([bootstrap.url])
    const [, resident] = await visitor.program.sees(/link with (\w{8})/)
    visitor.program.type(`/send ${resident} hello`)
    await visitor.program.sees(new RegExp(`<${resident} → you> echo: hello`))
    expect(await bootstrap.program.kill('SIGTERM')).toBe(0)
    await visitor.program.sees(new RegExp(`link with ${resident} is gone`))
  })
})

describe('exit codes', () => {
  const run = async (args: readonly string[]) => {
    const program = programs.musubi(args)
    return { code: await program.exit, output: program.output }
  }

  it('are 0 for help and version', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, output: expect.stringContaining('join') })
    expect(await run(['join', '--help'])).toMatchObject({ code: 0, output: expect.stringContaining('--seed-file') })
    expect(await run(['bootstrap', '--help'])).toMatchObject({
      code: 0,
      output: expect.stringContaining('--token-secret'),
    })
    expect(await run(['--version'])).toMatchObject({ code: 0, output: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  it.each([
    [[], /Usage/],
    [['jion'], /unknown command/],
    [['join'], /name a bootstrap/],
    [['join', 'not a url'], /bootstrap/],
    [['join', '--links-max', '3', 'ws://127.0.0.1:1'], /from 4 to 256/],
    [['join', '--listen', '70000'], /from 0 to 65535/],
    [['bootstrap', '--port', 'http'], /from 0 to 65535/],
    [['bootstrap', '--cert', '/nowhere/cert.pem', '--key', '/nowhere/key.pem'], /cert/],
    [['bootstrap', '--token-secret', 'short'], /16 characters/],
    [['token'], /token-secret/],
  ])('are 2 for %j, with a word on why', async (args, reason) => {
    const { code, output } = await run(args)
    expect(output).toMatch(reason)
    expect(code).toBe(2)
  })

  it('are 2 when the port is taken', async () => {
    const { url } = await startBootstrap()
    const { code, output } = await run(['bootstrap', '--host', '127.0.0.1', '--port', new URL(url).port])
    expect(output).toMatch(/^musubi: .*in use/m)
    expect(code).toBe(2)
  })

  it('are 1 when nobody answers and when WebRTC is missing', async () => {
    const unreachable = await run(['join', '--timeout', '3', 'ws://127.0.0.1:1'])
    expect(unreachable.output).toMatch(/^musubi: .*127\.0\.0\.1:1/m)
    expect(unreachable.code).toBe(1)

    const without = await run(['join', '--wrtc', 'no-such-webrtc', 'ws://127.0.0.1:1'])
    expect(without.output).toMatch(/no-such-webrtc.*npm install/)
    expect(without.code).toBe(1)
  })
})
