/** What the page reads from its address: every wrong value becomes a sentence, never an exception. */

import { describe, expect, test } from 'vitest'
import { readSettings, trimName } from '../../src/demo/settings.ts'

describe('the address of the page', () => {
  test('without parameters, the server of the page is the bootstrap', () => {
    const settings = readSettings('http://localhost:8080/')
    expect(settings).toEqual({
      bootstrap: ['ws://localhost:8080/'],
      network: 'default',
      linksMax: null,
      stun: [],
      name: '',
      problems: [],
    })
  })

  test('a page that came over TLS dials over TLS', () => {
    expect(readSettings('https://mesh.example/page/?x=1').bootstrap).toEqual(['wss://mesh.example/'])
  })

  test('everything can be named', () => {
    const address =
      'https://a.example/?bootstrap=wss://b.example/&bootstrap=ws://c.example:1/&network=n&links=6&stun=stun:s.example:3478&name=Hana'
    expect(readSettings(address)).toEqual({
      bootstrap: ['wss://b.example/', 'ws://c.example:1/'],
      network: 'n',
      linksMax: 6,
      stun: ['stun:s.example:3478'],
      name: 'Hana',
      problems: [],
    })
  })

  test.each([
    ['bootstrap=ftp://b.example/', 'ftp://b.example/'],
    ['bootstrap=nonsense', 'nonsense'],
    ['links=3', 'links=3'],
    ['links=many', 'links=many'],
    ['links=6.5', 'links=6.5'],
    ['stun=turn:x', 'turn:x'],
    ['stun=javascript:alert(1)', 'javascript:alert(1)'],
  ])('%s is ignored, and a sentence says so', (query, shown) => {
    const settings = readSettings(`http://localhost:8080/?${query}`)
    expect(settings.problems).toHaveLength(1)
    expect(settings.problems[0]).toContain(shown)
    expect({ ...settings, problems: [] }).toEqual(readSettings('http://localhost:8080/'))
  })
})

describe('names', () => {
  test('are one line without control or formatting characters', () => {
    expect(trimName('  Ha\u0000na\u202e\n the\tSecond ')).toBe('Ha na the Second')
  })

  test('are cut between characters, not inside one', () => {
    expect([...trimName('🪢'.repeat(40))]).toHaveLength(24)
  })
})
