/**
 * What a relay remembers of one attempt of one message: where it came from, so that replies and NACKs find back, and to
 * whom it went, so that nobody gets it twice. All of it is the relay's own; none of it is on the wire.
 */

import type { LookupFrame, UnicastFrame } from './frames.ts'
import type { LinkId, MessageId } from './ids.ts'

export interface Path {
  /** Where the frame came from; null: from us. */
  readonly previous: LinkId | null
  target: string
  /** Who has it now; null: nobody. */
  next: LinkId | null
  /** Who had it before; null: nobody yet, which is nearly always so, and an empty array would take 16 bytes and a place for 17 more. */
  tried: LinkId[] | null
  detours: number
  /** The hop limit that we passed on: a NACK cannot raise it. */
  hopLimit: number
  /** Links that the frame had crossed when it came, and whether one led to a bootstrap: every try starts again from here. */
  readonly hops: number
  readonly viaBootstrap: boolean
}

export function createPath(previous: LinkId | null, frame: UnicastFrame | LookupFrame): Path {
  const { target, hopLimit, hops, viaBootstrap } = frame
  return { previous, target, next: null, tried: null, detours: 0, hopLimit, hops, viaBootstrap }
}

/** Who had it has not got it any more. */
export function retire(path: Path): void {
  if (path.next === null) return
  if (path.tried === null) path.tried = [path.next]
  else path.tried.push(path.next)
  path.next = null
}

export function triesOf(path: Path): number {
  return (path.tried?.length ?? 0) + (path.next === null ? 0 : 1)
}

export function hadIt(path: Path, link: LinkId): boolean {
  return link === path.next || (path.tried !== null && path.tried.includes(link))
}

// Nearly every message arrives at its first attempt: those need no second string.
export function pathKey(frame: { readonly id: MessageId; readonly attempt: number }): string {
  return frame.attempt === 0 ? frame.id : frame.id + frame.attempt
}
