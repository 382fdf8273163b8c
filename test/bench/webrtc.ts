/** What WebRTC links cost beside bare simple-peers; each benchmark is a child of its own. */

import { withChild } from './child.ts'
import type { Crowd } from './crowd.ts'
import type { Rates } from './hop.ts'
import { compare, type Figure, inTurns, sized } from './measure.ts'

type Turns = { ours: number[]; floor: number[] }

export async function benchSetUp(): Promise<Figure[]> {
  return withChild('set-up', async (child) => [
    {
      name: 'join + first link',
      unit: 'ms',
      ...compare(await child.call<Turns>('join'), Number),
      gate: { atMost: 1.5 },
    },
    {
      name: 'dial through a common peer',
      unit: 'ms',
      ...compare(await child.call<Turns>('relayed'), Number),
      gate: { atMost: 1.3 },
    },
  ])
}

/** What a burst gains depends on what a small message costs: on libdatachannel hardly more than its bytes. */
const BURST_GAIN = { '@roamhq/wrtc': 2, 'node-datachannel': 0.9 } as const

/** Frames and `mesh.send` over one relay, against two chained channels. */
export async function benchHop(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [stack, burstGain] of Object.entries(BURST_GAIN)) {
    type Ways = Record<'frames' | 'mesh', { ours: Rates[]; floor: Rates[] }>
    const { frames, mesh } = await withChild('hop', (child) => child.call<Ways>('measure', stack))
    const ms = (name: string, way: Ways['frames']): Pick<Figure, 'name' | 'unit' | 'ours' | 'floor' | 'ratio'> => ({
      name: `one hop, ${stack}, ${name}`,
      unit: 'ms',
      ...compare(way, (turn) => turn.roundTripMs),
    })
    const rate = (
      name: string,
      way: Ways['frames'],
      key: 'steadyPerSecond' | 'burstPerSecond',
    ): ReturnType<typeof ms> => ({
      name: `one hop, ${stack}, ${name}`,
      unit: '/s',
      ...compare(way, (turn) => turn[key]),
    })
    figures.push(
      { ...ms('frames: round trip', frames), gate: { atMost: 1.3 } },
      { ...rate('frames: 1 KB each in a turn', frames, 'steadyPerSecond'), gate: { atLeast: 0.9 } },
      { ...rate('frames: 1 KB in bursts', frames, 'burstPerSecond'), gate: { atLeast: burstGain } },
      { ...ms('mesh.send: round trip', mesh), gate: null, note: 'sealed and acknowledged end to end' },
      { ...rate('mesh.send: 1 KB, acknowledged', mesh, 'steadyPerSecond'), gate: null },
      { ...rate('mesh.send: 1 KB in bursts', mesh, 'burstPerSecond'), gate: null },
    )
  }
  return figures
}

/** Wanted links of 32 peers that start at once. */
export async function benchCrowd(): Promise<Figure[]> {
  const { ms, links, floorMs, failures, detail } = await withChild('crowd', (child) => child.call<Crowd>('measure'))
  return [
    {
      name: '32 peers at once: every wanted link stands',
      unit: 's',
      ours: ms / 1000,
      floor: floorMs / 1000,
      ratio: ms / floorMs,
      gate: null,
      note: `${links} links`,
    },
    {
      name: '32 peers at once: failed exchanges',
      unit: '',
      ours: failures,
      floor: null,
      ratio: null,
      gate: { atMost: 0 },
      note: detail,
    },
  ]
}

/** Each time in fresh processes: what a peak once needed stays with its process. */
export async function benchMemory(): Promise<Figure[]> {
  const measure = (kind: 'ours' | 'floor') => (): Promise<number> =>
    withChild('memory', (child) => child.call<number>('measure', kind), { isMeasured: true })
  const turns = await inTurns({ ours: measure('ours'), floor: measure('floor') }, sized(3, 1), 0)
  return [{ name: 'memory of one end of a link', unit: 'KiB', ...compare(turns, Number), gate: { atMost: 1.2 } }]
}
