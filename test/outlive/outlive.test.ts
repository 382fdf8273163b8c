/**
 * The promise of the project, on real WebRTC: 24 peers in three processes, too few links for a full mesh, and a
 * bootstrap that is killed. Everything that a mesh is for goes on, and new links and new peers still come.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Snapshot } from '../../src/snapshot.ts'
import { MUSUBI, TerminalProgram } from '../cli/terminal.ts'
import { Host, type Rung, type Sent, allPairs, isOneMesh } from './hosts.ts'

const PER_HOST = 8
const LINKS_MAX = 7
const OPTIONS = { network: 'outlive', linksMax: LINKS_MAX, rtcConfig: { iceServers: [] } }

/** The part of /healthz that tells what went through the bootstrap. */
interface Health {
  readonly visits: { readonly joins: number }
  readonly framesIn: Readonly<Record<string, number>>
  readonly framesOut: Readonly<Record<string, number>>
}

let bootstrap: TerminalProgram
let url: string
const hosts: Host[] = []

const failures = (sent: readonly Sent[]): Sent[] => sent.filter(({ hops }) => hops === undefined)
const everybody = (): string[] => hosts.flatMap((host) => host.ids)
const hostOf = (id: string): Host => hosts.find((host) => host.ids.includes(id)) as Host

async function until(what: string, isSo: () => Promise<boolean>, limitMs: number): Promise<number> {
  const start = performance.now()
  while (!(await isSo())) {
    if (performance.now() - start > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return performance.now() - start
}

const health = async (): Promise<Health> =>
  (await (await fetch(`${url.replace('ws', 'http')}/healthz`)).json()) as Health

const snapshots = async () => (await Promise.all(hosts.map((host) => host.inspect()))).flat()

const unlinkedPairs = (all: readonly Snapshot[]): (readonly [string, string])[] =>
  all.flatMap(({ id, neighbors }) =>
    everybody()
      .filter((other) => other !== id && !neighbors.some((neighbor) => neighbor.id === other))
      .map((other) => [id as string, other] as const),
  )

beforeAll(async () => {
  bootstrap = new TerminalProgram([MUSUBI, 'bootstrap', '--port', '0', '--host', '127.0.0.1'])
  url = (await bootstrap.sees(/ws:\/\/[\w.:]+/))[0]
  hosts.push(new Host(), new Host(), new Host())
  await Promise.all(hosts.map((host) => host.spawn(PER_HOST, { bootstrap: url, ...OPTIONS })))
  await until('one mesh before the bootstrap dies', async () => isOneMesh(await snapshots()), 30_000)
}, 120_000)

afterAll(async () => {
  await Promise.all([bootstrap.kill(), ...hosts.map((host) => host.kill())])
})

describe('a mesh of 24 real peers', () => {
  it('takes nothing from its bootstrap but first contact', async () => {
    const before = await health()
    console.log('through the bootstrap:', JSON.stringify({ in: before.framesIn, out: before.framesOut }))
    expect(before.visits.joins).toBe(24)
    expect(before.framesIn['broadcast'] ?? 0).toBe(0)
    // Offers, answers and candidates of a first link or two for each newcomer; 552 messages leave no trace.
    expect(before.framesOut['unicast'] ?? 0).toBeLessThan(24 * 6)
    expect(failures(await allPairs(hosts, 'while it lives'))).toEqual([])
    const after = await health()
    expect((after.framesOut['unicast'] ?? 0) - (before.framesOut['unicast'] ?? 0)).toBeLessThan(10)
    for (const snapshot of await snapshots()) expect(snapshot.neighbors.length).toBeLessThanOrEqual(LINKS_MAX)
  })

  it('delivers between all pairs, with receipts, after the bootstrap was killed', async () => {
    await bootstrap.kill('SIGKILL')
    const sent = await allPairs(hosts, 'after the end')
    const hops = sent.map((one) => one.hops ?? 0)
    console.log(`hops: mean ${(hops.reduce((a, b) => a + b, 0) / hops.length).toFixed(2)}, most ${Math.max(...hops)}`)
    expect(sent).toHaveLength(24 * 23)
    expect(failures(sent)).toEqual([])
  })

  it('hears a broadcast from every peer exactly once', async () => {
    for (const id of everybody()) await hostOf(id).call('broadcast', { from: id, text: id })
    const heard = async () =>
      (await Promise.all(hosts.map((host) => host.call<{ id: string; texts: [string, number][] }[]>('heard')))).flat()
    const broadcasts = async () =>
      (await heard()).map(({ id, texts }) => ({ id, texts: texts.filter(([text]) => text.startsWith('broadcast')) }))
    await until(
      '23 broadcasts at every peer',
      async () => (await broadcasts()).every(({ texts }) => texts.length >= 23),
      10_000,
    )
    // Links keep the order of frames: after another round of unicasts no second copy is still on its way.
    await allPairs(hosts, 'flush')
    for (const { id, texts } of await broadcasts()) {
      const expected = everybody().filter((other) => other !== id)
      expect(texts.map(([text]) => text.slice('broadcast '.length)).toSorted()).toEqual(expected.toSorted())
      expect(texts.every(([, count]) => count === 1)).toBe(true)
    }
  })

  it('connects 30 pairs that have no link, by offers that only peers relayed', async () => {
    // The mesh goes on rearranging itself: pairs are looked for one at a time, and one that was linked meanwhile is not
    // counted.
    const rung = async (): Promise<Rung[]> =>
      (await Promise.all(hosts.map((host) => host.call<Rung[]>('rung')))).flat().filter(({ relays }) => relays > 0)
    let dials = 0
    for (; (await rung()).length < 30; dials++) {
      const pairs = unlinkedPairs(await snapshots())
      const [from, to] = pairs[(dials * 37) % pairs.length] as readonly [string, string]
      expect(await hostOf(from).call('dial', { from, to })).toBe('echo over?')
    }
    expect(dials).toBeLessThan(34)
    const rang = await rung()
    console.log('relays of the 30 offers:', rang.map(({ relays }) => relays).join(' '))
    expect(rang.some(({ viaBootstrap }) => viaBootstrap)).toBe(false)
    expect(rang.filter(({ relays }) => relays >= 2).length).toBeGreaterThan(0)
  })

  it('is whole again within 30 s after eight peers were killed at once, and lets a newcomer in', async () => {
    const [dead] = hosts.splice(2, 1)
    await dead?.kill()
    const gone = new Set(dead?.ids)
    const isWhole = async (): Promise<boolean> => {
      const all = await snapshots()
      return all.every(({ neighbors }) => neighbors.every(({ id }) => !gone.has(id))) && isOneMesh(all)
    }
    const ms = await until('16 peers, one mesh', isWhole, 30_000)
    console.log(`whole again after ${Math.round(ms)} ms`)
    expect(failures(await allPairs(hosts, 'sixteen'))).toEqual([])

    const [host] = hosts as [Host, ...Host[]]
    const entrance = await host.call<string>('listen', { from: host.ids[0] })
    const fresh = new Host()
    hosts.push(fresh)
    await fresh.spawn(1, { bootstrap: entrance, ...OPTIONS })
    expect(failures(await allPairs(hosts, 'seventeen'))).toEqual([])
  })
})
