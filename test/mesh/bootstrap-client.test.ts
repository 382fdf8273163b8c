/** The bootstrap client: which server is tried when, on a clock of the test's. */

import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/core/ids.ts'
import { BootstrapClient } from '../../src/net/bootstrap-client.ts'
import type { ProvenLink } from '../../src/net/driver.ts'
import { Link } from '../../src/net/link.ts'
import { MemoryChannel } from '../../src/net/memory.ts'

const A = 'ws://a/'
const B = 'ws://b/'
const C = 'ws://c/'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** `up`: the servers that answer. `random`: what is drawn, in order; then halves. */
function arrange({ urls = [A, B, C], up = [] as string[], random = [] as number[] } = {}) {
  const tried: string[] = []
  const links: ProvenLink[] = []
  const made: Link[] = []
  const failed: string[] = []
  const waiting = new Set<{ readonly at: number; readonly callback: () => void }>()
  const clock = { now: 0 }
  const answering = new Set(up)
  const client = new BootstrapClient({
    urls,
    dial: async (url, purpose) => {
      tried.push(`${url} ${purpose}`)
      if (!answering.has(url)) throw new Error('refused')
      const link = new Link(MemoryChannel.pair()[0])
      made.push(link)
      return { link, peer: url as string as PeerId, role: 'bootstrap', exchange: null }
    },
    now: () => clock.now,
    after: (delayMs, callback) => {
      const entry = { at: clock.now + delayMs, callback }
      waiting.add(entry)
      return () => void waiting.delete(entry)
    },
    random: () => random.shift() ?? 2 ** 31,
    onLink: (link) => void links.push(link),
    onFailed: (reason) => void failed.push(reason),
  })
  const run = async (ms: number): Promise<void> => {
    clock.now += ms
    for (const entry of waiting) if (entry.at <= clock.now && waiting.delete(entry)) entry.callback()
    await settled()
  }
  return { answering, client, clock, failed, links, made, run, tried, waiting }
}

describe('a contact', () => {
  it('tries the servers in random order until one answers', async () => {
    const { client, failed, links, tried } = arrange({ up: [A, C], random: [3, 1, 2] })
    client.contact('join')
    await settled()
    expect(tried).toEqual([`${B} join`, `${C} join`])
    expect(links.map(({ peer }) => peer)).toEqual([C])
    expect(failed).toEqual([])
    expect(client.inspect()).toEqual([
      { url: A, failures: 0 },
      { url: B, failures: 1 },
      { url: C, failures: 0 },
    ])
  })

  it('fails with the reason of each server when none answers', async () => {
    const { client, failed, links } = arrange({ urls: [A, B], random: [1, 2] })
    client.contact('visit')
    await settled()
    expect(links).toEqual([])
    expect(failed).toEqual([`${A}: refused; ${B}: refused`])
  })

  it('fails when there is no server to try', async () => {
    const { client, failed } = arrange({ urls: [] })
    client.contact('join')
    await settled()
    expect(failed).toEqual(['no bootstrap is known'])
  })

  it('is not begun twice', async () => {
    const { client, tried } = arrange({ urls: [A], up: [A] })
    client.contact('join')
    client.contact('join')
    await settled()
    expect(tried).toEqual([`${A} join`])
    client.contact('visit')
    await settled()
    expect(tried).toEqual([`${A} join`, `${A} visit`])
  })
})

describe('a server that fails', () => {
  it('rests for a time drawn at random from twice as long a span each time, up to a quarter of a minute', async () => {
    // All draws are one half, so each pause is half its span.
    const { client, run, tried } = arrange({ urls: [A] })
    const pauses: number[] = []
    client.contact('join')
    await settled()
    for (let failure = 1; failure <= 9; failure++) {
      client.contact('join')
      let pause = 0
      while (tried.length === failure) {
        await run(50)
        pause += 50
      }
      pauses.push(pause)
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 7_500, 7_500, 7_500, 7_500])
  })

  it('comes after those that did not, and is as good as new once it answers', async () => {
    const { answering, client, run, tried } = arrange({ urls: [A, B], up: [B], random: [1, 2] })
    client.contact('join')
    await settled()
    client.contact('join')
    await settled()
    expect(tried).toEqual([`${A} join`, `${B} join`, `${B} join`])
    answering.delete(B)
    answering.add(A)
    client.contact('join')
    await run(1_000)
    expect(tried.slice(3)).toEqual([`${B} join`, `${A} join`])
    expect(client.inspect()).toEqual([
      { url: A, failures: 0 },
      { url: B, failures: 1 },
    ])
  })
})

describe('stop', () => {
  it('ends a pause and says nothing more', async () => {
    const { client, failed, run, tried, waiting } = arrange({ urls: [A] })
    client.contact('join')
    await settled()
    client.contact('join')
    await settled()
    expect(waiting.size).toBe(1)
    client.stop()
    expect(waiting.size).toBe(0)
    await run(60_000)
    client.contact('join')
    await settled()
    expect(tried).toHaveLength(1)
    expect(failed).toHaveLength(1)
  })

  it('closes a link that comes too late', async () => {
    const { client, links, made } = arrange({ urls: [A], up: [A] })
    client.contact('join')
    await Promise.resolve()
    client.stop()
    await settled()
    expect(links).toEqual([])
    expect(made.map(({ isOpen }) => isOpen)).toEqual([false])
  })
})
