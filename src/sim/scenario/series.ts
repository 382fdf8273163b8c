/**
 * The time series of a run. At most `POINTS_MAX` points, however long it lasts: when they are full every other one goes
 * and the interval doubles, as flight recorders do.
 */

import type { Driver } from './driver.ts'
import { graphOf } from './graph.ts'
import type { Histogram } from './distribution.ts'
import type { Series } from './result.ts'

const POINTS_MAX = 480
const INTERVAL_MS = 1_000

/** What has been counted until a point; two make what happened between them, also when those between have gone. */
interface Counted {
  readonly bytes: number
  readonly peerSeconds: number
  readonly done: number
  readonly ended: number
}

/** Unicasts that ended so far. */
export interface Ended {
  readonly done: number
  readonly ended: number
}

export class Recorder {
  readonly series: Series = {
    atMs: [],
    peers: [],
    components: [],
    largestShare: [],
    degreeMean: [],
    bytesPerPeerSecond: [],
    delivered: [],
  }
  /** Degrees at the last point; null before the first. */
  degrees: Histogram | null = null
  /** Greatest degree at any point. */
  degreeMax = 0
  #intervalMs = INTERVAL_MS
  #dueMs = 0
  readonly #counted: Counted[] = []

  /** When the next point is due. */
  get dueMs(): number {
    return this.#dueMs
  }

  async take(driver: Driver, { done, ended }: Ended): Promise<void> {
    await driver.observe()
    const up = driver.members.filter((member) => member.isUp)
    const { peers, components, largestShare, degrees } = graphOf(driver, up)
    const { series } = this
    this.degrees = degrees
    this.degreeMax = Math.max(this.degreeMax, degrees.max)
    const { bytes, peerSeconds } = driver.sent() ?? { bytes: 0, peerSeconds: 0 }
    series.atMs.push(Math.round(driver.nowMs))
    series.peers.push(peers)
    series.components.push(components.length)
    series.largestShare.push(peers === 0 ? 0 : largestShare)
    series.degreeMean.push(peers === 0 ? 0 : degrees.mean)
    this.#counted.push({ bytes, peerSeconds, done, ended })
    this.#addRates(this.#counted.length - 1)
    if (series.atMs.length >= POINTS_MAX) this.#thin()
    this.#dueMs = driver.nowMs + this.#intervalMs
  }

  #thin(): void {
    for (const values of [...Object.values(this.series), this.#counted] as unknown[][]) {
      const kept = values.filter((_, index) => index % 2 === 0)
      values.splice(0, values.length, ...kept)
    }
    this.series.bytesPerPeerSecond.length = this.series.delivered.length = 0
    for (let point = 0; point < this.#counted.length; point++) this.#addRates(point)
    this.#intervalMs *= 2
  }

  /** Of what happened since the point before. */
  #addRates(point: number): void {
    const to = this.#counted[point] as Counted
    const from = this.#counted[point - 1] ?? { bytes: 0, peerSeconds: 0, done: 0, ended: 0 }
    const [seconds, ended] = [to.peerSeconds - from.peerSeconds, to.ended - from.ended]
    this.series.bytesPerPeerSecond.push(seconds === 0 ? 0 : (to.bytes - from.bytes) / seconds)
    this.series.delivered.push(ended === 0 ? null : (to.done - from.done) / ended)
  }
}
