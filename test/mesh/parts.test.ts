/** The small parts of the public face: errors, events, data, waiting, pending requests. */

import { describe, expect, it } from 'vitest'
import type { RequestId } from '../../src/core/ids.ts'
import type { Input, Receipt } from '../../src/core/io.ts'
import { metadataBytes, parseMetadata, payloadOf } from '../../src/data.ts'
import { abortError, asMeshError, MeshError, type MeshErrorCode } from '../../src/errors.ts'
import { Events, type MeshEvents } from '../../src/events.ts'
import { failureError, Pending } from '../../src/pending.ts'
import { waitFor } from '../../src/waiting.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const code = (error: unknown): MeshErrorCode => (error as MeshError).code
const caught = (work: () => unknown): MeshError => {
  try {
    work()
  } catch (error) {
    return error as MeshError
  }
  throw new Error('nothing was thrown')
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Uncaught exceptions while `work` runs; vitest's own handlers are put aside. */
async function uncaught(work: () => void): Promise<unknown[]> {
  const found: unknown[] = []
  const handlers = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => void found.push(error))
  work()
  await settled()
  process.removeAllListeners('uncaughtException')
  for (const handler of handlers) process.on('uncaughtException', handler)
  return found
}

describe('MeshError', () => {
  it('is an Error with a code, and keeps its cause', () => {
    const cause = new Error('below')
    const error = asMeshError('ERR_INTERNAL', cause)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'MeshError', code: 'ERR_INTERNAL', message: 'below', cause })
    expect(asMeshError('ERR_BUSY', error)).toBe(error)
    expect('cause' in new MeshError('ERR_BUSY', 'x')).toBe(false)
  })

  it('of an aborted wait carries the reason of the signal', () => {
    const reason = new Error('changed my mind')
    expect(abortError(AbortSignal.abort(reason))).toMatchObject({
      code: 'ERR_ABORTED',
      message: 'aborted: changed my mind',
      cause: reason,
    })
  })

  it('says what the core said', () => {
    expect(failureError('refused', 'rejected')).toMatchObject({ code: 'ERR_REFUSED', message: 'refused: rejected' })
    expect(failureError('timeout', 'timeout')).toMatchObject({ code: 'ERR_TIMEOUT', message: 'timeout' })
  })
})

/** As a mesh has them. */
function createEvents(): Events<MeshEvents> {
  const events: Events<MeshEvents> = new Events<MeshEvents>((error) => events.emit('error', error))
  return events
}

describe('events', () => {
  it('reach every listener until it unsubscribes, twice if it likes', () => {
    const events = createEvents()
    const heard: string[] = []
    const off = events.on('ready', ({ id }) => heard.push(`a${id}`))
    events.on('ready', ({ id }) => heard.push(`b${id}`))
    expect(events.emit('ready', { id: '1' })).toBe(true)
    off()
    off()
    events.emit('ready', { id: '2' })
    expect(heard).toEqual(['a1', 'b1', 'b2'])
    expect(events.emit('bootstrap', { state: 'left', detail: '' })).toBe(false)
  })

  it('count one function that subscribed twice as two listeners', () => {
    const events = createEvents()
    let count = 0
    const listener = (): void => void count++
    const off = events.on('ready', listener)
    events.on('ready', listener)
    off()
    events.emit('ready', { id: '' })
    expect(count).toBe(1)
  })

  it('go on to the next listener when one throws, and tell the listeners of error', () => {
    const events = createEvents()
    const bug = new Error('bug')
    const errors: MeshError[] = []
    let reached = false
    events.on('error', (error) => errors.push(error))
    events.on('ready', () => {
      throw bug
    })
    events.on('ready', () => (reached = true))
    events.emit('ready', { id: '' })
    expect(reached).toBe(true)
    expect(errors).toMatchObject([{ code: 'ERR_LISTENER', cause: bug }])
  })

  it('surface a bug as uncaught when nobody listens to error', async () => {
    const events = createEvents()
    const bugs = ['sync', 'async', 'in error'].map((text) => new Error(text))
    const found = await uncaught(() => {
      events.on('ready', () => {
        throw bugs[0]
      })
      events.on('ready', () => Promise.reject(bugs[1]))
      events.emit('ready', { id: '' })
    })
    events.on('error', () => {
      throw bugs[2]
    })
    found.push(...(await uncaught(() => events.emit('error', new MeshError('ERR_INTERNAL', 'x')))))
    expect(found).toEqual(bugs)
  })

  it('drop what the network did to an async listener, so that no remote peer can end the process', async () => {
    const events = createEvents()
    const error = new MeshError('ERR_CLOSED', 'hung up')
    events.on('ready', () => Promise.reject(error))
    expect(await uncaught(() => events.emit('ready', { id: '' }))).toEqual([])
    const errors: MeshError[] = []
    events.on('error', (heard) => errors.push(heard))
    events.emit('ready', { id: '' })
    await settled()
    expect(errors).toMatchObject([{ code: 'ERR_LISTENER', cause: error }])
  })
})

