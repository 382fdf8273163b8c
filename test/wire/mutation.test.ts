/**
 * One million mutated frames at the decoders: nothing throws, and whatever decodes is canonical, that is, encodes to the
 * very bytes it came from (hop limits and hops above their limits excepted, which are clamped). `SEED` repeats a run.
 */

import { expect, test } from 'vitest'
import { HOP_LIMIT_MAX } from '../../src/core/frames.ts'
import { decodeBatch } from '../../src/wire/batch.ts'
import { decodeFrame, encodeFrame } from '../../src/wire/frames.ts'
import { decodeMessage, encodeMessage } from '../../src/wire/messages.ts'
import { fromHex, vectors } from './golden.ts'

const SEED = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const FRAMES = 1_000_000
const MESSAGES = 200_000

/** mulberry32: enough for mutations, and one line to repeat elsewhere. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

type Random = (below: number) => number
const INTERESTING = [0, 1, 2, 4, 0x10, 0x11, 0x14, 0x20, 0x28, 0x29, 0x7f, 0x80, 0xff]

function mutate(seeds: readonly Uint8Array[], random: Random): Uint8Array {
  const one = seeds[random(seeds.length)]!
  switch (random(5)) {
    case 0: {
      const bytes = one.slice()
      for (let flips = 1 + random(4); flips > 0; flips--) bytes[random(bytes.length)]! ^= 1 << random(8)
      return bytes
    }
    case 1: {
      const bytes = one.slice()
      bytes[random(Math.min(bytes.length, 24))] = INTERESTING[random(INTERESTING.length)]!
      return bytes
    }
    case 2:
      return one.slice(0, random(one.length + 1))
    case 3: {
      const bytes = new Uint8Array(one.length + 1 + random(40))
      bytes.set(one)
      for (let at = one.length; at < bytes.length; at++) bytes[at] = random(256)
      return bytes
    }
    default: {
      const other = seeds[random(seeds.length)]!
      const head = one.subarray(0, random(one.length + 1))
      const tail = other.subarray(random(other.length + 1))
      const bytes = new Uint8Array(head.length + tail.length)
      bytes.set(head)
      bytes.set(tail, head.length)
      return bytes
    }
  }
}

/** `bytes` with what decoding clamps, hop limits and hops, already clamped. */
function clamped(bytes: Uint8Array): Uint8Array {
  const at = bytes[1] === 0x10 ? 5 : 2
  const isRouted = bytes[at - 1]! >= 1 && bytes[at - 1]! <= 4
  if (!isRouted) return bytes
  bytes[at] = Math.min(bytes[at]!, HOP_LIMIT_MAX)
  bytes[at + 1] = Math.min(bytes[at + 1]!, HOP_LIMIT_MAX - bytes[at])
  return bytes
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0
const seen = (bytes: Uint8Array) => `SEED=${SEED}: ${Buffer.from(bytes).toString('hex')}`

test(`a million mutated frames: none throws, and what decodes is canonical (SEED=${SEED})`, () => {
  const random = generator(SEED)
  const seeds = vectors.frames.map(({ hex }) => fromHex(hex))
  let decoded = 0
  for (let i = 0; i < FRAMES; i++) {
    const bytes = mutate(seeds, random)
    const frame = decodeFrame(bytes)
    if (frame === null) continue
    decoded++
    if (!same(encodeFrame(frame), clamped(bytes))) expect.fail(seen(bytes))
  }
  // Both outcomes must be common, or the mutations test nothing.
  expect(decoded).toBeGreaterThan(FRAMES / 10)
  expect(decoded).toBeLessThan((FRAMES * 9) / 10)
})

test(`mutated messages: none throws, and what decodes is canonical (SEED=${SEED})`, () => {
  const random = generator(SEED + 1)
  const seeds = vectors.messages.map(({ hex }) => fromHex(hex))
  let decoded = 0
  for (let i = 0; i < MESSAGES; i++) {
    const bytes = mutate(seeds, random)
    const message = decodeMessage(bytes)
    if (message === null) continue
    decoded++
    if (!same(encodeMessage(message), bytes)) expect.fail(seen(bytes))
  }
  expect(decoded).toBeGreaterThan(MESSAGES / 20)
})

test(`mutated batches: none throws, and frames never reach beyond their message (SEED=${SEED})`, () => {
  const random = generator(SEED + 2)
  const batch = (...hexes: string[]) =>
    fromHex(hexes.map((hex) => (hex.length / 2).toString(16).padStart(4, '0') + hex).join(''))
  const hexes = vectors.frames.map(({ hex }) => hex)
  const seeds = hexes.map((hex, i) => batch(hex, hexes[(i + 1) % hexes.length]!))
  let whole = 0
  for (let i = 0; i < MESSAGES; i++) {
    const bytes = mutate(seeds, random)
    const frames = decodeBatch(bytes)
    if (frames === null) continue
    whole++
    const total = frames.reduce((sum, frame) => sum + 2 + (frame === null ? 1 : encodeFrame(frame).byteLength), 0)
    if (total > bytes.byteLength) expect.fail(seen(bytes))
  }
  expect(whole).toBeGreaterThan(MESSAGES / 20)
})
