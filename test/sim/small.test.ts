/** A mesh of few: everybody is linked with everybody, so whatever anybody says is one hop away. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadScenario, type MeshPeer, runScenario, type SimNode } from '../../src/sim/index.ts'
import { FOLDER } from './experiment.ts'
import { mesh, SEEDS } from './scenario.ts'

const machineOf = ({ machine }: SimNode): MeshPeer => machine as MeshPeer

describe.each(SEEDS)('seed %i', (seed) => {
  test('up to seven eighths of the cap all are linked with all within half a minute', () => {
    const sim = mesh(29, { everyMs: 10 }, { seed, linksMax: 32 })
    sim.run(30_000)
    expect(sim.peers.map(({ degree }) => degree)).toEqual(sim.peers.map(() => 28))
  })

  test('above that they are not', () => {
    const sim = mesh(40, { everyMs: 10 }, { seed, linksMax: 32 })
    sim.run(30_000)
    expect(sim.peers.some(({ degree }) => degree < 28)).toBe(true)
  })

  test('a broadcast costs one payload for each of the others, and arrives over one link', () => {
    const sim = mesh(25, { everyMs: 10 }, { seed, linksMax: 32 })
    sim.run(30_000)
    const before = sim.stats.frames.broadcast.frames
    const records = sim.peers.map((source) => sim.broadcast(source))
    sim.run(5_000)
    for (const record of records) expect([record.reached, record.hopsMax]).toEqual([24, 1])
    expect(sim.stats.frames.broadcast.frames - before).toBe(25 * 24)
  })

  test('a newcomer whom the source does not know of yet hears it from others', () => {
    const sim = mesh(20, { everyMs: 10 }, { seed, linksMax: 32 })
    sim.run(20_000)
    sim.addPeers(1, { everyMs: 1 })
    sim.run(2)
    const newcomer = sim.peers.at(-1)!
    expect(sim.runUntil(() => newcomer.readyAt > 0, { limitMs: 20_000, everyMs: 50 })).toBe(true)
    const source = sim.peers.find((peer) => peer !== newcomer && !machineOf(peer).neighbors.get(newcomer.id))
    expect(source, 'nobody is without a link to it').toBeDefined()
    const record = sim.broadcast(source!)
    sim.run(5_000)
    expect(record.has(newcomer)).toBe(true)
    expect(record.reached).toBe(20)
  })

  test('one in ten frames lost: all have everything within ten seconds, once', () => {
    const sim = mesh(25, { everyMs: 10 }, { seed, linksMax: 32, lossRate: 0.1 })
    sim.run(40_000)
    const records = sim.peers.slice(0, 10).map((source) => sim.broadcast(source))
    sim.run(10_000)
    expect(records.map(({ reached }) => reached)).toEqual(records.map(() => 24))
    expect(sim.violations).toEqual([])
  })
})

// Seed 354 of 600: the first of 24 peers was told that it is the first, the others found each other and not it, and it waited.
test('the first of many who come at once does not stay alone while its bootstrap lives', async () => {
  const first = loadScenario(JSON.parse(readFileSync(new URL('first.json', FOLDER), 'utf8')))
  const { metrics } = await runScenario(first, { seed: 354 })
  expect(metrics['formed.reached']).toBe(1)
  expect(metrics['broadcasts.missed']).toBe(0)
})
