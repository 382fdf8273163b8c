/** The page's sentences: what a reader is told about paths, receipts, failures and the bootstrap. */

import { describe, expect, test } from 'vitest'
import { MeshError } from '../../src/errors.ts'
import { bootstrapText, failureText, pathText, receiptText } from '../../src/demo/wording.ts'

describe('the path of an offer', () => {
  test.each([
    [null, 'direct'],
    [{ viaBootstrap: false, relays: 0 }, 'direct'],
    [{ viaBootstrap: false, relays: 1 }, 'via 1 peer'],
    [{ viaBootstrap: false, relays: 3 }, 'via 3 peers'],
    [{ viaBootstrap: true, relays: 1 }, 'via bootstrap'],
    [{ viaBootstrap: true, relays: 2 }, 'via bootstrap and 1 peer'],
    [{ viaBootstrap: true, relays: 4 }, 'via bootstrap and 3 peers'],
  ])('%o is "%s"', (path, text) => {
    expect(pathText(path)).toBe(text)
  })
})

describe('receipts', () => {
  test('say hops and time, and tries only if there were several', () => {
    expect(receiptText({ hops: 1, ms: 0.3, attempts: 1 })).toBe('delivered · 1 hop · 1 ms')
    expect(receiptText({ hops: 4, ms: 17.6, attempts: 3 })).toBe('delivered · 4 hops · 18 ms · 3 tries')
  })
})

describe('the bootstrap', () => {
  test('that is lost is no disaster while there are links, and one without', () => {
    expect(bootstrapText('lost', 3).hint).toContain('carries on')
    expect(bootstrapText('lost', 0).hint).toContain('no peer is linked')
  })

  test('has a word for each state', () => {
    const states = ['none', 'contacting', 'connected', 'left', 'lost'] as const
    expect(new Set(states.map((state) => bootstrapText(state, 1).word)).size).toBe(states.length)
  })
})

describe('failures', () => {
  test('with a code are sentences of the page', () => {
    expect(failureText(new MeshError('ERR_UNREACHABLE', 'x'))).toBe('No path leads to that peer any more.')
  })

  test('of options keep their own words, which name the option', () => {
    expect(failureText(new MeshError('ERR_OPTION', 'option "linksMax" must be …'))).toContain('linksMax')
  })

  test('of any other kind are shown as they are', () => {
    expect(failureText(new Error('plain'))).toBe('plain')
    expect(failureText('text')).toBe('text')
    expect(failureText(undefined)).toBe('undefined')
  })
})
