/** Progress bars, one for each run under way, on standard error and only if that is a terminal. */

import { MultiBar, Presets, type SingleBar } from 'cli-progress'
import { bytes, duration } from '../../sim/index.ts'
import type { JobWatcher } from './jobs.ts'

const FORMAT = '{title} {bar} {percentage}%  {step}  {clock}  {rate}  {memory}'

interface Seen {
  readonly bar: SingleBar
  events: number
  at: number
  rate: number
}

export class ProgressBars {
  readonly #bars: MultiBar | null
  readonly #seen = new Map<number, Seen>()
  readonly #titles: readonly string[]

  constructor(titles: readonly string[], { isQuiet }: { readonly isQuiet: boolean }) {
    this.#titles = titles
    const isShown = !isQuiet && process.stderr.isTTY === true
    const options = { format: FORMAT, hideCursor: true, clearOnComplete: true, barsize: 24, stream: process.stderr }
    this.#bars = isShown ? new MultiBar(options, Presets.shades_grey) : null
  }

  readonly show: JobWatcher = (job, { progress, bytes: memory }) => {
    const seen = this.#seenOf(job)
    if (seen === null) return
    const now = performance.now()
    if (now - seen.at > 400) {
      seen.rate = (((progress.events ?? 0) - seen.events) / (now - seen.at)) * 1_000
      Object.assign(seen, { at: now, events: progress.events ?? 0 })
    }
    seen.bar.update(Math.round(progress.share * 1_000), {
      title: this.#titles[job] ?? '',
      step: `${progress.do} ${progress.phase + 1}/${progress.phases}`,
      clock: `${duration(progress.simulatedMs)} simulated`,
      rate: `${Math.round(seen.rate / 1_000)}k events/s`,
      memory: bytes(memory),
    })
  }

  stop(): void {
    this.#bars?.stop()
  }

  #seenOf(job: number): Seen | null {
    if (this.#bars === null) return null
    const seen = this.#seen.get(job)
    if (seen !== undefined) return seen
    const bar = this.#bars.create(1_000, 0, { title: '', step: '', clock: '', rate: '', memory: '' })
    const fresh: Seen = { bar, events: 0, at: performance.now(), rate: 0 }
    this.#seen.set(job, fresh)
    return fresh
  }
}
