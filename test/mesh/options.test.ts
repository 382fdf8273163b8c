/** Options: each is checked by name, and what is left out gets the documented default. */

import wrtc from '@roamhq/wrtc'
import { describe, expect, it } from 'vitest'
import { MeshError } from '../../src/errors.ts'
import { abortSignal, type MeshOptions, resolveOptions } from '../../src/options.ts'

const refusal = (options: object): MeshError => {
  try {
    resolveOptions({ wrtc, ...options } as MeshOptions)
  } catch (error) {
    if (error instanceof MeshError) return error
    throw error
  }
  throw new Error('these options were accepted')
}

describe('options that are left out', () => {
  it('take the documented defaults', () => {
    const options = resolveOptions({ wrtc })
    expect(options).toMatchObject({
      bootstrap: [],
      network: 'default',
      seed: undefined,
      anchors: [],
      rtcConfig: { iceServers: [] },
      linksMax: 48,
      sendTimeoutMs: 10_000,
      dialTimeoutMs: 30_000,
      readyTimeoutMs: 30_000,
    })
    expect(options.token).toHaveLength(0)
    expect(options.WebSocket).toBeTypeOf('function')
  })
})

describe('bootstrap', () => {
  it('takes one URL or several, once each', () => {
    expect(resolveOptions({ wrtc, bootstrap: 'ws://localhost:1' }).bootstrap).toEqual(['ws://localhost:1/'])
    const bootstrap = ['wss://a.example/x', 'ws://localhost:1', 'ws://localhost:1/']
    expect(resolveOptions({ wrtc, bootstrap }).bootstrap).toEqual(['wss://a.example/x', 'ws://localhost:1/'])
  })

  it('reads the address of the page as the address of its socket', () => {
    const bootstrap = ['http://localhost:8080/#chat', 'https://a.example']
    expect(resolveOptions({ wrtc, bootstrap }).bootstrap).toEqual(['ws://localhost:8080/', 'wss://a.example/'])
  })
})

describe('wrtc', () => {
  it('is accepted as a default export and as a module namespace', () => {
    for (const form of [wrtc, { default: wrtc }]) {
      expect(resolveOptions({ wrtc: form }).wrtc.RTCPeerConnection).toBe(wrtc.RTCPeerConnection)
    }
  })

  it('is taken from the platform where the platform has it', () => {
    const scope = globalThis as Record<string, unknown>
    Object.assign(scope, wrtc)
    try {
      expect(resolveOptions({}).wrtc.RTCPeerConnection).toBe(wrtc.RTCPeerConnection)
    } finally {
      for (const name of Object.keys(wrtc)) delete scope[name]
    }
  })

  it('tells a Node user without WebRTC what to install and how to pass it', () => {
    const error = refusal({ wrtc: undefined })
    expect(error.code).toBe('ERR_OPTION')
    expect(error.message).toContain('npm i @roamhq/wrtc')
    expect(error.message).toContain('createMesh({ wrtc')
  })
})

describe('a wrong option', () => {
  const id = 'b'.padEnd(52, 'a')
  const wrong: readonly (readonly [string, object, string])[] = [
    ['bootstrap', { bootstrap: 'localhost:8080' }, 'ws://'],
    ['bootstrap', { bootstrap: ['ws://ok', 7] }, 'got 7'],
    ['bootstrap', { bootstrap: 'ftp://x' }, '"ftp://x"'],
    ['bootstrap', { bootstrap: Array.from({ length: 17 }, (_, i) => `ws://host${i}`) }, 'at most 16'],
    ['network', { network: '' }, '1 to 128'],
    ['network', { network: 5 }, 'got 5'],
    ['network', { network: 'n'.repeat(129) }, '1 to 128'],
    ['seed', { seed: 'secret' }, '32 bytes'],
    ['seed', { seed: new Uint8Array(31) }, 'got "31 bytes"'],
    ['anchors', { anchors: id }, 'must be an array of ids'],
    ['anchors', { anchors: [id, 'somebody'] }, 'must hold ids of peers'],
    ['anchors', { anchors: Array.from({ length: 9 }, () => id) }, 'at most 8'],
    ['wrtc', { wrtc: {} }, 'RTCPeerConnection'],
    ['wrtc', { wrtc: 'yes' }, 'RTCPeerConnection'],
    ['WebSocket', { WebSocket: {} }, 'class'],
    ['rtcConfig', { rtcConfig: [] }, 'iceServers'],
    ['rtcConfig', { rtcConfig: { iceServers: 'stun:x' } }, 'array'],
    ['linksMax', { linksMax: 3 }, '4 to 256'],
    ['linksMax', { linksMax: 257 }, '4 to 256'],
    ['linksMax', { linksMax: 6.5 }, 'integer'],
    ['linksMax', { linksMax: '8' }, 'integer'],
    ['token', { token: 12 }, 'string or a Uint8Array'],
    ['token', { token: 'é'.repeat(129) }, '258 bytes'],
    ['sendTimeoutMs', { sendTimeoutMs: 0 }, '1 to 600000'],
    ['dialTimeoutMs', { dialTimeoutMs: 600_001 }, '1 to 600000'],
    ['readyTimeoutMs', { readyTimeoutMs: Number.NaN }, 'integer'],
    ['bootstraps', { bootstraps: [] }, 'known are bootstrap, network'],
  ]

  it.each(wrong)('is refused by its name: %s %j', (name, options, hint) => {
    const error = refusal(options)
    expect(error.code).toBe('ERR_OPTION')
    expect(error.message).toContain(`option "${name}"`)
    expect(error.message).toContain(hint)
  })

  it('shows neither seed nor token in its message', () => {
    expect(refusal({ seed: 'hush-hush' }).message).not.toContain('hush')
    expect(refusal({ token: { hush: 1 } }).message).not.toContain('hush')
  })

  it('may be the options themselves', () => {
    expect(() => resolveOptions(null as unknown as MeshOptions)).toThrow('option "options"')
    expect(() => abortSignal({ aborted: true })).toThrow('option "signal"')
  })
})

describe('bytes that were handed in', () => {
  it('are copied, so that later changes do not reach the mesh', () => {
    for (const seed of [new Uint8Array(32), Buffer.alloc(32)]) {
      const resolved = resolveOptions({ wrtc, seed, token: seed })
      seed.fill(9)
      expect(resolved.seed).toEqual(new Uint8Array(32))
      expect(resolved.token).toEqual(new Uint8Array(32))
    }
  })
})
