/** docs/PROTOCOL.md, "Proof", "Session descriptions" and "Further signaling": the page's vectors are what the code writes. */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { NetworkId, PeerId } from '../../src/core/ids.ts'
import { parseCandidate } from '../../src/net/candidate.ts'
import { proofBytes } from '../../src/net/proof.ts'
import { decodeDescription, encodeDescription } from '../../src/net/sdp.ts'
import { encodeCandidates, encodeRenegotiate, encodeTransceiver } from '../../src/net/signal.ts'
import { idFromBytes } from '../../src/wire/ids.ts'

const page = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8')
const offer = readFileSync(new URL('../golden/sdp/chromium-mdns-data-offer.sdp', import.meta.url), 'utf8')
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
/** Counted bytes, as everywhere on that page. */
const counted = (first: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, index) => first + index)
const vector = (name: string): string =>
  new RegExp(`^${name}\\n  ([0-9a-f]+)$`, 'm').exec(page)?.[1] ?? 'no such vector'

test('the description of a real offer, put together from its table', async () => {
  const credentials = (text: string) => hex(Uint8Array.of(text.length, ...Buffer.from(text)))
  const candidate = (priority: number, port: number, uuid: string) =>
    '20' + priority.toString(16).padStart(8, '0') + port.toString(16).padStart(4, '0') + uuid.replaceAll('-', '')
  const fingerprint = /sha-256 (.*)\r/.exec(offer)![1]!.replaceAll(':', '').toLowerCase()
  const expected = [
    '01 00 00',
    credentials('C33W'),
    credentials('530R/Fvca6rMCOguZAtoKxoK'),
    fingerprint,
    '1388 00040000 02',
    candidate(2113937151, 45070, '1da91d9b-ce5a-40e0-a85f-5e0e1888ab3b'),
    candidate(2113942271, 60671, 'b1b5d276-cd93-4210-8472-1fd09f78e9a2'),
  ]
  const bytes = (await encodeDescription({ type: 'offer', sdp: offer, candidates: [] }))!
  expect(hex(bytes)).toBe(expected.join('').replaceAll(' ', ''))
  expect(vector('description of an offer')).toBe(hex(bytes))
})

test('the text that a description is rebuilt into', async () => {
  const { sdp } = (await decodeDescription(Buffer.from(vector('description of an offer'), 'hex')))!
  const onPage = /rebuilt into:\n\n```\n([^`]*)```/.exec(page)![1]!
  expect(sdp.replaceAll('\r\n', '\n')).toBe(onPage)
})

test('further signaling', () => {
  const lines = [
    'candidate:1 1 udp 1694498815 198.51.100.7 46154 typ srflx raddr 0.0.0.0 rport 0',
    'candidate:2 1 tcp 1518280447 2001:db8::7 9 typ host tcptype active',
  ]
  expect(vector('candidates')).toBe(hex(encodeCandidates(lines.map((line) => parseCandidate(line)!))))
  expect(vector('renegotiate')).toBe(hex(encodeRenegotiate()))
  expect(vector('transceiver')).toBe(hex(encodeTransceiver({ media: 'video', direction: 'sendonly' })))
})

test('what a proof signs', () => {
  const transcript = {
    network: idFromBytes<NetworkId>(counted(0x40)),
    offerer: idFromBytes<PeerId>(counted(0x20)),
    answerer: idFromBytes<PeerId>(counted(0x00)),
    offererFingerprint: counted(0x60),
    answererFingerprint: counted(0x80),
    offerHash: counted(0xa0),
    answerHash: counted(0xc0),
  }
  const order = [0x40, 0x20, 0x00, 0x60, 0x80, 0xa0, 0xc0]
  for (const [role, tag] of [
    ['offerer', 'musubi proof 1 offerer '],
    ['answerer', 'musubi proof 1 answerer'],
  ] as const) {
    const bytes = Buffer.concat([Buffer.from(tag), ...order.map(counted)])
    expect(hex(proofBytes(transcript, role))).toBe(bytes.toString('hex'))
    expect(vector(`SHA-256 of what the ${role} signs`)).toBe(createHash('sha256').update(bytes).digest('hex'))
  }
})
