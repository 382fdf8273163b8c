/** The driver: inputs in order and never nested, links by instance, and an end that leaves nothing behind. */

import { describe, expect, it } from 'vitest'
import type { Frame } from '../../src/core/frames.ts'
import type { ExchangeId, Instant, Key, LinkId, MessageId, PeerId } from '../../src/core/ids.ts'
import type { Input, Io, NodeEvent, VerifyJob } from '../../src/core/io.ts'
import { type Core, Driver, type DriverParts, randomWords, type Sealing } from '../../src/net/driver.ts'
import { Link } from '../../src/net/link.ts'
import { MemoryChannel } from '../../src/net/memory.ts'
import { Refused } from '../../src/net/seal-envelope.ts'
import type { After } from '../../src/net/timers.ts'

const PEER = 'a'.repeat(52) as PeerId
const ID = 'b'.repeat(26) as MessageId
const TREE = 'c'.repeat(52) as Key
const HEARTBEAT: Frame = { kind: 'heartbeat', isEcho: false, hasRoom: true, stamp: 7 }
const VERIFY: VerifyJob = { kind: 'verify', tree: TREE, id: ID, link: 1 as LinkId, body: new Uint8Array(3) }

/** A clock that runs when told to. */
class Clock {
  now = 1_000
  readonly waiting = new Set<{ readonly at: number; readonly callback: () => void }>()

  readonly after: After = (delayMs, callback) => {
    const entry = { at: this.now + delayMs, callback }
    this.waiting.add(entry)
    return () => void this.waiting.delete(entry)
  }

  run(ms: number): void {
    this.now += ms
    for (const entry of this.waiting) {
      if (entry.at > this.now) continue
      this.waiting.delete(entry)
      entry.callback()
    }
  }
}

/** A core of a few lines: it notes what it gets and does what the test says. */
class Script implements Core {
  readonly inputs: Input[] = []
  readonly nows: Instant[] = []
  depth = 0
  depthMax = 0
  on: (input: Input) => void = () => {}

  handle(input: Input, now: Instant): void {
    this.depth++
    this.depthMax = Math.max(this.depthMax, this.depth)
    this.inputs.push(input)
    this.nows.push(now)
    try {
      this.on(input)
    } finally {
      this.depth--
    }
  }

  get kinds(): string[] {
    return this.inputs.map((input) => input.kind)
  }
}

const never = (): Promise<never> => new Promise(() => {})
const NO_SEALING: Sealing = { seal: never, open: never, sign: never, verify: never }

function arrange(parts: Partial<DriverParts> = {}) {
  const clock = new Clock()
  const core = new Script()
  const events: NodeEvent[] = []
  const faults: unknown[] = []
  let io!: Io
  const driver = new Driver(
    (given) => {
      io = given
      return core
    },
    {
      sealing: NO_SEALING,
      exchanging: { createOffer() {}, createAnswer() {}, acceptAnswer() {}, addSignal() {}, abandon() {} },
      contacting: { contact() {} },
      now: () => clock.now,
      after: clock.after,
      random: randomWords(globalThis.crypto),
      onEvent: (event) => void events.push(event),
      onFault: (error) => void faults.push(error),
      ...parts,
    },
  )
  return { clock, core, driver, events, faults, io }
}

