/** What is said over a fresh link before it has an owner: hello over a WebSocket, proof in a data channel. */

import type { Frame } from '../core/frames.ts'
import type { HandshakeFrame } from '../wire/handshake.ts'
import type { Link } from './link.ts'
import type { After } from './timers.ts'

export interface Conversation {
  readonly timeoutMs: number
  readonly after: After
  /** Takes one frame at a time; true: all is said. What comes meanwhile waits in the link. */
  readonly step: (frame: Frame | HandshakeFrame) => Promise<boolean>
  /** The error for a time-out, for a link that went, or (null) for `cause`, with which `step` rejected; before the link closes. */
  readonly failure: (reason: 'timeout' | 'closed' | null, detail: string, cause?: unknown) => Error
}

/**
 * Resolves when all is said; the link then has no owner (`onFrame` and `onDown` are null) and holds what comes until it
 * gets one. Rejects with what `failure` made; the link is closed then, with its message as the reason.
 */
export function converse(link: Link, { timeoutMs, after, step, failure }: Conversation): Promise<void> {
  return new Promise((resolve, reject) => {
    const release = (): void => {
      stop()
      link.onFrame = null
      link.onDown = null
    }
    const fail = (error: Error): void => {
      release()
      link.close(error.message)
      reject(error)
    }
    const take = (frame: Frame | HandshakeFrame): void => {
      // What follows on the heels of the last word waits in the link until its signature is checked.
      link.onFrame = null
      step(frame).then(
        (isDone) => {
          if (!link.isOpen) return
          if (!isDone) return void (link.onFrame = take)
          release()
          resolve()
        },
        (error: unknown) => fail(failure(null, String(error), error)),
      )
    }
    const stop = after(timeoutMs, () => fail(failure('timeout', '')))
    link.onDown = (reason) => fail(failure('closed', reason))
    link.onFrame = take
  })
}
