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
  #last = { atMs: 0, bytes: 0, done: 0, ended: 0 }

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
    const bytes = driver.sent()?.bytes ?? 0
    const last = this.#last
    const seconds = (driver.nowMs - last.atMs) / 1_000
    series.atMs.push(Math.round(driver.nowMs))
    series.peers.push(peers)
    series.components.push(components.length)
    series.largestShare.push(peers === 0 ? 0 : largestShare)
    series.degreeMean.push(peers === 0 ? 0 : degrees.mean)
    series.bytesPerPeerSecond.push(peers === 0 || seconds === 0 ? 0 : (bytes - last.bytes) / peers / seconds)
    series.delivered.push(ended === last.ended ? null : (done - last.done) / (ended - last.ended))
    this.#last = { atMs: driver.nowMs, bytes, done, ended }
    if (series.atMs.length >= POINTS_MAX) this.#thin()
    this.#dueMs = driver.nowMs + this.#intervalMs
  }

  #thin(): void {
    for (const values of Object.values(this.series) as unknown[][]) {
      const kept = values.filter((_, index) => index % 2 === 0)
      values.splice(0, values.length, ...kept)
    }
    this.#intervalMs *= 2
  }
}
