/**
 * The stream of the browser build of simple-peer beside readable-stream's, which simple-peer's own bundle has: used in the
 * same arbitrary way, both emit the same, answer the same and are in the same state, turn by turn.
 */

import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Duplex as OurDuplex } from '../../../src/net/simple-peer/duplex.ts'

type Done = (error?: Error | null) => void
type Stream = EventEmitter & AsyncIterable<unknown> & Record<string, (...values: unknown[]) => unknown>
type Base = new (options: object) => object

const require = createRequire(import.meta.url)
const { Duplex: TheirDuplex } = require('readable-stream') as { Duplex: Base }

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const RUNS = { numRuns: process.env['LONG'] ? 15_000 : 800, seed }

const { nextTick } = process

/** As in browsers a later turn is a microtask, for both; all of them. */
async function microtasks(): Promise<void> {
  for (let count = 0; count < 40; count++) await Promise.resolve()
}

/** In words that do not depend on the class. */
function plain(value: unknown): unknown {
  if (value instanceof Error) return { code: (value as { code?: unknown }).code ?? value.message }
  if (value instanceof Uint8Array) return `bytes ${[...value].join(' ')}`
  return typeof value === 'object' && value !== null ? 'an object' : value
}

/** Like simple-peer: no `_read` to speak of, its own way to be destroyed. */
function peerClass(Duplex: Base, subject: Subject): Base {
  return class extends Duplex {
    _read(): void {}

    _write(chunk: unknown, encoding: string, done: Done): void {
      subject.note('_write', chunk, encoding)
      if (subject.isSlow) subject.done = done
      else done(null)
    }

    destroy(error?: Error): void {
      const self = this as unknown as Stream & { destroyed: boolean; readable: boolean; writable: boolean }
      queueMicrotask(() => {
        if (self.destroyed) return
        self.destroyed = true
        self.readable = self.writable = false
        const { _readableState: reading, _writableState: writing } = this as unknown as Record<string, State>
        if (!reading!.ended) self['push']!(null)
        if (!writing!.finished) self['end']!()
        if (error) self.emit('error', error)
        self.emit('close')
      })
    }
  }
}

/** One stream in use, and everything that was heard of it. */
class Subject {
  readonly log: unknown[] = []
  readonly stream: Stream
  readonly listeners: Record<'data' | 'readable', ((chunk?: unknown) => void)[]> = { data: [], readable: [] }
  readonly sinks: Sink[] = []
  /** Of the write that has not been called back for. */
  done: Done | null = null
  isSlow = false
  hasEncoding = false

  constructor(Duplex: Base) {
    const Peer = peerClass(Duplex, this)
    this.stream = new Peer({ allowHalfOpen: false }) as unknown as Stream
    for (const name of ['end', 'pause', 'resume', 'error', 'close', 'prefinish', 'finish', 'drain'])
      this.stream.on(name, (value) => this.note(name, value))
  }

  note(...values: unknown[]): void {
    this.log.push(values.map(plain))
  }

  /** What a method answers or throws. */
  call(method: string, ...values: unknown[]): void {
    try {
      const answer = this.stream[method]!(...values)
      this.note(method, answer === this.stream ? 'itself' : answer)
    } catch (error) {
      this.note(method, 'throws', error)
    }
  }

  listen(name: 'data' | 'readable', react: (chunk?: unknown) => void): void {
    const listener = (chunk?: unknown): void => {
      this.note(name, chunk)
      react(chunk)
    }
    this.listeners[name].push(listener)
    this.stream.on(name, listener)
  }

  unlisten(name: 'data' | 'readable'): void {
    const listener = this.listeners[name].pop()
    if (listener) this.stream.removeListener(name, listener)
  }

  noteState(): void {
    const { readable, writable, destroyed, readableLength, readableFlowing, writableLength } = this.stream
    const { readableHighWaterMark, writableHighWaterMark } = this.stream
    this.note('state', readable, writable, destroyed, readableLength, readableFlowing, writableLength)
    this.note(this.stream['isPaused']!(), readableHighWaterMark, writableHighWaterMark)
    for (const state of ['_readableState', '_writableState'])
      this.note(...STATE.map((name) => (this.stream[state] as unknown as State)[name] ?? null))
  }
}

