/** A routed frame on its way: what it becomes from one hop to the next, and how many bytes it takes there. */

import type { LookupFrame, ReplyFrame, RoutedFrame, UnicastFrame } from './frames.ts'

const HEADER_BYTES = 53
/** Requester, buckets and slot of a lookup. */
const LOOKUP_BYTES = 35

/** The frame as the next one gets it. Spelled out, for this is where a relay's time goes and a spread takes ten times as long. */
export function oneHopOn(
  frame: UnicastFrame | LookupFrame | ReplyFrame,
  viaBootstrap: boolean,
): UnicastFrame | LookupFrame | ReplyFrame {
  const hopLimit = frame.hopLimit - 1
  const hops = frame.hops + 1
  const { attempt, id } = frame
  switch (frame.kind) {
    case 'unicast':
      return { kind: 'unicast', hopLimit, hops, attempt, viaBootstrap, id, target: frame.target, body: frame.body }
    case 'reply':
      return { kind: 'reply', hopLimit, hops, attempt, viaBootstrap, id, body: frame.body }
    case 'lookup': {
      const { target, requester, bucketMin, bucketMax, slot } = frame
      return {
        kind: 'lookup',
        hopLimit,
        hops,
        attempt,
        viaBootstrap,
        id,
        target,
        requester,
        bucketMin,
        bucketMax,
        slot,
      }
    }
  }
}

/** On the wire. */
export function sizeOf(frame: RoutedFrame): number {
  return frame.kind === 'lookup' ? HEADER_BYTES + LOOKUP_BYTES : HEADER_BYTES + frame.body.byteLength
}
