/** The browser's half of `#runtime` (see `runtime.node.ts`): its own WebRTC needs to be spared nothing, its WebSocket has no limits. */

import type { Care } from './adapt-wrtc.ts'
import type { After, Soon } from './timers.ts'

export const platformAfter: After = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs)
  return () => clearTimeout(timer)
}

/** Browsers hand over one message a turn, so its end will do. */
export const platformSoon: Soon = (callback) => queueMicrotask(callback)

export const isFirstToCall = (): boolean => false

export const areDescriptionsReadable: boolean = true

export const careFor = (): Care => ({ overrides: {}, beforeOffer: () => Promise.resolve() })

export const RECEIVE_LIMITS = {}