describe('data', () => {
  it('may be text, bytes or a buffer, and is copied', () => {
    const bytes = Buffer.from('abc')
    const payloads = ['abc', bytes, new Uint8Array(bytes), new Uint8Array(bytes).buffer].map(payloadOf)
    bytes.fill(0)
    for (const payload of payloads) expect(payload).toEqual(utf8('abc'))
    expect(payloadOf('')).toEqual(new Uint8Array())
  })

  it('above 15 KiB is refused with the limit in the message', () => {
    expect(payloadOf(new Uint8Array(15 * 1024))).toHaveLength(15 * 1024)
    const error = caught(() => payloadOf('ü'.repeat(7_681)))
    expect(error.code).toBe('ERR_TOO_LARGE')
    expect(error.message).toContain('15362 bytes')
    expect(error.message).toContain('15360 bytes')
  })

  it('of any other kind is refused', () => {
    for (const data of [undefined, null, 7, {}, [1], new Blob()])
      expect(code(caught(() => payloadOf(data)))).toBe('ERR_OPTION')
  })
})

describe('metadata', () => {
  it('comes back as it was, and nothing as undefined', () => {
    for (const metadata of [null, 0, '', 'ä', [1, { a: [] }], { __proto__: null, x: true }]) {
      expect(parseMetadata(metadataBytes(metadata))).toEqual({ metadata })
    }
    expect(parseMetadata(metadataBytes(undefined))).toEqual({ metadata: undefined })
  })

  it('above 1 KiB is refused, as is what JSON cannot say', () => {
    expect(metadataBytes('x'.repeat(1022))).toHaveLength(1024)
    const error = caught(() => metadataBytes('x'.repeat(1023)))
    expect(error).toMatchObject({ code: 'ERR_TOO_LARGE' })
    expect(error.message).toContain('1024 bytes')
    const circular: { self?: object } = {}
    circular.self = circular
    for (const metadata of [circular, 10n, () => 1, Symbol('x')]) {
      expect(code(caught(() => metadataBytes(metadata)))).toBe('ERR_OPTION')
    }
  })

  it('of a peer that is not JSON in UTF-8 is null', () => {
    for (const bytes of [utf8('{'), utf8('undefined'), new Uint8Array([0xff]), new Uint8Array([0])]) {
      expect(parseMetadata(bytes)).toBeNull()
    }
  })
})

describe('waiting', () => {
  const forever = new Promise<never>(() => {})
  const onTimeout = (): MeshError => new MeshError('ERR_TIMEOUT', 'too late')

  it('ends with the promise, whichever way it goes', async () => {
    await expect(waitFor(Promise.resolve(1), { timeoutMs: 1_000, onTimeout })).resolves.toBe(1)
    const error = new MeshError('ERR_CLOSED', 'x')
    await expect(waitFor(Promise.reject(error), { timeoutMs: 1_000, onTimeout })).rejects.toBe(error)
  })

  it('ends with the time-out or the signal', async () => {
    await expect(waitFor(forever, { timeoutMs: 1, onTimeout })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    const controller = new AbortController()
    const waiting = waitFor(forever, { signal: controller.signal, timeoutMs: 60_000, onTimeout })
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    const late = waitFor(Promise.resolve(1), { signal: controller.signal, timeoutMs: 60_000, onTimeout })
    await expect(late).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })
})

describe('pending requests', () => {
  const receipt: Receipt = { hops: 2, path: 'routed', ms: 5, attempts: 1 }
  const arrange = () => {
    const inputs: Input[] = []
    const pending = new Pending((input) => void inputs.push(input))
    const run = (signal?: AbortSignal) =>
      pending.run({ input: (request) => ({ kind: 'broadcast', request, topic: null, payload: utf8('') }), signal })
    return { inputs, pending, run }
  }

  it('end with their own receipt or failure', async () => {
    const { pending, run } = arrange()
    const [first, second] = [run(), run()]
    pending.failed(1 as RequestId, failureError('unreachable', ''))
    pending.done(2 as RequestId, receipt)
    await expect(first).rejects.toMatchObject({ code: 'ERR_UNREACHABLE' })
    await expect(second).resolves.toBe(receipt)
  })

  it('that are aborted tell the core, and what it says afterwards is ignored', async () => {
    const { inputs, pending, run } = arrange()
    const controller = new AbortController()
    const waiting = run(controller.signal)
    controller.abort(new Error('enough'))
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ABORTED', message: 'aborted: enough' })
    expect(inputs).toMatchObject([{ kind: 'broadcast' }, { kind: 'cancel', request: 1 }])
    pending.failed(1 as RequestId, failureError('cancelled', ''))
    pending.done(1 as RequestId, receipt)
  })

  it('that were aborted before they began never reach the core', async () => {
    const { inputs, run } = arrange()
    await expect(run(AbortSignal.abort())).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(inputs).toEqual([])
  })

  it('are not cancelled by a signal that fires after their end', async () => {
    const { inputs, pending, run } = arrange()
    const controller = new AbortController()
    const waiting = run(controller.signal)
    pending.done(1 as RequestId, receipt)
    await waiting
    controller.abort()
    expect(inputs).toHaveLength(1)
  })

  it('all end when the mesh does', async () => {
    const { pending, run } = arrange()
    const waiting = [run(), run()]
    pending.failAll(new MeshError('ERR_CLOSED', 'closed'))
    for (const promise of waiting) await expect(promise).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    // So does what was just about to begin.
    await expect(run()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})
