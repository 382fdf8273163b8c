/** Short names for ids in core tests: `peer('b')` is an id that starts with b and goes on with a's. */

import type { ExchangeId, Instant, Key, LinkId, MessageId, PeerId } from '../../src/core/ids.ts'

export const peer = (prefix: string): PeerId => prefix.padEnd(52, 'a') as PeerId
export const key = (prefix: string): Key => prefix.padEnd(52, 'a') as Key
export const message = (prefix: string): MessageId => prefix.padEnd(26, 'a') as MessageId
export const exchange = (prefix: string): ExchangeId => prefix.padEnd(26, 'a') as ExchangeId
export const link = (number: number): LinkId => number as LinkId
export const at = (ms: number): Instant => ms as Instant
