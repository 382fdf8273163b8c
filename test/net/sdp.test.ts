/** Descriptions as bytes: real ones of three stacks, the grammar's bounds, and what hostile bytes come to. */

import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CANDIDATES_MAX, formatCandidate, parseCandidate } from '../../src/net/candidate.ts'
import type { LocalDescription } from '../../src/net/sdp.ts'
import { decodeDescription, DESCRIPTION_FORMS, encodeDescription, fingerprintIn } from '../../src/net/sdp.ts'
import { decodeSignal, encodeCandidates, encodeRenegotiate, encodeTransceiver } from '../../src/net/signal.ts'
import { loadStack, type Stack } from './exchange-kit.ts'

const GOLDEN = new URL('../golden/sdp/', import.meta.url)
const golden = (name: string): string => readFileSync(new URL(name, GOLDEN), 'utf8')
const goldenNames = (part: string): string[] =>
  readdirSync(GOLDEN).filter((name) => name.includes(part) && !name.includes('candidates'))
const local = (sdp: string, type: 'offer' | 'answer' = 'offer'): LocalDescription => ({ type, sdp, candidates: [] })
const typeOf = (name: string): 'offer' | 'answer' => (name.includes('offer') ? 'offer' : 'answer')
const lines = (sdp: string, start: string): string[] => sdp.split('\r\n').filter((line) => line.startsWith(start))

describe('data-channel-only descriptions', () => {
  test.each(goldenNames('data'))('what matters in %s survives, in 150 bytes', async (name) => {
    const sdp = golden(name)
    const bytes = (await encodeDescription(local(sdp, typeOf(name))))!
    const back = (await decodeDescription(bytes))!
    expect(bytes.byteLength).toBeLessThan(150)
    expect(back.type).toBe(typeOf(name))
    for (const start of [
      'a=ice-ufrag',
      'a=ice-pwd',
      'a=fingerprint',
      'a=setup',
      'a=mid',
      'a=sctp-port',
      'a=max-message-size',
      'a=group',
    ]) {
      expect(lines(back.sdp, start)).toEqual(lines(sdp, start))
    }
    expect(lines(back.sdp, 'a=candidate').map(parseCandidate)).toEqual(lines(sdp, 'a=candidate').map(parseCandidate))
    expect(back.sdp).not.toContain('network-cost')
  })

  for (const stack of ['@roamhq/wrtc', 'node-datachannel'] satisfies Stack[]) {
    test(`offers of ${stack} fit one packet, and it takes the rebuilt text as it took its own`, async () => {
      const { RTCPeerConnection } = await loadStack(stack)
      const offerer = new RTCPeerConnection({ iceServers: [] })
      const answerer = new RTCPeerConnection({ iceServers: [] })
      offerer.createDataChannel('x')
      const candidates: RTCIceCandidate[] = []
      const gathered = new Promise<void>((resolve) => {
        offerer.onicecandidate = ({ candidate }) => (candidate ? void candidates.push(candidate) : resolve())
        // node-datachannel's polyfill never says that there are no more.
        if (stack === 'node-datachannel') setTimeout(resolve, 200)
      })
      const { sdp = '' } = await offerer.createOffer()
      await offerer.setLocalDescription({ type: 'offer', sdp })
      await gathered
      const bytes = (await encodeDescription({ type: 'offer', sdp, candidates }))!
      expect(bytes.byteLength).toBeLessThan(300)
      const back = (await decodeDescription(bytes))!
      expect(lines(back.sdp, 'a=candidate').length).toBeGreaterThan(0)
      await answerer.setRemoteDescription(back)
      const answer = await answerer.createAnswer()
      expect(answer.sdp).toContain('a=setup:active')
      for (const connection of [offerer, answerer]) connection.close()
    })
  }

  test('sixteen candidates of the greatest kind stay far below 700 bytes, and only the best sixteen travel', async () => {
    const many = Array.from({ length: 40 }, (_, i) => ({
      candidate: `candidate:${i} 1 udp ${1000 + i} 2001:db8::${i.toString(16)} ${4000 + i} typ host generation 0`,
      sdpMid: '0',
    }))
    const bytes = (await encodeDescription({ ...local(golden('chromium-data-offer.sdp')), candidates: many }))!
    const back = (await decodeDescription(bytes))!
    expect(bytes.byteLength).toBeLessThan(500)
    expect(lines(back.sdp, 'a=candidate')).toHaveLength(CANDIDATES_MAX)
    expect(Math.min(...lines(back.sdp, 'a=candidate').map((line) => Number(line.split(' ')[3])))).toBeGreaterThan(1000)
  })

  test('a description that names two certificates, or another hash, has no fingerprint and does not travel', async () => {
    const sdp = golden('chromium-data-offer.sdp')
    const other = sdp.replace(/(a=fingerprint:sha-256 )..(.*\r\n)/, '$1EE$2$&')
    expect(fingerprintIn(sdp)).toHaveLength(32)
    expect(fingerprintIn(other)).toBeNull()
    expect(await encodeDescription(local(other))).toBeNull()
    expect(fingerprintIn(sdp.replace('sha-256', 'sha-1'))).toBeNull()
  })

  test('an answer may not leave the DTLS role open', async () => {
    const bytes = (await encodeDescription(local(golden('chromium-data-offer.sdp'), 'answer')))!
    expect(await decodeDescription(bytes)).toBeNull()
  })
})

