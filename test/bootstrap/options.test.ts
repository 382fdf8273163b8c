/** Options of a bootstrap: what is wrong is named; and where connections come from. */

import { describe, expect, test } from 'vitest'
import { tmpdir } from 'node:os'
import { addressKey } from '../../bootstrap/addresses.ts'
import { ACCEPT_LIMITS, type BootstrapOptions, resolveBootstrap } from '../../bootstrap/options.ts'

const errorOf = (options: object): string => {
  try {
    resolveBootstrap(options as BootstrapOptions)
    return 'accepted'
  } catch (error) {
    return (error as Error).message
  }
}

describe('options', () => {
  test('are all optional, and complete afterwards', () => {
    expect(resolveBootstrap({})).toMatchObject({
      port: 0,
      tls: null,
      origins: null,
      tokenSecret: null,
      limits: ACCEPT_LIMITS,
    })
  })

  test.each([
    [{ port: 70_000 }, 'port'],
    [{ port: '80' }, 'port'],
    [{ host: '' }, 'host'],
    [{ cert: 'x' }, 'key'],
    [{ key: 'x' }, 'cert'],
    [{ cert: '/no/such/file', key: 'x' }, 'cert'],
    [{ origin: 'example.org' }, 'origin'],
    [{ origin: ['https://a.example', 'null'] }, 'origin'],
    [{ tokenSecret: 'short' }, 'tokenSecret'],
    [{ trustProxy: 'yes' }, 'trustProxy'],
    [{ seed: new Uint8Array(31) }, 'seed'],
    [{ page: '/no/such/directory' }, 'page'],
    [{ logger: {} }, 'logger'],
    [{ maxConnections: 0 }, 'maxConnections'],
    [{ maxConnectionsPerAddress: 1.5 }, 'maxConnectionsPerAddress'],
    [{ helloTimeoutMs: Infinity }, 'helloTimeoutMs'],
    [{ maxBufferedBytes: 1 }, 'maxBufferedBytes'],
    [{ prot: 80 }, 'prot'],
  ])('%j is refused by name', (options, name) => {
    expect(errorOf(options)).toContain(`option "${name}"`)
  })

  test('secrets are not shown', () => {
    expect(errorOf({ tokenSecret: 'hush' })).not.toContain('hush')
  })

  test('origins are compared as browsers write them', () => {
    const { origins } = resolveBootstrap({ origin: ['https://Example.org:443/page', 'http://localhost:5173'] })
    expect([...origins!]).toEqual(['https://example.org', 'http://localhost:5173'])
    expect(resolveBootstrap({ origin: ['https://a.example', '*'] }).origins).toBe(null)
  })

  test('a directory for the page must be there', () => {
    expect(resolveBootstrap({ page: tmpdir() }).page).toBe(tmpdir())
  })
})

test('an address is an IPv4 address or the /64 of an IPv6 address', () => {
  expect(addressKey('192.0.2.7')).toBe('192.0.2.7')
  expect(addressKey('::ffff:192.0.2.7')).toBe('192.0.2.7')
  expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
  expect(addressKey('2001:db8:1:2::9')).toBe(addressKey('2001:db8:1:2:ffff::'))
  expect(addressKey('2001:db8:1:3::9')).not.toBe(addressKey('2001:db8:1:2::9'))
  expect(addressKey('fe80::1%eth0')).toBe('fe80:0:0:0::/64')
  expect(addressKey('no address')).toBe(null)
})