type State = Record<(typeof STATE)[number], unknown>
/** What other libraries look at. */
const STATE = [
  'ended',
  'ending',
  'endEmitted',
  'finished',
  'length',
  'needDrain',
  'needReadable',
  'destroyed',
  'corked',
] as const

/** A destination for pipes that takes `room` chunks between drains. */
class Sink extends EventEmitter {
  readonly #subject: Subject
  readonly #name: string
  readonly #roomMax: number
  #room: number

  constructor(subject: Subject, name: string, room: number) {
    super()
    this.#subject = subject
    this.#name = name
    this.#room = this.#roomMax = room
    for (const event of ['pipe', 'unpipe']) this.on(event, () => subject.note(name, event))
  }

  write(chunk: unknown): boolean {
    this.#subject.note(this.#name, 'write', chunk)
    return --this.#room > 0
  }

  end(): void {
    this.#subject.note(this.#name, 'end')
    this.emit('finish')
  }

  drain(): void {
    this.#room = this.#roomMax
    this.emit('drain')
  }
}

type Use = (subject: Subject) => void

/** ASCII; what `setEncoding` makes of other bytes is tested apart. */
const bytes = fc.uint8Array({ max: 0x7f, maxLength: 5 })
const long = fc.constantFrom(9_000, 16_384, 20_000).map((length) => new Uint8Array(length).fill(7))
const text = fc.string({ unit: fc.constantFrom('a', 'é', '€', '𝄞', '0', 'f'), maxLength: 5 })
/** Means something in every encoding. */
const digits = fc.string({ unit: fc.constantFrom('a', '0', 'f'), maxLength: 5 })
const encoding = fc.constantFrom('utf8', 'UTF-8', 'latin1', 'ucs2', 'hex', 'base64', 'ascii')
const size = fc.option(fc.integer({ min: -1, max: 9 }), { nil: undefined })