describe('descriptions with media', () => {
  test.each(goldenNames('media'))('%s keeps every line that the grammar knows, in 2 KB', async (name) => {
    const sdp = golden(name)
    const bytes = (await encodeDescription(local(sdp, typeOf(name))))!
    const back = (await decodeDescription(bytes))!
    expect(bytes.byteLength).toBeLessThan(2048)
    const without = (text: string) => text.split('\r\n').filter((line) => !/^(?:o=|a=candidate|a=rtcp:)/.test(line))
    expect(without(back.sdp)).toEqual(without(sdp))
    expect(lines(back.sdp, 'a=candidate').map(parseCandidate)).toEqual(lines(sdp, 'a=candidate').map(parseCandidate))
  })

  test('candidates that were announced apart go to their section', async () => {
    const announced = golden('chromium-mdns-media-candidates.sdp')
      .trim()
      .split('\n')
      .map((line) => line.split('|'))
    const sdp = golden('chromium-mdns-media-offer.sdp')
    const bare = sdp.replaceAll(/a=candidate.*\r\n/g, '')
    const candidates = announced.map(([candidate = '', sdpMid = '']) => ({ candidate, sdpMid }))
    const back = await decodeDescription((await encodeDescription({ ...local(bare), candidates }))!)
    const sections = back!.sdp.split('m=').slice(1)
    expect(sections.map((section) => lines(section, 'a=candidate').length)).toEqual([2, 2, 2])
  })

  test('a line outside the grammar is left out by the sender and refused by the receiver', async () => {
    const sdp = golden('chromium-mdns-media-offer.sdp').replace('a=rtcp-mux\r\n', 'a=rtcp-mux\r\na=x-evil:\x01\r\n')
    const back = await decodeDescription((await encodeDescription(local(sdp)))!)
    expect(back!.sdp).not.toContain('x-evil')
    expect(await decodeDescription(await deflated(sdp))).toBeNull()
  })

  test('a bomb is not unpacked: a good description that goes on and on is refused', async () => {
    const back = await decodeDescription((await encodeDescription(local(golden('chromium-mdns-media-offer.sdp'))))!)
    const good = back!.sdp
      .split('\r\n')
      .slice(4)
      .filter((line) => !line.startsWith('c=') && line !== '')
    expect(await decodeDescription(await deflated(good.join('\n')))).not.toBeNull()
    const bomb = await deflated([...good, ...Array.from({ length: 200_000 }, () => 'a=sendrecv')].join('\n'))
    expect(bomb.byteLength).toBeLessThan(12 * 1024)
    expect(await decodeDescription(bomb)).toBeNull()
  })
})

