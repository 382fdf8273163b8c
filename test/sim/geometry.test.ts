/** Another geometry is another object: the same core with Chord's circle is one mesh, keeps its ring and delivers. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareIds, pointOf, ringAround, suits } from '../../src/core/geometry.ts'
import type { PeerId } from '../../src/core/ids.ts'
import { bootstrapServer, meanOf, meshPeer, type MeshPeer, Simulation } from '../../src/sim/index.ts'
import { bytesFromId, idFromBytes } from '../../src/wire/ids.ts'
import { chord } from './chord.ts'
import { expectAllDelivered, expectOneMesh, isOneMesh, randomUnicasts, SEEDS } from './scenario.ts'

const anId = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => idFromBytes<PeerId>(bytes))
const numberOf = (id: PeerId): bigint => BigInt(`0x${Buffer.from(bytesFromId(id)).toString('hex')}`)
const clockwise = (from: PeerId, to: PeerId): bigint => BigInt.asUintN(256, numberOf(to) - numberOf(from))

describe('the geometry of Chord, as a fixture', () => {
  test('orders two ids by how far it is clockwise from them to the key', () => {
    fc.assert(
      fc.property(anId, anId, anId, (target, a, b) => {
        const [x, y] = [clockwise(a, target), clockwise(b, target)]
        expect(Math.sign(chord.compare(target, a, b))).toBe(x < y ? -1 : x > y ? 1 : 0)
        const [near, far] = [a, b].map((id) => chord.distance(pointOf(target), pointOf(id))) as [number, number]
        if (near !== far) expect(near < far).toBe(x < y)
      }),
    )
  })

  test('draws keys of every bucket, and says who suits a lookup for one', () => {
    const words = fc.array(fc.nat(2 ** 32 - 1), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(anId, fc.nat(255), words, (self, bucket, drawn) => {
        let at = 0
        const key = chord.keyInBucket(self, bucket, () => drawn[at++ % 8]!) as PeerId
        expect(chord.bucketOf(self, key)).toBe(bucket)
        const suitsFrom = (bucketMin: number): boolean =>
          suits({ requester: self, bucketMin, bucketMax: 255 }, key, chord)
        expect([suitsFrom(bucket), bucket < 255 && suitsFrom(bucket + 1)]).toEqual([true, false])
      }),
    )
  })
})

const PEERS = 100

/** A hundred peers one after another, all by Chord. */
function chordMesh(seed: number): Simulation {
  const sim = new Simulation(
    { seed },
    { peer: meshPeer({ linksMax: 32, geometry: chord }), bootstrap: bootstrapServer({ geometry: chord }) },
  )
  sim.addBootstrap()
  sim.addPeers(PEERS, { everyMs: 50 })
  sim.run(PEERS * 50)
  sim.runUntil(() => isOneMesh(sim), { limitMs: 60_000, everyMs: 500 })
  sim.run(15_000)
  return sim
}

describe.each(SEEDS)('a mesh by Chord, seed %i', (seed) => {
  const sim = chordMesh(seed)
  const nodes = sim.peers.map(({ machine }) => machine as MeshPeer)

  test('is one component, in which every peer has its ring', () => {
    expectOneMesh(sim)
    const ids = sim.peers.map(({ id }) => id)
    for (const { config, neighbors } of nodes) {
      const missing = [...ringAround(config.self, ids, 4)].filter((id) => neighbors.get(id) === undefined)
      expect(missing.toSorted(compareIds), `ring of ${config.self}`).toEqual([])
    }
  })

  test('has somebody in every finger that holds many', () => {
    for (const { config, neighbors } of nodes) {
      const filled = new Set(neighbors.all().map(({ bucket }) => bucket))
      for (let bucket = 0; bucket < 4; bucket++) {
        const members = sim.peers.filter(({ id }) => chord.bucketOf(config.self, id) === bucket).length
        if (members >= 2) expect(filled.has(bucket), `finger ${bucket} of ${config.self}, ${members} in it`).toBe(true)
      }
    }
  })

  test('delivers everything, in about half of log2 N hops', () => {
    const records = randomUnicasts(sim, 2_000)
    expectAllDelivered(sim, records)
    const mean = meanOf(sim.stats.hops)
    console.log(`${PEERS} peers by Chord: mean hops ${mean.toFixed(2)}, of ${(0.5 * Math.log2(PEERS)).toFixed(2)}`)
    // Chord ToN 2003 §IV-D: ½ log2 N on average with one finger for each interval; here the ring helps.
    expect(mean).toBeLessThanOrEqual(0.5 * Math.log2(PEERS))
    expect(sim.violations).toEqual([])
  })
})
