import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { collect, readAnchors, readSeed, wholeNumber, writeAnchors, writeSeed } from '../../src/cli/arguments.ts'

describe('numbers on the command line', () => {
  const parse = wholeNumber(4, 256)

  it.each([
    ['4', 4],
    ['256', 256],
    ['032', 32],
  ])('takes %s as %d', (text, value) => {
    expect(parse(text)).toBe(value)
  })

  it.each(['', '3', '257', '8.5', '1e2', '-8', '0x10', ' 8', 'eight'])('refuses "%s" and names the bounds', (text) => {
    expect(() => parse(text)).toThrow('from 4 to 256')
  })

  it('collects what is said several times, in order', () => {
    expect(collect('two', collect('one'))).toEqual(['one', 'two'])
  })
})

describe('seed files', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'musubi-seed-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('give back the seed that was written, to their owner only', async () => {
    const seed = Uint8Array.from({ length: 32 }, (_, index) => index * 7)
    const path = join(folder, 'seed')
    await writeSeed(path, seed)
    expect(await readSeed(path)).toEqual(seed)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('are never overwritten', async () => {
    const path = join(folder, 'seed')
    await writeFile(path, 'something dear')
    await expect(writeSeed(path, new Uint8Array(32))).rejects.toThrow('EEXIST')
    expect(await readFile(path, 'utf8')).toBe('something dear')
  })

  it('may be missing, but not be anything else', async () => {
    const path = join(folder, 'seed')
    expect(await readSeed(path)).toBeNull()
    for (const text of ['', 'no seed', 'ab'.repeat(31), 'ab'.repeat(33), `${'ab'.repeat(31)}zz`]) {
      await writeFile(path, text)
      await expect(readSeed(path)).rejects.toThrow('holds no seed')
    }
    await expect(readSeed(folder)).rejects.toThrow('EISDIR')
  })
})

describe('anchor files', () => {
  const ids = ['b', 'c', 'd'].map((letter) => letter.padEnd(52, 'a'))
  let path: string
  beforeEach(async () => {
    path = join(await mkdtemp(join(tmpdir(), 'musubi-anchors-')), 'anchors')
  })
  afterEach(() => rm(dirname(path), { recursive: true }))

  it('give back the ids that were written last, and keep them while there are none to write', async () => {
    expect(await readAnchors(path)).toEqual([])
    await writeAnchors(path, ids.slice(0, 2))
    await writeAnchors(path, ids)
    await writeAnchors(path, [])
    expect(await readAnchors(path)).toEqual(ids)
  })

  it('hold hints: what is no id is passed over, and of too many the first are taken', async () => {
    await writeFile(path, `no id\n${ids[0]}\r\n\n${ids[1]}\n${'e'.repeat(51)}`)
    expect(await readAnchors(path)).toEqual([ids[1]])
    await writeFile(path, `${ids[2]}\n`.repeat(20))
    expect(await readAnchors(path)).toHaveLength(8)
  })
})