describe('candidates', () => {
  test.each([
    'candidate:3077952869 1 udp 2122265343 fd00::2 49082 typ host generation 0 ufrag KxkJ network-id 2',
    'a=candidate:1 1 UDP 2114977791 192.0.2.2 53318 typ host',
    'candidate:842163049 1 udp 1677729535 198.51.100.7 46154 typ srflx raddr 192.0.2.2 rport 46154 generation 0',
    'candidate:1 1 tcp 1518280447 192.0.2.2 9 typ host tcptype active generation 0',
    'candidate:9 1 udp 41885439 203.0.113.5 50000 typ relay raddr 198.51.100.7 rport 46154',
    'candidate:7 1 udp 2113937151 1DA91D9B-ce5a-40e0-a85f-5e0e1888ab3b.local 45070 typ host network-cost 999',
    'candidate:7 1 udp 2113937151 ::ffff:102:304 45070 typ prflx raddr :: rport 1',
  ])('%s is read, written and read again', async (line) => {
    const candidate = parseCandidate(line)!
    expect(parseCandidate(formatCandidate(candidate))).toEqual(candidate)
    await expect(decodeSignal(encodeCandidates([candidate]))).resolves.toEqual({
      kind: 'candidates',
      candidates: [candidate],
    })
  })

  test('addresses inside a NAT are not told', () => {
    const line = 'candidate:842163049 1 udp 1677729535 198.51.100.7 46154 typ srflx raddr 192.168.7.7 rport 46154'
    expect(formatCandidate(parseCandidate(line)!)).not.toContain('192.168')
  })

  test.each([
    ['component 2', 'candidate:1 2 udp 1 192.0.2.2 53318 typ host'],
    ['a name', 'candidate:1 1 udp 1 example.com 53318 typ host'],
    ['a name that only looks like mDNS', 'candidate:1 1 udp 1 printer.local 53318 typ host'],
    ['multicast', 'candidate:1 1 udp 1 224.0.0.1 53318 typ host'],
    ['broadcast', 'candidate:1 1 udp 1 255.255.255.255 53318 typ host'],
    ['this host', 'candidate:1 1 udp 1 0.0.0.0 53318 typ host'],
    ['IPv6 multicast', 'candidate:1 1 udp 1 ff02::1 53318 typ host'],
    ['the unspecified address', 'candidate:1 1 udp 1 :: 53318 typ host'],
    ['port 0', 'candidate:1 1 udp 1 192.0.2.2 0 typ host'],
    ['a port too great', 'candidate:1 1 udp 1 192.0.2.2 65536 typ host'],
    ['priority 0', 'candidate:1 1 udp 0 192.0.2.2 1 typ host'],
    ['octal', 'candidate:1 1 udp 1 192.0.02.2 1 typ host'],
    ['two gaps', 'candidate:1 1 udp 1 1::2::3 1 typ host'],
    ['nine groups', 'candidate:1 1 udp 1 1:2:3:4:5:6:7:8:9 1 typ host'],
    ['TCP without a role', 'candidate:1 1 tcp 1 192.0.2.2 9 typ host'],
    ['another transport', 'candidate:1 1 sctp 1 192.0.2.2 9 typ host'],
    ['another type', 'candidate:1 1 udp 1 192.0.2.2 9 typ guess'],
    ['a line break', 'candidate:1 1 udp 1 192.0.2.2\r\na=evil 9 typ host'],
  ])('%s is refused', (_, line) => {
    expect(parseCandidate(line)).toBeNull()
  })
})

describe('hostile bytes', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

  test(`mutated descriptions and signals never throw and only ever give canonical text (SEED=${seed})`, async () => {
    const samples = [
      ...(await Promise.all(goldenNames('').map((name) => encodeDescription(local(golden(name), typeOf(name)))))),
      encodeCandidates([parseCandidate('candidate:1 1 udp 1 192.0.2.2 9 typ host')!]),
      encodeRenegotiate(),
      encodeTransceiver({ media: 'video', direction: 'sendonly' }),
    ] as Uint8Array[]
    const mutation = fc.record({ sample: fc.nat(samples.length - 1), at: fc.nat(), byte: fc.nat(255), cut: fc.nat(4) })
    await fc.assert(
      fc.asyncProperty(mutation, async ({ sample, at, byte, cut }) => {
        const bytes = samples[sample]!.slice(0, samples[sample]!.byteLength - cut)
        if (bytes.byteLength > 0) bytes[at % bytes.byteLength] = byte
        const description = await decodeDescription(bytes)
        await decodeSignal(bytes)
        if (description !== null && bytes[0] === DESCRIPTION_FORMS.data) {
          expect(description.sdp).toMatch(/^(?:[a-z]=[\x20-\x7e]*\r\n)+$/)
          expect(await encodeDescription(local(description.sdp, description.type))).toEqual(bytes)
        }
      }),
      { seed, numRuns: 20_000 },
    )
  })

  test(`random bytes never throw (SEED=${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.nat(0x14), async (bytes, form) => {
        const all = Uint8Array.of(form, ...bytes)
        await decodeDescription(all)
        await decodeSignal(all)
      }),
      { seed, numRuns: 5_000 },
    )
  })
})

/** A media description as an attacker would write it. */
async function deflated(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('deflate-raw'))
  return Uint8Array.of(DESCRIPTION_FORMS.media, 0, ...new Uint8Array(await new Response(stream).arrayBuffer()))
}
