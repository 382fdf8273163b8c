/**
 * What people type after a command, made into values: numbers in their bounds, lists, files of seeds and anchors. Mistakes become
 * commander's usage errors, which name the option and end the process with code 2.
 */

import { readFile, rename, writeFile } from 'node:fs/promises'
import { InvalidArgumentError } from 'commander'
import { ANCHORS_MAX, isId } from '../options.ts'

/** 32 secret bytes, written as hexadecimal. */
const SEED_HEX = /^[0-9a-f]{64}$/i

/** Where a token and its secret may come from instead of the command line, which every user of the machine can read. */
export const TOKEN_VARIABLE = 'MUSUBI_TOKEN'
export const SECRET_VARIABLE = 'MUSUBI_TOKEN_SECRET'

/** A parser for whole numbers from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}

/** TCP ports; 0 lets the system choose. */
export const port = wholeNumber(0, 65_535)

/** For options that may be repeated. */
export const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text]

/** The seed in `path`; null if there is no such file. Throws if the file holds anything else. */
export async function readSeed(path: string): Promise<Uint8Array | null> {
  let text: string
  try {
    text = (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  if (!SEED_HEX.test(text)) throw new Error(`${path} holds no seed: 64 hexadecimal digits were expected`)
  return new Uint8Array(Buffer.from(text, 'hex'))
}

/** The anchors in `path`; none if there is no such file. Lines that are no ids are passed over: anchors are hints. */
export async function readAnchors(path: string): Promise<readonly string[]> {
  try {
    return (await readFile(path, 'utf8'))
      .split('\n')
      .filter((line) => isId(line))
      .slice(0, ANCHORS_MAX)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** One id a line, in the place of what was there, unless there are none. Nobody sees half a file. */
export async function writeAnchors(path: string, anchors: readonly string[]): Promise<void> {
  if (anchors.length === 0) return
  await writeFile(`${path}.new`, `${anchors.join('\n')}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

/** Whoever reads the seed can be this peer: only its owner may. Never overwrites a file. */
export async function writeSeed(path: string, seed: Uint8Array): Promise<void> {
  await writeFile(path, `${Buffer.from(seed).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
}
