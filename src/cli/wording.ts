/**
 * How things look in a terminal. Whatever comes from other peers passes through `printable`, so that no message can
 * move the cursor, rewrite earlier lines or set the window's title.
 */

import type { OfferPath } from '../events.ts'

/** Characters of an id that are shown: enough that two ids of a mesh of 100,000 hardly ever look alike (40 bits). */
const SHORT_ID_CHARACTERS = 8

/** Longest text of a peer that is printed, in characters. A guess: a screenful. */
const TEXT_CHARACTERS_MAX = 2000

/** The first characters of an id: what is shown, and enough to type. */
export const shortId = (id: string): string => id.slice(0, SHORT_ID_CHARACTERS)

/** Text of a peer on one line, without control or formatting characters. */
export function printable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > TEXT_CHARACTERS_MAX ? `${line.slice(0, TEXT_CHARACTERS_MAX)}…` : line
}

/**
 * A chat message as text; null if it is not meant for people. The live page announces names in messages that begin
 * with a zero byte, which no text does.
 */
export function chatText(data: Uint8Array): string | null {
  if (data.length === 0 || data[0] === 0) return null
  return printable(new TextDecoder().decode(data))
}

/** "3 peers", "1 peer". */
export const count = (amount: number, noun: string): string => `${amount} ${noun}${amount === 1 ? '' : 's'}`

/** By which path an offer travelled: "via bootstrap", "via 3 peers". */
export function pathText({ viaBootstrap, relays }: OfferPath): string {
  if (!viaBootstrap) return relays === 0 ? 'direct' : `via ${count(relays, 'peer')}`
  return relays <= 1 ? 'via bootstrap' : `via bootstrap and ${count(relays - 1, 'peer')}`
}
