/**
 * Finds a bootstrap: tries the known URLs one after the other, those that failed lately last and only after a pause
 * that grows and is drawn at random ("full jitter": Brooker, AWS Architecture Blog 2015), so that the peers of a mesh
 * whose server restarts do not all come back in the same second. One URL that answers is enough. What is said to a
 * server once the hello is over is the core's business; when to look for one again, too.
 */

import { Link, type LinkLimits } from './link.ts'
import type { ProvenLink } from './driver.ts'
import { type DialerOptions, dialHello } from './hello.ts'
import { textOf } from './thrown.ts'
import { type After, onAbort, platformAfter } from './timers.ts'
import { dialWebSocket, type WebSocketClass } from './websocket.ts'

/** Guess: a server that restarts is back within a second or two. */
const BACKOFF_MIN_MS = 500
/** Guess: the longest that a mesh without any link should stay alone after its server is back. */
const BACKOFF_MAX_MS = 15_000

/** join: we have no mesh yet. visit: we are members who look in (DESIGN §7). */
type Purpose = DialerOptions['role']

export interface BootstrapClientParts {
  /** `ws:` or `wss:` URLs; none: every contact fails at once. */
  readonly urls: readonly string[]
  /** Opens a link to the server at `url` and proves who we are; rejects with an Error that says why not. */
  readonly dial: (url: string, purpose: Purpose, signal: AbortSignal) => Promise<ProvenLink>
  /** Milliseconds; only differences matter. */
  readonly now: () => number
  readonly after: After
  /** 32 uniformly random bits. */
  readonly random: () => number
  readonly onLink: (link: ProvenLink) => void
  /** Every URL has failed this time; one line with each one's reason. */
  readonly onFailed: (reason: string) => void
}

interface Server {
  readonly url: string
  failures: number
  /** Not tried again before this time. */
  notBefore: number
}

/** What is known of one URL, for `inspect`. */
export interface ServerInspection {
  readonly url: string
  /** In a row. */
  readonly failures: number
}

export class BootstrapClient {
  readonly #parts: BootstrapClientParts
  readonly #servers: readonly Server[]
  readonly #stopped = new AbortController()
  #isContacting = false

  constructor(parts: BootstrapClientParts) {
    this.#parts = parts
    this.#servers = parts.urls.map((url) => ({ url, failures: 0, notBefore: 0 }))
  }

  /** Look for a server; ends in `onLink` or `onFailed`. While one look goes on, another is not begun. */
  contact(purpose: Purpose): void {
    if (this.#isContacting || this.#stopped.signal.aborted) return
    this.#isContacting = true
    this.#search(purpose).then(
      (reasons) => this.#finish(reasons),
      (error: unknown) => this.#finish([String(error)]),
    )
  }

  /** Gives up whatever goes on; nothing is reported any more. */
  stop(): void {
    this.#stopped.abort()
  }

  inspect(): ServerInspection[] {
    return this.#servers.map(({ url, failures }) => ({ url, failures }))
  }

  /** Null: a link has been handed over. */
  async #search(purpose: Purpose): Promise<readonly string[] | null> {
    const reasons: string[] = []
    for (const server of this.#inOrder()) {
      await this.#pauseUntil(server.notBefore)
      if (this.#stopped.signal.aborted) return reasons
      const reason = await this.#attempt(server, purpose)
      if (reason === null) return null
      reasons.push(`${server.url}: ${reason}`)
    }
    return reasons
  }

  #finish(reasons: readonly string[] | null): void {
    this.#isContacting = false
    if (reasons === null || this.#stopped.signal.aborted) return
    this.#parts.onFailed(reasons.length === 0 ? 'no bootstrap is known' : reasons.join('; '))
  }

  /** Shuffled, so that each server gets its share; those that rest come last. */
  #inOrder(): Server[] {
    const keyed = this.#servers.map((server) => ({ server, key: this.#parts.random() }))
    const isResting = ({ notBefore }: Server): number => Math.max(0, notBefore - this.#parts.now())
    return keyed
      .toSorted((a, b) => isResting(a.server) - isResting(b.server) || a.key - b.key)
      .map(({ server }) => server)
  }

  /** Null if it worked, else why not. */
  async #attempt(server: Server, purpose: Purpose): Promise<string | null> {
    try {
      const link = await this.#parts.dial(server.url, purpose, this.#stopped.signal)
      server.failures = 0
      server.notBefore = 0
      if (this.#stopped.signal.aborted) link.link.close('closed')
      else this.#parts.onLink(link)
      return null
    } catch (error) {
      const longest = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** server.failures)
      server.failures++
      server.notBefore = this.#parts.now() + longest * (this.#parts.random() / 2 ** 32)
      return textOf(error)
    }
  }

  #pauseUntil(time: number): Promise<void> {
    const { signal } = this.#stopped
    const delayMs = time - this.#parts.now()
    if (delayMs <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel()
        ignoreAbort()
        resolve()
      }
      const cancel = this.#parts.after(delayMs, wake)
      const ignoreAbort = onAbort(signal, wake)
    })
  }
}

/** How to introduce ourselves to a server. */
export interface DialBootstrapOptions extends DialerOptions {
  readonly WebSocket: WebSocketClass
  readonly signal: AbortSignal
  readonly limits?: Partial<LinkLimits>
}

/** Opens a WebSocket to `url` and says hello over it. Rejects with an Error whose message says why it did not work. */
export async function dialBootstrap(url: string, options: DialBootstrapOptions): Promise<ProvenLink> {
  const { WebSocket, signal } = options
  const channel = await dialWebSocket(url, { WebSocket, signal })
  const link = new Link(channel, options.limits, options.after ?? platformAfter)
  const ignoreAbort = onAbort(signal, () => link.close('closed'))
  try {
    const peer = await dialHello(link, options)
    return { link, peer, role: 'bootstrap', exchange: null }
  } finally {
    ignoreAbort()
  }
}
