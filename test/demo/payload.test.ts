/** What the page says to other pages: plain text for people, announcements behind a zero byte. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodePayload, encodeAnnouncement } from '../../src/demo/payload.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('payloads', () => {
  test('chat is plain text, so that any program can take part', () => {
    expect(decodePayload(bytes('hello'))).toEqual({ kind: 'text', text: 'hello' })
  })

  test('announcements come back as they were', () => {
    const path = { kind: 'path', path: { viaBootstrap: true, relays: 3 } } as const
    expect(decodePayload(encodeAnnouncement(path))).toEqual(path)
    expect(decodePayload(encodeAnnouncement({ kind: 'name', name: 'Hana' }))).toEqual({ kind: 'name', name: 'Hana' })
  })

  test('a name is made fit to be shown', () => {
    const announced = encodeAnnouncement({ kind: 'name', name: `A\u0007\n${'b'.repeat(60)}` })
    expect(decodePayload(announced)).toEqual({ kind: 'name', name: `A ${'b'.repeat(22)}` })
  })

  test.each([
    ['nothing', new Uint8Array()],
    ['bytes that are no UTF-8', Uint8Array.of(0xff, 0xfe)],
    ['an announcement that is no JSON', bytes('\0{')],
    ['an announcement of an unknown kind', bytes('\0{"kind":"toString"}')],
    ['a name that is no string', bytes('\0{"kind":"name","name":7}')],
    ['a path with impossible relays', bytes('\0{"kind":"path","path":{"viaBootstrap":false,"relays":1e9}}')],
    ['a path that is null', bytes('\0{"kind":"path","path":null}')],
    ['an announcement beyond 256 bytes', bytes(`\0{"kind":"name","name":"${'x'.repeat(300)}"}`)],
    ['a text far beyond what the page sends', new Uint8Array(16_385).fill(97)],
  ])('%s is not for us', (_, payload) => {
    expect(decodePayload(payload)).toBeNull()
  })

  test('no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        decodePayload(noise)
        decodePayload(Uint8Array.of(0, ...noise))
      }),
    )
  })
})
