/**
 * What the codec costs a relay: `npx vitest bench --project unit test/bench/wire.bench.ts`. Each iteration is 1,000
 * calls, so the columns that vitest labels milliseconds read as microseconds a call.
 */

import { base32nopad } from '@scure/base'
import { bench, describe } from 'vitest'
import type { UnicastFrame } from '../../src/core/frames.ts'
import type { PeerId } from '../../src/core/ids.ts'
import { BatchPacker, decodeBatch } from '../../src/wire/batch.ts'
import { decodeFrame, encodeFrame } from '../../src/wire/frames.ts'
import { idFromBytes, messageIdFromBytes, writeId } from '../../src/wire/ids.ts'

const header = crypto.getRandomValues(new Uint8Array(48))
const id = messageIdFromBytes(header)
const target = idFromBytes<PeerId>(header, 16)
const body = crypto.getRandomValues(new Uint8Array(1024))
const unicast: UnicastFrame = {
  kind: 'unicast',
  hopLimit: 40,
  hops: 0,
  attempt: 0,
  viaBootstrap: false,
  id,
  target,
  body,
}
const unicastBytes = encodeFrame(unicast)
const heartbeatBytes = encodeFrame({ kind: 'heartbeat', isEcho: false, hasRoom: true, stamp: 123_456_789 })
const out = new Uint8Array(48)

function packed(count: number): Uint8Array {
  const packer = new BatchPacker()
  for (let i = 0; i < count; i++) packer.add(unicast)
  return packer.take()[0]!
}
const one = packed(1)
const fifteen = packed(15)

function relay(message: Uint8Array): void {
  const packer = new BatchPacker()
  for (const frame of decodeBatch(message)!) packer.add(frame!)
  packer.take()
}

const thousand = (call: () => void) => () => {
  for (let i = 0; i < 1000; i++) call()
}

describe('µs a call', () => {
  bench(
    'heartbeat: decode and encode',
    thousand(() => encodeFrame(decodeFrame(heartbeatBytes)!)),
  )
  bench(
    'unicast of 1 KB: decode',
    thousand(() => decodeFrame(unicastBytes)),
  )
  bench(
    'unicast of 1 KB: decode and encode',
    thousand(() => encodeFrame(decodeFrame(unicastBytes)!)),
  )
  bench(
    'message of one 1 KB unicast: split, decode, encode into a batch',
    thousand(() => relay(one)),
  )
  bench(
    'message of fifteen 1 KB unicasts: the same',
    thousand(() => relay(fifteen)),
  )
})

describe('both ids of a header, µs', () => {
  bench(
    'read',
    thousand(() => [messageIdFromBytes(header), idFromBytes(header, 16)]),
  )
  bench(
    'write',
    thousand(() => writeId(target, out, writeId(id, out, 0))),
  )
  bench(
    'read with @scure/base',
    thousand(() => [header.subarray(0, 16), header.subarray(16)].map((raw) => base32nopad.encode(raw).toLowerCase())),
  )
  bench(
    'write with @scure/base',
    thousand(() => [id, target].map((text) => base32nopad.decode(text.toUpperCase()))),
  )
})