/** A link on one end of a memory channel; the other end is the test's. */
function linkPair(): { near: Link; far: Link } {
  const [left, right] = MemoryChannel.pair()
  return { near: new Link(left), far: new Link(right) }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('inputs', () => {
  it('that arise while one is handled come after it, not inside it', () => {
    const { core, driver } = arrange({
      contacting: { contact: () => driver.dispatch({ kind: 'bootstrapFailed', reason: 'x' }) },
    })
    core.on = (input) => {
      if (input.kind !== 'start') return
      driver.contactBootstrap('join')
      driver.dispatch({ kind: 'timer', token: { kind: 'tick' } })
      expect(core.kinds).toEqual(['start'])
    }
    driver.dispatch({ kind: 'start' })
    expect(core.kinds).toEqual(['start', 'bootstrapFailed', 'timer'])
    expect(core.depthMax).toBe(1)
  })

  it('carry the time at which they are handled', () => {
    const { clock, core, driver } = arrange()
    driver.dispatch({ kind: 'start' })
    clock.now = 5_000
    driver.dispatch({ kind: 'stop' })
    expect(core.nows).toEqual([1_000, 5_000])
  })

  it('are still handled after one of them made the core throw', () => {
    const { core, driver, faults } = arrange()
    const error = new Error('a bug')
    core.on = (input) => {
      if (input.kind === 'start') throw error
    }
    driver.dispatch({ kind: 'start' })
    driver.dispatch({ kind: 'stop' })
    expect(faults).toEqual([error])
    expect(core.kinds).toEqual(['start', 'stop'])
  })
})

describe('events', () => {
  it('are delivered when the core is done, so that their listeners may dispatch', () => {
    const seen: string[] = []
    const { core, driver, io } = arrange({
      onEvent: (event) => {
        seen.push(`${event.kind} at depth ${core.depth}`)
        driver.dispatch({ kind: 'timer', token: { kind: 'lottery' } })
      },
    })
    core.on = (input) => {
      if (input.kind === 'start') io.emit({ kind: 'ready' })
    }
    driver.dispatch({ kind: 'start' })
    expect(seen).toEqual(['ready at depth 0'])
    expect(core.kinds).toEqual(['start', 'timer'])
    expect(core.depthMax).toBe(1)
  })
})

describe('timers', () => {
  it('hand their token back when it is due', () => {
    const { clock, core, io } = arrange()
    io.schedule({ kind: 'attempt', id: ID, attempt: 3 }, 500)
    clock.run(499)
    expect(core.inputs).toEqual([])
    clock.run(1)
    expect(core.inputs).toEqual([{ kind: 'timer', token: { kind: 'attempt', id: ID, attempt: 3 } }])
  })

  it('are gone once the driver has stopped', async () => {
    const { clock, driver, io } = arrange()
    io.schedule({ kind: 'tick' }, 500)
    expect(clock.waiting.size).toBe(1)
    await driver.stop()
    expect(clock.waiting.size).toBe(0)
  })
})

describe('links', () => {
  it('are numbered by instance, and each ends in exactly one linkDown', async () => {
    const { core, driver, io } = arrange()
    const [first, second] = [linkPair(), linkPair()]
    driver.attach({ link: first.near, peer: PEER, role: 'peer', exchange: null })
    driver.attach({ link: second.near, peer: PEER, role: 'visitor', exchange: 'e' as ExchangeId })
    io.closeLink(1 as LinkId, 'replaced')
    io.closeLink(1 as LinkId, 'again')
    await settled()
    expect(core.inputs).toEqual([
      { kind: 'linkUp', link: 1, peer: PEER, role: 'peer', transport: 'memory', isSecure: true, exchange: null },
      { kind: 'linkUp', link: 2, peer: PEER, role: 'visitor', transport: 'memory', isSecure: true, exchange: 'e' },
      { kind: 'linkDown', link: 1, reason: 'replaced' },
    ])
    expect(driver.counters(1 as LinkId)).toBeUndefined()
    expect(driver.counters(2 as LinkId)).toMatchObject({ framesIn: 0 })
  })

  it('carry frames both ways', async () => {
    const { core, driver, io } = arrange()
    const { near, far } = linkPair()
    const heard: unknown[] = []
    far.onFrame = (frame) => void heard.push(frame)
    driver.attach({ link: near, peer: PEER, role: 'peer', exchange: null })
    io.send(1 as LinkId, HEARTBEAT)
    far.send(HEARTBEAT)
    await settled()
    expect(heard).toEqual([HEARTBEAT])
    expect(core.inputs[1]).toEqual({ kind: 'frame', link: 1, frame: HEARTBEAT })
  })

  it('close when a handshake frame comes after the handshake', async () => {
    const { core, driver } = arrange()
    const { near, far } = linkPair()
    driver.attach({ link: near, peer: PEER, role: 'peer', exchange: null })
    far.send({ kind: 'denied', reason: 'no' })
    await settled()
    expect(core.inputs.at(-1)).toEqual({ kind: 'linkDown', link: 1, reason: 'unexpected handshake frame' })
  })

  it('are flushed and closed by stop, and none can join afterwards', async () => {
    const { core, driver, io } = arrange()
    const { near, far } = linkPair()
    const heard: string[] = []
    far.onFrame = (frame) => void heard.push(frame.kind)
    far.onDown = () => void heard.push('down')
    driver.attach({ link: near, peer: PEER, role: 'peer', exchange: null })
    core.on = (input) => {
      if (input.kind === 'stop') io.send(1 as LinkId, { kind: 'goodbye', reason: 'closed' })
    }
    await driver.stop()
    await settled()
    expect(heard).toEqual(['goodbye', 'down'])
    const late = linkPair()
    driver.attach({ link: late.near, peer: PEER, role: 'peer', exchange: null })
    expect(late.near.isOpen).toBe(false)
    expect(core.kinds).toEqual(['linkUp', 'stop', 'linkDown'])
  })
})

describe('sealing jobs', () => {
  it('that are refused come back with their reason', async () => {
    const refuse = (): Promise<never> => Promise.reject(new Refused('expired'))
    const { core, faults, io } = arrange({ sealing: { ...NO_SEALING, verify: refuse } })
    io.verify(VERIFY)
    await settled()
    expect(core.inputs).toEqual([{ kind: 'jobRefused', job: VERIFY, reason: 'expired' }])
    expect(faults).toEqual([])
  })

  it('that fail for any other reason are reported, and still end in one input', async () => {
    const error = new TypeError('broken platform')
    const { core, faults, io } = arrange({ sealing: { ...NO_SEALING, verify: () => Promise.reject(error) } })
    io.verify(VERIFY)
    await settled()
    expect(core.kinds).toEqual(['jobRefused'])
    expect(faults).toEqual([error])
  })

  it('also when it is our own signature that fails', async () => {
    const error = new TypeError('no key')
    const { core, faults, io } = arrange({ sealing: { ...NO_SEALING, sign: () => Promise.reject(error) } })
    io.sign(ID, new Uint8Array(3), TREE)
    await settled()
    expect(core.inputs).toEqual([
      { kind: 'jobRefused', job: { kind: 'sign', tree: TREE, id: ID }, reason: 'malformed' },
    ])
    expect(faults).toEqual([error])
  })

  it('that succeed come back with what they made', async () => {
    const payload = new Uint8Array([1])
    const { core, io } = arrange({
      sealing: { ...NO_SEALING, verify: () => Promise.resolve({ source: PEER, signedAt: 5 as Instant, payload }) },
    })
    io.verify(VERIFY)
    await settled()
    expect(core.inputs).toEqual([{ kind: 'verified', tree: TREE, id: ID, link: 1, source: PEER, signedAt: 5, payload }])
  })
})

describe('randomness', () => {
  it('uses every word of the source once, and asks for more when they are used up', () => {
    let filled = 0
    const random = randomWords({
      getRandomValues: (words) => {
        for (const index of words.keys()) words[index] = filled++
      },
    })
    const drawn = Array.from({ length: 600 }, random)
    expect(drawn).toEqual(Array.from({ length: 600 }, (_, index) => index))
  })
})