/** Anything that an application, or simple-peer itself, does with a stream in one go. */
const use: fc.Arbitrary<Use> = fc.oneof(
  // What simple-peer does.
  {
    weight: 8,
    arbitrary: bytes.map(
      (data): Use =>
        (subject) =>
          subject.call('push', data),
    ),
  },
  {
    weight: 3,
    arbitrary: text.map(
      (data): Use =>
        (subject) =>
          subject.call('push', data),
    ),
  },
  {
    weight: 2,
    arbitrary: long.map(
      (data): Use =>
        (subject) =>
          subject.call('push', data),
    ),
  },
  fc.constant<Use>((subject) => subject.call('push', null)),
  fc.constant<Use>((subject) => subject.call('push', 7)),
  fc.boolean().map(
    (isSlow): Use =>
      (subject) =>
        void (subject.isSlow = isSlow),
  ),
  {
    weight: 4,
    arbitrary: fc.constantFrom(null, null, null, new Error('not written')).map((error): Use => (subject) => {
      const { done } = subject
      subject.done = null
      done?.(error)
    }),
  },
  // Reading.
  {
    weight: 4,
    arbitrary: size.map(
      (count): Use =>
        (subject) =>
          subject.call('read', count),
    ),
  },
  fc.constantFrom(17_000, 40_000).map(
    (count): Use =>
      (subject) =>
        subject.call('read', count),
  ),
  // Not with an encoding: theirs takes bytes for UTF-8 then, and counts them as so many characters.
  bytes.map(
    (data): Use =>
      (subject) =>
        void (subject.hasEncoding || subject.call('unshift', data)),
  ),
  // Once: with text in its buffer already, theirs breaks.
  encoding.map((name): Use => (subject) => {
    if (!subject.hasEncoding) subject.call('setEncoding', name)
    subject.hasEncoding = true
  }),
  { weight: 2, arbitrary: fc.constant<Use>((subject) => subject.call('pause')) },
  { weight: 2, arbitrary: fc.constant<Use>((subject) => subject.call('resume')) },
  { weight: 3, arbitrary: fc.constant<Use>((subject) => subject.listen('data', () => {})) },
  fc.constant<Use>((subject) => subject.listen('data', () => void subject.stream['pause']!())),
  { weight: 2, arbitrary: fc.constant<Use>((subject) => subject.unlisten('data')) },
  fc.constant<Use>((subject) => void subject.stream.once('data', (chunk) => subject.note('once data', chunk))),
  {
    weight: 2,
    arbitrary: size.map(
      (count): Use =>
        (subject) =>
          subject.listen('readable', () => {
            for (let chunk = subject.stream['read']!(count); chunk !== null; chunk = subject.stream['read']!(count)) {
              subject.note('read', chunk)
              if (count === 0 || count === -1) break
            }
          }),
    ),
  },
  fc.constant<Use>((subject) => subject.listen('readable', () => {})),
  fc.constant<Use>((subject) => subject.unlisten('readable')),
  fc.constant<Use>((subject) => void subject.stream.once('readable', () => subject.note('once readable'))),
  fc.constantFrom('data', 'readable').map(
    (name): Use =>
      (subject) =>
        void subject.stream.removeAllListeners(name),
  ),
  // Pipes.
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.boolean()).map(([room, end]): Use => (subject) => {
    const sink = new Sink(subject, `sink ${subject.sinks.length}`, room)
    subject.sinks.push(sink)
    subject.stream['pipe']!(sink, end ? undefined : { end })
  }),
  {
    weight: 2,
    arbitrary: fc.nat(3).map(
      (at): Use =>
        (subject) =>
          void subject.sinks[at]?.drain(),
    ),
  },
  fc.nat(3).map(
    (at): Use =>
      (subject) =>
        void subject.stream['unpipe']!(subject.sinks[at]),
  ),
  fc.constantFrom('close', 'finish').chain((name) =>
    fc.nat(3).map(
      (at): Use =>
        (subject) =>
          void subject.sinks[at]?.emit(name),
    ),
  ),
  fc.nat(3).map((at): Use => (subject) => {
    try {
      subject.sinks[at]?.emit('error', new Error('sink'))
    } catch (error) {
      subject.note('thrown', error)
    }
  }),
  // Writing.
  {
    weight: 4,
    arbitrary: fc.oneof(bytes, text, long).map(
      (data): Use =>
        (subject) =>
          subject.call('write', data, (error: unknown) => subject.note('written', error)),
    ),
  },
  fc.tuple(digits, encoding).map(
    ([data, name]): Use =>
      (subject) =>
        subject.call('write', data, name),
  ),
  fc.constantFrom(null, 7, undefined).map(
    (data): Use =>
      (subject) =>
        subject.call('write', data, (error: unknown) => subject.note('written', error)),
  ),
  fc.constant<Use>((subject) => subject.call('end')),
  bytes.map(
    (data): Use =>
      (subject) =>
        subject.call('end', data, (error: unknown) => subject.note('ended', error)),
  ),
  fc.constant<Use>((subject) => subject.call('end', () => subject.note('ended'))),
  fc.constant<Use>((subject) => subject.call('cork')),
  { weight: 2, arbitrary: fc.constant<Use>((subject) => subject.call('uncork')) },
  fc.constantFrom('UTF-8', 'ucs2', 'binary', 'utf9').map(
    (name): Use =>
      (subject) =>
        subject.call('setDefaultEncoding', name),
  ),
  fc.constantFrom(undefined, new Error('mine')).map(
    (error): Use =>
      (subject) =>
        subject.call('destroy', error),
  ),
)

async function logOf(Duplex: Base, turns: readonly (readonly Use[])[]): Promise<unknown[]> {
  const subject = new Subject(Duplex)
  process.nextTick = (run, ...values: unknown[]) => queueMicrotask(() => Reflect.apply(run, null, values))
  for (const uses of turns) {
    for (const one of uses) {
      try {
        one(subject)
      } catch (error) {
        subject.note('thrown', error)
      }
    }
    subject.noteState()
    await microtasks()
    subject.note('turn')
    subject.noteState()
  }
  process.nextTick = nextTick
  return subject.log
}

