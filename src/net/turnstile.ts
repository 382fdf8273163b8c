/** Lets a few in at a time; who comes meanwhile waits in line. The line's length is bounded by whoever sends them. */

export class Turnstile {
  #free: number
  readonly #line: (() => void)[] = []

  constructor(places: number) {
    this.#free = places
  }

  /** Resolves, when there is room, to the function that makes room again; only its first call counts. */
  async enter(): Promise<() => void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#line.push(resolve))
    let isInside = true
    return () => {
      if (!isInside) return
      isInside = false
      this.#leave()
    }
  }

  #leave(): void {
    const next = this.#line.shift()
    if (next) next()
    else this.#free++
  }
}
