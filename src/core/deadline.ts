/**
 * Time-outs that hardly ever come to pass. Nearly every request is answered and nearly every exchange settled long before
 * its time is up, so a timer is asked of the shell only for those that are still open at the last tick before. They
 * end to the millisecond all the same.
 */

import type { Instant } from './ids.ts'

export interface Deadline {
  endsAt: number
  /** Its timer is on the way. */
  isTimed: boolean
}

/** Ticks come every second; one that comes late by half of that is still in time. */
const AHEAD_MS = 1_500

/** Asks for the timer if there is no other tick before the end. To be called at the start and at every tick. */
export function timeIfSoon(deadline: Deadline, now: Instant, schedule: (delayMs: number) => void): void {
  if (deadline.isTimed || deadline.endsAt - now > AHEAD_MS) return
  deadline.isTimed = true
  schedule(Math.max(0, deadline.endsAt - now))
}

/** Its timer has come: is it time? False: it was put off meanwhile, and will be timed anew. */
export function isOver(deadline: Deadline, now: Instant): boolean {
  if (now >= deadline.endsAt) return true
  deadline.isTimed = false
  return false
}