describe(`the stream of the browser build, seed ${seed}`, () => {
  test('does what readable-stream does, whatever is done with it', async () => {
    const turns = fc.array(fc.array(use, { maxLength: 4 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(turns, async (list) => {
        expect(await logOf(OurDuplex as unknown as Base, list)).toEqual(await logOf(TheirDuplex, list))
      }),
      RUNS,
    )
  })

  describe('read by an async loop', () => {
    const fresh = (): Stream => new Subject(OurDuplex as unknown as Base).stream

    /** What a loop gets, and how it ends. */
    async function loop(stream: Stream, max = Infinity): Promise<unknown[]> {
      const got: unknown[] = []
      try {
        for await (const chunk of stream) {
          got.push(String(chunk))
          if (got.length === max) break
        }
        return [...got, 'over']
      } catch (error) {
        return [...got, error]
      }
    }

    test('gives what was there, and what comes, to the end', async () => {
      const stream = fresh()
      stream['push']!('a')
      const looped = loop(stream)
      await microtasks()
      for (const chunk of ['b', 'c', null]) stream['push']!(chunk)
      expect(await looped).toEqual(['a', 'bc', 'over'])
      expect(stream['destroyed']).toBe(false)
    })

    test('throws the error of a stream that is destroyed, and is over with one that closes', async () => {
      const error = new Error('gone')
      for (const [reason, end] of [
        [error, error],
        [undefined, 'over'],
      ] as const) {
        const stream = fresh()
        const looped = loop(stream)
        stream['push']!('a')
        await microtasks()
        stream['destroy']!(reason)
        expect(await looped).toEqual(['a', end])
      }
    })

    test('destroys the stream when it is left early, where readable-stream waits for ever, and lets go of it', async () => {
      const stream = fresh()
      stream['push']!('a')
      const before = stream.listenerCount('error')
      expect(await loop(stream, 1)).toEqual(['a', 'over'])
      await microtasks()
      expect([stream['destroyed'], stream.listenerCount('readable'), stream.listenerCount('error')]).toEqual([
        true,
        0,
        before,
      ])
    })

    test('is over at once with a stream that has ended or was destroyed', async () => {
      const [ended, destroyed] = [fresh(), fresh()]
      ended['push']!(null)
      ended['resume']!()
      destroyed['destroy']!()
      await microtasks()
      expect([await loop(ended), await loop(destroyed)]).toEqual([['over'], ['over']])
    })
  })

  test('gives back text and bytes to a stream of text as text', async () => {
    const { stream } = new Subject(OurDuplex as unknown as Base)
    stream['setEncoding']!('ucs2')
    stream['unshift']!(Buffer.from('c', 'ucs2'))
    stream['unshift']!('ab')
    expect([stream['readableLength'], stream['read']!()]).toEqual([3, 'abc'])
  })

  test('takes another encoding with text in its buffer', () => {
    const { stream } = new Subject(OurDuplex as unknown as Base)
    stream['push']!('é')
    stream['setEncoding']!('utf8')
    stream['setEncoding']!('hex')
    stream['push']!('é')
    expect(stream['read']!()).toBe('éc3a9')
  })

  test('works from behind a proxy, as frameworks put in front of what they watch', async () => {
    const { stream, log } = new Subject(OurDuplex as unknown as Base)
    const deep = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (of, name) => {
          const value: unknown = Reflect.get(of, name)
          const isPlain =
            typeof value === 'object' && value !== null && !(value instanceof Map) && !ArrayBuffer.isView(value)
          return isPlain ? deep(value) : value
        },
      })
    const proxy = deep(stream)
    proxy.on('data', (chunk) => log.push(String(chunk)))
    proxy['push']!('a')
    await microtasks()
    proxy['write']!('b')
    expect(log).toContain('a')
    expect(log).toContainEqual(['_write', 'bytes 98', 'buffer'])
  })
})
