/**
 * The emitter of the browser build of simple-peer beside the `events` package's, which simple-peer's own bundle has:
 * whatever is done with them, both answer and call the same.
 */

import type { EventEmitter as NodeEmitter } from 'node:events'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { EventEmitter as OurEmitter } from '../../../src/net/simple-peer/events.ts'

type Emitter = NodeEmitter

// The package, not Node's module of the same name.
const { EventEmitter: TheirEmitter } = createRequire(import.meta.url)('events/') as { EventEmitter: new () => Emitter }

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

const NAMES = ['a', 'b', 'error', 'newListener', 'removeListener'] as const
const name = fc.constantFrom(...NAMES)
const listenerIndex = fc.nat(3)

interface Use {
  readonly method: string
  readonly name: (typeof NAMES)[number]
  readonly listener: number
}

const use: fc.Arbitrary<Use> = fc.record({
  method: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('on', 'addListener', 'once', 'prependListener', 'prependOnceListener') },
    { weight: 2, arbitrary: fc.constantFrom('off', 'removeListener') },
    { weight: 3, arbitrary: fc.constant('emit') },
    fc.constantFrom('removeAllListeners', 'removeEverything'),
  ),
  name,
  listener: listenerIndex,
})

/** Everything that is called and answered, in order. */
function logOf(Emitter: new () => Emitter, uses: readonly Use[]): unknown[] {
  const emitter = new Emitter()
  const log: unknown[] = []
  let depth = 0
  const listeners = [0, 1, 2, 3].map(
    (index) =>
      function (this: unknown, ...values: unknown[]) {
        log.push([
          index,
          this === emitter,
          ...values.map((value) => listeners.indexOf(value as () => void) + String(value).slice(0, 9)),
        ])
        // Lists change while somebody goes through them.
        if (depth > 0) return
        depth++
        if (index === 1) emitter.off('a', listeners[0]!)
        if (index === 2) emitter.on('b', listeners[3]!)
        depth--
      },
  )
  for (const { method, name: event, listener } of uses) {
    // Several who hear of each other's removal, and of their own, do so in another order.
    const isTangled =
      emitter.listenerCount('removeListener') > 1 && (method.endsWith('Everything') || event === 'removeListener')
    if (isTangled && !/^(?:on|emit)$/.test(method)) continue
    // The package loses its place, and throws, where who hears of a removal removes more of the same (seed 725273).
    const isLost = method === 'removeEverything' || (method === 'removeAllListeners' && event === 'a')
    if (isLost && emitter.listeners('removeListener').includes(listeners[1]!)) continue
    try {
      if (method === 'emit') log.push(emitter.emit(event, 'x', listener))
      else if (method === 'removeAllListeners') emitter.removeAllListeners(event)
      else if (method === 'removeEverything') emitter.removeAllListeners()
      else log.push((emitter[method as 'on'](event, listeners[listener]!) as unknown) === emitter)
    } catch (error) {
      log.push(`throws ${(error as Error).constructor.name}`)
    }
    const indexes = (list: readonly unknown[]) => list.map((one) => listeners.indexOf(one as () => void))
    log.push([
      NAMES.filter((one) => emitter.eventNames().includes(one)),
      NAMES.map((one) => indexes(emitter.listeners(one))),
    ])
    log.push(NAMES.map((one) => [emitter.listenerCount(one), emitter.rawListeners(one).length]))
  }
  return log
}

test(`calls and answers like the package's, seed ${seed}`, () => {
  fc.assert(
    fc.property(fc.array(use, { maxLength: 12 }), (uses) => {
      expect(logOf(OurEmitter as unknown as new () => Emitter, uses)).toEqual(logOf(TheirEmitter, uses))
    }),
    { numRuns: 2_000, seed },
  )
})

test('throws an error that nobody listens for, and wraps what is none', () => {
  const emitter = new OurEmitter()
  const error = new Error('mine')
  expect(() => emitter.emit('error', error)).toThrow(error)
  expect(() => emitter.emit('error', 'text')).toThrow(expect.objectContaining({ context: 'text' }))
})

test('refuses listeners that are no functions, and bounds that are no numbers', () => {
  const emitter = new OurEmitter()
  for (const method of ['on', 'once', 'prependListener', 'off'] as const)
    expect(() => emitter[method]('a', 7 as never)).toThrow(TypeError)
  for (const count of [-1, NaN]) expect(() => emitter.setMaxListeners(count)).toThrow(RangeError)
})

test('warns of the eleventh listener, or of the one above the bound, once', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  const emitter = new OurEmitter()
  for (let count = 0; count < 13; count++) emitter.on('a', () => {})
  expect(warn).toHaveBeenCalledTimes(1)
  emitter.setMaxListeners(0)
  for (let count = 0; count < 13; count++) emitter.on('b', () => {})
  expect([warn.mock.calls.length, emitter.getMaxListeners()]).toEqual([1, 0])
  warn.mockRestore()
})
