/**
 * A call's connection is handed over when it is proven, but its media may have arrived before that. simple-peer's
 * 'track' and 'stream' events of that time are kept and come again when somebody listens for them.
 */

import type { Instance } from 'simple-peer'

const MEDIA_EVENTS = ['track', 'stream'] as const
/** Events kept of each kind; a call has a handful of tracks. Guess. */
const KEPT_MAX = 32

/** Keeps what comes before the first listener, for every kind of media event. */
export function replayMedia(peer: Instance): void {
  for (const name of MEDIA_EVENTS) replay(peer, name)
}

function replay(peer: Instance, name: string): void {
  const kept: unknown[][] = []
  const keep = (...values: unknown[]) => void (kept.length < KEPT_MAX && kept.push(values))
  const onListener = (added: string) => {
    if (added !== name) return
    peer.off('newListener', onListener)
    peer.off(name, keep)
    // In a turn of its own: the listener is not there yet, and there may be more of them.
    queueMicrotask(() => kept.forEach((values) => peer.emit(name, ...values)))
  }
  peer.on(name, keep)
  peer.on('newListener', onListener)
}
